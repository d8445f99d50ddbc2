#!/bin/sh
# SPDX-License-Identifier: MIT
# Builds for other machines (tests/ports/targets), runs the quick tests there, by an emulator where that is needed,
# and compares what the commands print about every recipe's image with what the program of this machine prints:
#
#     ports.sh [TARGET ...]
#
# PORTS_PREFIX   where libraries.sh put the libraries; without it those of the system (multiarch) are used
# PORTS_TESTS    `none' to compare outputs only; or the tests to run, as TESTS= takes them
# PORTS_RECIPES  a pattern of recipe names (*)
# What is missing is skipped aloud; a target that was asked for by name must be there.
set -u

here=$top_srcdir/tests/ports
prefix=${PORTS_PREFIX:-/nonexistent}
quick='$(UNIT_TESTS) $(FSCK_LITE_UNIT_TESTS) $(COPIES_TESTS) tests/fuzz/replay.sh tests/cli/usage.sh
	tests/cli/check.sh tests/cli/show.sh tests/cli/journal.sh tests/cli/names.sh'
jobs=$(getconf _NPROCESSORS_ONLN 2>/dev/null || echo 1)
compared=0 differ=0 failed=0 skipped=0
work=$(mktemp -d) || exit 99
trap 'rm -rf "$work"' EXIT

skip()
{
	echo "SKIPPED: $*"
	skipped=$((skipped + 1))
	[ -z "$named" ] || failed=$((failed + 1))
}

fail()
{
	echo "FAILED: $*"
	failed=$((failed + 1))
}

# print_all PROGRAM: what all who read an image print about "image" of this folder, and how they end.
print_all()
{
	for command in 'check' 'check --json' 'df' 'df --json' 'backups' 'backups --json' 'show image super' \
		'show image journal --json' 'show image inode / --hex' 'ls -lR' 'restore --dry-run --json'; do
		# shellcheck disable=SC2086 # words are meant
		case $command in
		show*) set -- $command ;;
		*) set -- $command image ;;
		esac
		echo "\$ $*"
		"$program" "$@" 2>&1
		echo "status $?"
	done
}

# compare TARGET: every recipe, built here and read by both; the builder of the other machine makes the same image.
compare()
{
	program=$top_builddir/ports/$1/run/fsck-lite
	builder=$top_builddir/ports/$1/run/mkfixture
	for recipe in "$top_srcdir"/fixtures/recipes/${PORTS_RECIPES:-*}.recipe; do
		name=${recipe##*/}
		mkdir -p "$work/$name" && cd "$work/$name" || exit 99
		"$MKFIXTURE" "$recipe" image || exit 99
		if [ ! -e ../"$name.text" ]; then
			(program=$FSCK_LITE && print_all) >../"$name.text"
		fi
		print_all >text
		compared=$((compared + 1))
		if ! cmp -s ../"$name.text" text; then
			echo "DIFFERENT: $1, $name: ${program##*/} prints something else"
			diff ../"$name.text" text | head -n 10
			differ=$((differ + 1))
		fi
		"$builder" "$recipe" theirs
		if ! cmp -s image theirs; then
			echo "DIFFERENT: $1, $name: another image is built"
			differ=$((differ + 1))
		fi
		cd "$work" && rm -rf "./$name"
	done
}

# script NAME EMULATOR COMMAND: a script that runs the command.
script()
{
	printf '#!/bin/sh\nexec %s "%s" "$@"\n' "$2" "$3" >"run/$1" && chmod +x "run/$1"
}

# try NAME COMPILER HOST EMULATOR [OPTION...]
try()
{
	name=$1 compiler=$2 host=$3 emulator=$4
	shift 4
	command -v "$compiler" >/dev/null 2>&1 || {
		skip "$name: there is no $compiler"
		return
	}
	[ "$emulator" = - ] && emulator=
	[ -z "$emulator" ] || command -v "$emulator" >/dev/null 2>&1 || {
		skip "$name: there is no $emulator"
		return
	}
	if [ "$host" != - ]; then
		PKG_CONFIG_LIBDIR=$prefix/$name/lib/pkgconfig:/usr/lib/$host/pkgconfig
		export PKG_CONFIG_LIBDIR
		pkg-config --exists zlib || {
			skip "$name: there is no zlib for it (libraries.sh makes one)"
			unset PKG_CONFIG_LIBDIR
			return
		}
		set -- --host="$host" "$@"
		# Where the emulator finds the C library of that machine.
		QEMU_LD_PREFIX=/usr/$host
		export QEMU_LD_PREFIX
	fi
	command -v ccache >/dev/null 2>&1 && compiler="ccache $compiler"
	mkdir -p "$top_builddir/ports/$name/run" && cd "$top_builddir/ports/$name" || exit 99
	log=$top_builddir/ports/$name.log
	if ! { [ -e Makefile ] || "$top_srcdir/configure" -q --enable-werror CC="$compiler" "$@"; } >"$log" 2>&1 ||
		! make -j"$jobs" fsck-lite/fsck-lite fixtures/mkfixture >>"$log" 2>&1; then
		tail -n 20 "$log"
		fail "$name: does not build ($log)"
	else
		script fsck-lite "$emulator" "$PWD/fsck-lite/fsck-lite"
		script mkfixture "$emulator" "$PWD/fixtures/mkfixture"
		(compare "$name" && echo "$compared $differ") >"$work/result"
		sed '$d' "$work/result"
		# shellcheck disable=SC2046 # two words
		set -- $(tail -n 1 "$work/result")
		echo "$name: $1 recipes compared, $2 differences"
		[ "$1" -gt 0 ] && [ "$2" -eq 0 ] || fail "$name: output differs"
		if [ "${PORTS_TESTS:-}" != none ] &&
			! env FUZZ_RUNS="${FUZZ_RUNS:-5}" make -j"$jobs" check TESTS="${PORTS_TESTS:-$quick}" \
				EMULATOR="$emulator" >>"$log" 2>&1; then
			grep -E '^(FAIL|ERROR)' "$log"
			[ -e test-suite.log ] && tail -n 30 test-suite.log
			fail "$name: a test failed ($PWD/test-suite.log)"
		fi
		[ "${PORTS_TESTS:-}" = none ] || grep -E '^# (TOTAL|PASS|SKIP|FAIL)' "$log"
	fi
	unset PKG_CONFIG_LIBDIR QEMU_LD_PREFIX
}

named=${1:+yes}
# shellcheck disable=SC2046 # names of targets, a word each
[ $# -gt 0 ] || set -- $(sed -n 's/^\([a-z][^ #]*\) .*/\1/p' "$here/targets")
for target; do
	line=$(grep "^$target " "$here/targets") || {
		echo "no target is called $target; see $here/targets" >&2
		exit 16
	}
	# shellcheck disable=SC2086 # words are meant
	try $line
done
echo "$# targets, $skipped skipped, $failed failed"
[ "$failed" -eq 0 ]
