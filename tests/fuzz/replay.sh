#!/bin/sh
# SPDX-License-Identifier: MIT
# Runs every fuzz target on its corpus (tests/fuzz/corpus/TARGET), on seeds made from the recipes, and on
# FUZZ_RUNS variants of each (100). The variants are the same every time.
set -u
FUZZ_RUNS=${FUZZ_RUNS:-100}
export FUZZ_RUNS
work=$(mktemp -d) || exit 99
trap 'rm -rf "$work"' EXIT
passed=0
failed=0

replay()
{
	target=$1
	shift
	# EMULATOR may hold a program that runs those of another machine.
	# shellcheck disable=SC2086
	if ${EMULATOR:-} "$top_builddir/tests/fuzz/fuzz_$target" "$@" 2>"$work/errors"; then
		passed=$((passed + 1))
	else
		failed=$((failed + 1))
		echo "FAILED: fuzz_$target $* (FUZZ_RUNS=$FUZZ_RUNS)"
		tail -n 40 "$work/errors"
	fi
}

# Seeds for the block targets are cut from an image: part IMAGE FIRST COUNT, in units of 1 KiB.
part()
{
	dd if="$1" bs=1024 skip="$2" count="$3" 2>/dev/null
}

for recipe in "$top_srcdir"/fixtures/recipes/*.recipe; do
	[ -e "$recipe" ] || continue
	image=$work/seed.img
	"$MKFIXTURE" "$recipe" "$image" 2>/dev/null || continue
	case $recipe in
	*/journal-*|*/fast-commit*|*/orphan-*) FUZZ_RUNS=$((FUZZ_RUNS / 20 + 1)) replay recovery "$image" ;;
	esac
	# Small ones only: each variant walks the whole image.
	[ "$(wc -c <"$image")" -le 2097152 ] || continue
	FUZZ_RUNS=$((FUZZ_RUNS / 10 + 1)) replay image "$image"
	FUZZ_RUNS=$((FUZZ_RUNS / 10 + 1)) replay survey "$image"
	if [ ! -e "$work/superblock" ]; then
		part "$image" 1 1 >"$work/superblock"
		part "$image" 0 64 >"$work/blocks"
		replay superblock "$work/superblock"
		for target in directory_block extent_node inode journal_block; do
			replay $target "$work/blocks"
		done
	fi
done
for target in directory_block extent_node image inode journal_block source superblock; do
	for input in "$top_srcdir/tests/fuzz/corpus/$target"/*; do
		[ -e "$input" ] || continue
		replay $target "$input"
		[ $target = image ] || continue
		replay survey "$input"
		FUZZ_RUNS=$((FUZZ_RUNS / 10 + 1)) replay commands "$input"
		FUZZ_RUNS=$((FUZZ_RUNS / 10 + 1)) replay restore "$input"
	done
done
echo "$passed passed, $failed failed, 0 skipped"
[ "$failed" -eq 0 ]
