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

# replay TARGET INPUT...: all of them in one run, since a start with sanitizers takes longer than an input. The
# target names each input before it takes it, so that the last name is the one that it fails on.
replay()
{
	target=$1
	shift
	[ "$#" -gt 0 ] || return
	# EMULATOR may hold a program that runs those of another machine.
	# shellcheck disable=SC2086
	if ${EMULATOR:-} "$top_builddir/tests/fuzz/fuzz_$target" "$@" 2>"$work/errors"; then
		passed=$((passed + $#))
	else
		failed=$((failed + 1))
		echo "FAILED: fuzz_$target (FUZZ_RUNS=$FUZZ_RUNS)"
		tail -n 40 "$work/errors"
	fi
}

# Seeds for the block targets are cut from an image: part IMAGE FIRST COUNT, in units of 1 KiB.
part()
{
	dd if="$1" bs=1024 skip="$2" count="$3" 2>/dev/null
}

mkdir "$work/images"
if ! "$MKFIXTURE" --into "$work/images" "$top_srcdir"/fixtures/recipes/*.recipe 2>"$work/errors"; then
	failed=$((failed + 1))
	cat "$work/errors"
fi
set --
for image in "$work"/images/journal-*.img "$work"/images/fast-commit*.img "$work"/images/orphan-*.img; do
	[ ! -e "$image" ] || set -- "$@" "$image"
done
FUZZ_RUNS=$((FUZZ_RUNS / 20 + 1)) replay recovery "$@"
# Each variant walks the whole image: small ones only, and of these one in five.
set --
count=0
for image in "$work"/images/*.img; do
	[ "$(wc -c <"$image")" -le 4194304 ] || continue
	[ $((count % 5)) -ne 0 ] || set -- "$@" "$image"
	count=$((count + 1))
done
for target in image survey; do
	FUZZ_RUNS=$((FUZZ_RUNS / 10 + 1)) replay $target "$@"
done
part "$work/images/clean-ext4.img" 1 1 >"$work/superblock"
part "$work/images/clean-ext4.img" 0 64 >"$work/blocks"
replay superblock "$work/superblock"
for target in directory_block extent_node inode journal_block; do
	replay $target "$work/blocks"
done
for target in directory_block extent_node image inode journal_block source superblock; do
	set --
	for input in "$top_srcdir/tests/fuzz/corpus/$target"/*; do
		[ ! -e "$input" ] || set -- "$@" "$input"
	done
	replay $target "$@"
	[ $target = image ] || continue
	replay survey "$@"
	for command in commands restore; do
		FUZZ_RUNS=$((FUZZ_RUNS / 10 + 1)) replay $command "$@"
	done
done
echo "$passed passed, $failed failed, 0 skipped"
[ "$failed" -eq 0 ]
