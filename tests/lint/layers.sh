#!/bin/sh
# SPDX-License-Identifier: MIT
# Includes run one way: bytes -> image -> layout -> structure -> walk -> edit -> journal in the parser, and in fsck-lite from what
# measures to what prints. fsck-lite sees only <ext/...>.
set -u
cd "$top_srcdir" || exit 99

# The layers, each with those that it may include; what stands in a room may also include its own.
allowed()
{
	case $1 in
	parser) echo "bytes" ;; # error.c lies under all
	parser/bytes) echo "bytes" ;;
	parser/image) echo "bytes image" ;;
	parser/layout) echo "bytes layout" ;;
	parser/structure) echo "bytes image layout structure" ;;
	parser/walk) echo "bytes image layout structure walk" ;;
	parser/edit) echo "bytes image layout structure walk edit" ;;
	parser/journal) echo "bytes image layout structure walk edit journal" ;;
	fsck-lite) echo ". accounting checks questions repairs reports rescue commands" ;;
	fsck-lite/accounting) echo ". accounting" ;;
	fsck-lite/checks) echo ". accounting checks" ;;
	fsck-lite/questions) echo ". accounting checks questions" ;;
	fsck-lite/repairs) echo ". accounting checks repairs" ;;
	fsck-lite/reports) echo ". accounting checks repairs reports" ;;
	fsck-lite/rescue) echo ". accounting checks reports rescue" ;; # what came out is a report, too
	fsck-lite/commands) echo ". accounting checks questions repairs reports rescue commands" ;;
	fixtures) echo ". bytes layout" ;;
	*) echo unknown ;;
	esac
}

failed=0
for file in $(find parser fsck-lite fixtures -name '*.[ch]' | LC_ALL=C sort); do
	room=${file%/*}
	case $room in
	parser/include/*) rooms="" ;;
	*) rooms=$(allowed "$room") ;;
	esac
	if [ "$rooms" = unknown ]; then
		echo "$file: tests/lint/layers.sh knows no room $room"
		failed=1
		continue
	fi
	for included in $(sed -n 's/^#[ 	]*include[ 	]*"\([^"]*\)".*/\1/p' "$file"); do
		case $included in
		config.h) continue ;;
		*/*) layer=${included%/*} ;;
		*) layer=. ;;
		esac
		case " $rooms " in
		*" $layer "*) ;;
		*)
			echo "$file: may not include \"$included\" (from $room one may see:" \
				"${rooms:-only <ext/...>})"
			failed=1
			;;
		esac
	done
done
exit $failed
