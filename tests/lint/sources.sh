#!/bin/sh
# SPDX-License-Identifier: MIT
# What every source file begins with, and what none of them may hold.
set -u
cd "$top_srcdir" || exit 99
failed=0
complain()
{
	echo "$*"
	failed=1
}

sources=$(find parser fsck-lite fixtures tests doc m4 configure.ac Makefile.am README.md CHANGES.md CONTRIBUTING.md \
	quickstart .ci -type f \( -name '*.[ch]' -o -name '*.def' -o -name '*.sh' -o -name '*.py' -o -name '*.am' \
	-o -name '*.ac' -o -name '*.m4' -o -name '*.md' -o -name '*.recipe' -o -name quickstart -o -name run \
	-o -name '*.8' \) 2>/dev/null | LC_ALL=C sort)

for file in $sources; do
	case $file in
	*.[ch] | *.def | *.sh | *.py)
		head -n 2 "$file" | grep -q 'SPDX-License-Identifier: MIT' ||
			complain "$file: does not begin with the SPDX line"
		;;
	esac
	case $file in
	*.c)
		first=$(sed -n 's/^#[ 	]*include[ 	]*\(.*\)/\1/p' "$file" | head -n 1)
		[ "$first" = '"config.h"' ] || complain "$file: config.h is not what it includes first"
		;;
	esac
	case $file in
	tests/lint/sources.sh) continue ;;
	esac
	if grep -nE '/(work|farm|root)/[a-z]' "$file"; then
		complain "$file: a path of somebody's machine"
	fi
	if grep -nE '[ 	]+$' "$file"; then
		complain "$file: blanks at the end of a line"
	fi
done
exit $failed
