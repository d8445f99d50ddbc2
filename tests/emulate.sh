# SPDX-License-Identifier: MIT
# shellcheck shell=sh
# Part of the environment of every test. EMULATOR names the program (and its options) that runs those of another
# machine. Tests know one path of fsck-lite and link other names to it, so here a script takes its place, which
# starts the emulator with the name it was called by. FSCK_LITE of several words is treated the same.

# emulated NAME COMMAND: the path of a script that runs the command.
emulated()
{
	mkdir -p "$top_builddir/tests/emulated"
	zero=
	case $2 in
	*qemu-*) zero='-0 "$0" ' ;;
	esac
	words=$2
	printf '#!/bin/sh\nexec %s %s"%s" "$@"\n' "${words% *}" "$zero" "${words##* }" \
		>"$top_builddir/tests/emulated/$1.$$"
	chmod +x "$top_builddir/tests/emulated/$1.$$"
	mv -f "$top_builddir/tests/emulated/$1.$$" "$top_builddir/tests/emulated/$1"
	printf %s "$top_builddir/tests/emulated/$1"
}

if [ -n "${EMULATOR:-}" ]; then
	[ ! -x "$FSCK_LITE" ] || FSCK_LITE=$(emulated fsck-lite "$EMULATOR $FSCK_LITE")
	[ ! -x "$MKFIXTURE" ] || MKFIXTURE=$(emulated mkfixture "$EMULATOR $MKFIXTURE")
	TREE=$(emulated tree "$EMULATOR $top_builddir/tests/tools/tree")
	# Of the Check library: what is run by an emulator is ten to fifty times slower.
	CK_TIMEOUT_MULTIPLIER=50
	FSCK_LITE_SLOWER=50
	export EMULATOR TREE CK_TIMEOUT_MULTIPLIER FSCK_LITE_SLOWER
elif [ ! -e "$FSCK_LITE" ]; then
	case $FSCK_LITE in
	*' '*) FSCK_LITE=$(emulated fsck-lite "$FSCK_LITE") ;;
	esac
fi
