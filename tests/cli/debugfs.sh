#!/bin/sh
# SPDX-License-Identifier: MIT
# ls, cat and show against debugfs, on images of many geometries.
. "$top_srcdir/tests/cli/expect.sh"

if ! command -v debugfs >/dev/null 2>&1; then
	echo "SKIP: debugfs is not installed: ls, cat and show are not compared with it"
	exit 77
fi

# ask REQUEST: what debugfs says of the image.
ask()
{
	debugfs -R "$1" "$work/image" 2>/dev/null
}

# Of each directory "PATH: inode mode uid gid name" for each entry but the dots, sorted. Each side is asked once for
# an image: debugfs has a list of requests, and says each before its answer.
lists_of_debugfs()
{
	for directory in $directories; do
		echo "ls -p $directory"
	done >"$work/requests"
	debugfs -f "$work/requests" "$work/image" 2>/dev/null | awk -F/ '
		/^debugfs: ls -p / { directory = substr($0, 16) }
		NF > 5 && /^\// && $6 != "." && $6 != ".." && $2 != 0 { print directory ":", $2, $3, $4, $5, $6 }' | sort
}

lists_of_ours()
{
	"$FSCK_LITE" ls -R --json "$work/image" | python3 -c '
import json, sys
for directory in json.load(sys.stdin)["directories"]:
    for entry in directory["entries"]:
        if entry["name"] not in (".", ".."):
            print(directory["path"] + ":", entry["inode"], "%06o" % entry["mode"], entry["uid"], entry["gid"], entry["name"])
' | sort
}

blocks_of_debugfs()
{
	ask "blocks $1" | tr ' ' '\n' | grep -v '^$' | sort -n
}

blocks_of_ours()
{
	"$FSCK_LITE" show --json "$work/image" extents "$1" | python3 -c '
import json, sys
for run in json.load(sys.stdin)["extents"]["runs"]:
    if run["kind"] != "hole":
        for block in range(run["block"], run["block"] + run["length"]):
            print(block)
' 2>/dev/null | sort -n
}

compare()
{
	ok "$1" cmp "$work/theirs" "$work/ours" || diff "$work/theirs" "$work/ours" | head -n 10
}

compare_image()
{
	directories=$("$FSCK_LITE" ls -R "$work/image" | sed -n 's/^\(\/.*\):$/\1/p')
	lists_of_debugfs >"$work/theirs"
	lists_of_ours >"$work/ours"
	ok "$name: debugfs lists something" test -s "$work/theirs"
	compare "$name: ls of all directories"
	for file in /a /hello.txt /big /frag /sparse /empty /d/e/x; do
		ask "dump $file $work/theirs" >/dev/null
		"$FSCK_LITE" cat "$work/image" "$file" >"$work/ours" 2>/dev/null
		compare "$name: cat $file"
	done
	for file in / /linear /frag /holes; do
		blocks_of_debugfs "$file" >"$work/theirs"
		blocks_of_ours "$file" >"$work/ours" 2>/dev/null
		compare "$name: blocks of $file"
	done
}

if ! command -v python3 >/dev/null 2>&1; then
	echo "SKIP: python3 is not installed"
	exit 77
fi
here=$top_srcdir/tests/fixtures
for name in ext2 ext4-4k ext4-64k bigalloc no-filetype revision-0 newest; do
	line=$(grep "^$name *:" "$here/geometries") || continue
	{
		echo "$line" | awk -F: '{ print "image" $2 }'
		cat "$here/contents.recipe"
	} >"$work/recipe"
	if ! "$MKFIXTURE" "$work/recipe" "$work/image"; then
		ok "$name: recipe" false
		continue
	fi
	compare_image
done
summary
