#!/bin/sh
# SPDX-License-Identifier: MIT
# What the documents say is what the program does.
set -u
failed=0
work=$(mktemp -d) || exit 99
trap 'rm -rf "$work"' EXIT

"$FSCK_LITE" explain --list --markdown >"$work/problems.md" || exit 1
if ! cmp -s "$work/problems.md" "$top_srcdir/doc/problems.md"; then
	diff "$top_srcdir/doc/problems.md" "$work/problems.md" | head -n 20
	echo "doc/problems.md is not what the program prints; to mend it: make update-documents"
	failed=1
fi

# The examples of the README print what the README says.
sh "$top_srcdir/doc/examples.sh" "$top_srcdir/README.md" >"$work/README.md" || failed=1
if ! cmp -s "$work/README.md" "$top_srcdir/README.md"; then
	diff "$top_srcdir/README.md" "$work/README.md" | head -n 40
	echo "README.md: the examples print something else now; to mend it: make update-documents"
	failed=1
fi

# Every command and every option stands in the manual.
commands=$("$FSCK_LITE" --help | sed -n 's/^  \([a-z][a-z]*\)  *.*/\1/p')
for command in $commands; do
	grep -q "^\.SS.* $command\|^\.B.* $command\|^\.B $command" "$top_srcdir/doc/fsck-lite.8" || {
		echo "doc/fsck-lite.8: nothing about the command $command"
		failed=1
	}
	for option in $("$FSCK_LITE" help "$command" | sed -n 's/^  \(-.,\)* *--\([a-z-]*\).*/\2/p'); do
		grep -q -- "$(printf '%s' "--$option" | sed 's/-/\\\\-/g')" "$top_srcdir/doc/fsck-lite.8" || {
			echo "doc/fsck-lite.8: nothing about the option --$option of $command"
			failed=1
		}
	done
done
exit $failed
