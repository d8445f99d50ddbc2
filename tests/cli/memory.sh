#!/bin/sh
# SPDX-License-Identifier: MIT
# Eight MiB of memory, all told, are enough for 300 000 files on one thread; and less is said to be too little
# before the start. The limit is the kernel's, on all that the process maps.
# shellcheck disable=SC3045 # POSIX has no ulimit -v, but dash, bash, busybox and zsh do
. "$top_srcdir/tests/cli/expect.sh"

limit=8192 # KiB

# limited STATUS WHAT ARGUMENT...: runs fsck-lite under the limit, as run does.
limited()
{
	wanted=$1
	what=$2
	shift 2
	(
		ulimit -v "$limit" && exec "$FSCK_LITE" "$@"
	) >"$work/out" 2>"$work/err"
	status=$?
	ok "$what: exit status $status, expected $wanted" test "$status" -eq "$wanted"
}

# many NAME IMAGE: an image with 300 directories of a thousand files.
many()
{
	{
		echo "title   three hundred thousand files"
		echo "image   $2, inodes 310000"
		folder=0
		while [ "$folder" -lt 300 ]; do
			echo "dir     /folder-$folder 1000 entries"
			folder=$((folder + 1))
		done
		echo "damage  inode /folder-7 : i_links_count = 9"
	} >"$work/$1.recipe"
	"$MKFIXTURE" "$work/$1.recipe" "$work/$1.img" || exit 99
}

# The binary of a sanitizer reserves terabytes, and some systems have no such limit.
if ! (ulimit -v "$limit" && "$FSCK_LITE" --version) >/dev/null 2>&1; then
	skip "the program does not start under a limit of $limit KiB here"
	summary
	exit
fi

many large "45056 blocks of 4096, type ext4, blocks_per_group 4096"
many small "311296 blocks of 1024, type ext4"
many old "45056 blocks of 4096, type ext3, blocks_per_group 4096"
for name in large small old; do
	limited 4 "$name" check --threads 1 --memory-limit 8M "$work/$name.img"
	says '300,302 inodes and .* blocks reached from the root'
	says 'link-count-wrong'
	run 8 check --threads 1 --memory-limit 2M "$work/$name.img"
	complains 'needs about'
	rm "$work/$name.img"
done
summary
