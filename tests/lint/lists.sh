#!/bin/sh
# SPDX-License-Identifier: MIT
# Every source file stands in the list of a fragment: a file that is not distributed is found missing too late.
set -u
cd "$top_srcdir" || exit 99

# First what the fragments name (%D% is their folder) and what Makefile.am does, then "--", then the files.
{
	find parser fsck-lite fixtures tests doc -name '*.am' | while IFS= read -r fragment; do
		# Words alone: an include path (-I...%D%) names a folder, too, and lists nothing.
		sed '/^#/d' "$fragment" | tr -s ' \t\\' '\n' | sed -n "s|^%D%/|${fragment%/*}/|p"
	done
	sed '/^#/d' Makefile.am | tr -s ' \t\\' '\n' | grep '^tests/.*[.]sh$' # those without a fragment
	echo --
	find parser fsck-lite fixtures tests doc -type f \( -name '*.[ch]' -o -name '*.def' -o -name '*.sh' \
		-o -name '*.py' -o -name '*.recipe' -o -name '*.md' -o -name '*.8' -o -name '*.tsv' \) | LC_ALL=C sort
} | awk '
	$0 == "--" { files = 1; next }
	!files { sub("[$][(]EXEEXT[)]$", ""); listed[$0] = 1; next }
	{
		# Itself, as the program made of it, or through a folder.
		path = $0
		program = $0
		sub("[.]c$", "", program)
		found = path in listed || program in listed
		while (!found && sub("/[^/]*$", "", path))
			found = path in listed
		if (!found) {
			print $0 ": in no list of a fragment (.am)"
			failed = 1
		}
	}
	END { exit failed }'
