#!/bin/sh
# SPDX-License-Identifier: MIT
# Every source file stands in the list of a fragment: a file that is not distributed is found missing too late.
set -u
cd "$top_srcdir" || exit 99

# Is $1 named, itself or through a folder, in a fragment of a folder above it? %D% is the fragment's folder.
listed()
{
	folder=${1%/*}
	while :; do
		for fragment in "$folder"/*.am; do
			[ -e "$fragment" ] || continue
			entry=${1#"$folder"/}
			while :; do
				# An include path names a folder, too, and lists nothing.
				grep -v -e '-I' "$fragment" |
					grep -qE "%D%/$entry( |\\\\|\$)" "$fragment" && return 0
				case $entry in
				*/*) entry=${entry%/*} ;;
				*) break ;;
				esac
			done
		done
		case $folder in
		*/*) folder=${folder%/*} ;;
		*) return 1 ;;
		esac
	done
}

failed=0
for file in $(find parser fsck-lite fixtures tests doc -type f \( -name '*.[ch]' -o -name '*.def' -o -name '*.sh' \
	-o -name '*.py' -o -name '*.recipe' -o -name '*.md' -o -name '*.8' -o -name '*.tsv' \) | LC_ALL=C sort); do
	case $file in
	tests/summary.sh) continue ;; # listed at the top
	esac
	listed "$file" || listed "${file%.c}" || {
		echo "$file: in no list of a fragment (.am)"
		failed=1
	}
done
exit $failed
