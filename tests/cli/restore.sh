#!/bin/sh
# SPDX-License-Identifier: MIT
# restore: files out of an image, as a person asks for them, as they can be had, and never outside of the target.
. "$top_srcdir/tests/cli/expect.sh"
cd "$work" || exit 99
out=$work/target

image_type=ext4
# image LINE...: builds $work/image; $work/unread is its map.
image()
{
	{
		echo "image 16384 blocks of 1024, type $image_type"
		printf '%s\n' "$@"
	} >"$work/recipe"
	rm -rf "$out"
	ok "recipe: $1" "$MKFIXTURE" "$work/recipe" "$work/image" "$work/inodes" "$work/unread"
	cksum <"$work/image" >"$work/before"
}

# The image never changes, and nothing lands outside of the target.
untouched()
{
	cksum <"$work/image" >"$work/after"
	ok "the image is unchanged" cmp "$work/before" "$work/after"
	ok "nothing stands outside" test ! -e "$work/outside" -a ! -e "$work/etc"
}

# holds PATH TEXT: what came out has this content.
holds()
{
	ok "content of $1" test "$(cat "$out/$1" 2>/dev/null)" = "$2"
}

# ---- what a person asks for ----

image 'file /hello.txt "hello\n", mode 0600, times 1600000000.5' 'file /sparse 40 blocks, holes 4-35' 'dir /d, mode 0750' \
	'file /d/one "1"' 'file /d/two "2"' 'dir /d/e' 'file /d/e/three "3"' 'hardlink /again /hello.txt' \
	'symlink /link d/e/three' 'fifo /fifo'
run 0 restore "$work/image" --dry-run
says '^- *6 hello.txt$'
says '^Would restore 6 files'
ok "a dry run writes nothing" test ! -e "$out"
run 0 restore "$work/image" --output "$out" --progress always
complains 'copying out: 1 of 1[0-9]  '
rm -rf "$out"
run 0 restore "$work/image" --output "$out" --manifest "$work/sums"
says '^Restored 6 files'
silent
(cd "$out" && sha256sum -c --strict ../sums) >"$work/checked" 2>&1
ok "the manifest holds" test $? -eq 0
ok "hard links are in the manifest" grep -q '  again$' "$work/sums"
ok "one file under both names" test "$out/hello.txt" -ef "$out/again"
ok "mode" test "$(stat -c %a "$out/hello.txt")" = 600
ok "time" test "$(stat -c %y "$out/hello.txt" | cut -c21-29)" = 500000000
ok "holes" test "$(stat -c %b "$out/sparse")" -lt 80
ok "size" test "$(stat -c %s "$out/sparse")" -eq 40960
ok "symlink" test "$(readlink "$out/link")" = d/e/three
ok "fifo" test -p "$out/fifo"
untouched

# A second run without --resume leaves what is there; with it, what is the same stays and all else is made new.
run 4 restore "$work/image" --output "$out"
says 'hello.txt (inode [0-9]*): something is in its place'
printf 'HALLO\n' >"$out/hello.txt"
touch -d @1600000000.5 "$out/hello.txt"
printf half >"$out/d/.fsck-lite.partial"
rm "$out/d/one" "$out/link"
ln -s elsewhere "$out/link"
chmod 500 "$out/d"
run 0 restore "$work/image" --output "$out" --resume --manifest "$work/sums"
holds hello.txt hello
holds d/one 1
ok "symlink made anew" test "$(readlink "$out/link")" = d/e/three
ok "no unfinished file" test ! -e "$out/d/.fsck-lite.partial"
ok "one file again" test "$out/hello.txt" -ef "$out/again"
ok "mode of the directory" test "$(stat -c %a "$out/d")" = 750
(cd "$out" && sha256sum -c --strict ../sums) >"$work/checked" 2>&1
ok "the manifest holds after a second run" test $? -eq 0

# Paths and globs.
rm -rf "$out"
run 0 restore "$work/image" --output "$out" '/d/t*' hello.txt
ok "what was asked for" test "$(cd "$out" && find . -type f | LC_ALL=C sort | tr '\n' ' ')" = "./d/two ./hello.txt "
rm -rf "$out"
run 0 restore "$work/image" --output "$out" /d/e/
holds d/e/three 3
run 8 restore "$work/image" --output "$out" --resume /d/e /nope
complains '/nope: nothing there has this name'
rm -rf "$out"
run 8 restore "$work/image" --output "$out" /nope
complains '/nope: nothing there has this name'
run 16 restore "$work/image" --output "$out" --tar x

# An archive holds the same, on standard output, too.
"$FSCK_LITE" restore "$work/image" --tar - >"$work/a.tar" 2>"$work/err"
ok "restore --tar -" test $? -eq 0
ok "the report is no part of it" grep -q '^Restored 6 files' "$work/err"
rm -rf "$out"
mkdir "$out"
ok "tar reads it" tar -xf "$work/a.tar" -C "$out"
holds hello.txt hello
ok "holes from an archive" test "$(stat -c %s "$out/sparse")" -eq 40960
run 0 restore "$work/image" --tar "$work/b.tar"
ok "the same archive in a file" cmp "$work/a.tar" "$work/b.tar"
untouched

# Names that sha256sum quotes.
image 'file /aXb "x"' 'damage dirent /aXb : name = 610a62'
run 0 restore "$work/image" --output "$out" --manifest "$work/sums"
(cd "$out" && sha256sum -c --strict ../sums) >"$work/checked" 2>&1
ok "a line end in a manifest" test $? -eq 0

# ---- what cannot be read ----

image 'file /whole 8 blocks' 'file /part 8 blocks' 'unreadable block /part 3 2'
run 4 restore "$work/image" --map "$work/unread" --output "$out" --manifest "$work/sums"
says 'part (inode [0-9]*): 2048 of 8192 bytes could not be read; they are a hole'
ok "the right size" test "$(stat -c %s "$out/part")" -eq 8192
ok "a hole" test "$(dd if="$out/part" bs=1024 skip=3 count=2 2>/dev/null | tr -d '\0' | wc -c)" -eq 0
ok "the sidecar has its place" grep -q '"unread":\[{"offset":3072,"length":2048}\]' "$out/fsck-lite-attributes.jsonl"
ok "the manifest says it" grep -q '^# damaged' "$work/sums"
run 4 restore "$work/image" --map "$work/unread" --tar "$work/a.tar"
says 'part (inode [0-9]*): 2048 of 8192 bytes could not be read'
ok "the archive has the sidecar" test "$(tar -tf "$work/a.tar" | tail -n 1)" = fsck-lite-attributes.jsonl
ok "size in the archive" test "$(tar -xOf "$work/a.tar" part | wc -c)" -eq 8192
# A better map later: the hole is filled, although size and time were right before.
run 0 restore "$work/image" --output "$out" --resume
"$FSCK_LITE" cat "$work/image" /part >"$work/wanted"
ok "the hole was filled" cmp "$work/wanted" "$out/part"
untouched

image 'file /broken 40 blocks, extents 8' 'damage extent_node /broken 0 : eh_magic = 0'
run 4 restore "$work/image" --output "$out"
says 'broken (inode [0-9]*): the map of its blocks is damaged; up to [0-9]* of 40960 bytes are missing'

# An inner node of a tree is made anew from the nodes below it: by their checksums those of one inode, or, without
# checksums, those that are no one's and come to what is missing.
for features in '' ', features ^metadata_csum'; do
	image_type=ext4$features
	image 'file /other 900 blocks, extents 450' 'file /big 800 blocks, extents 400'
	"$FSCK_LITE" cat "$work/image" /big >"$work/wanted"
	leaf=$("$FSCK_LITE" show "$work/image" extents /big | sed -n 's/^ *tree *168 .* \([0-9]*\)  extent node, level 0$/\1/p')
	image 'file /other 900 blocks, extents 450' 'file /big 800 blocks, extents 400' 'damage extent_node /big 0 : eh_magic = 0'
	run 0 restore "$work/image" --output "$out"
	ok "whole without its inner node${features}" cmp "$work/wanted" "$out/big"
	untouched
	# With a leaf gone as well, what is missing is said.
	dd if=/dev/zero of="$work/image" bs=1024 seek="$leaf" count=1 conv=notrunc 2>/dev/null
	rm -rf "$out"
	run 4 restore "$work/image" --output "$out"
	says 'big (inode [0-9]*): .*; up to [0-9]* of 819200 bytes are missing'
done
# Two without: whose is what, nobody can tell.
image 'file /other 900 blocks, extents 450' 'file /big 800 blocks, extents 400' 'damage extent_node /big 0 : eh_magic = 0' \
	'damage extent_node /other 0 : eh_magic = 0'
run 4 restore "$work/image" --output "$out"
says '^2 could not be restored whole:$'
image_type=ext4

# Zeros in place of an indirect block are a map in good order: what the inode counts tells them from holes.
image_type=ext2
image 'file /big 300 blocks' 'file /sparse 400 blocks, holes 20-390' 'damage block tree /big 0 : fill 0x00'
run 4 restore "$work/image" --output "$out" --manifest "$work/sums"
says '^1 could not be restored whole:$'
says 'big (inode [0-9]*): its map reaches fewer blocks than its inode counts; up to 262144 of 307200 bytes are missing'
ok "the sidecar has it" grep -q '"path":"big".*"unmapped_bytes":262144' "$out/fsck-lite-attributes.jsonl"
ok "the manifest, too" test "$(grep -c '^# damaged' "$work/sums")" -eq 1
run 8 cat "$work/image" /big
complains '/big: its map reaches fewer blocks than its inode counts; up to 262144 bytes'
run 0 cat "$work/image" /sparse
# The same in a directory, whose names are gone with its blocks; and a block of it that is none.
image 'dir /d 900 entries, linear' 'dir /e 120 entries, linear' 'damage block tree /d 0 : fill 0x00' 'damage dirblock /e 1 : zero'
run 4 restore "$work/image" --output "$out"
says 'd (inode [0-9]*): [0-9]* of its [0-9]* blocks are not in its map: names of files in it may be missing'
says 'e (inode [0-9]*): 1 of its [0-9]* blocks do not hold its entries'
run 0 restore "$work/image" --output "$out" --resume /d
untouched
image_type=ext4

# A table that could not be read: nobody knows which files are missing, but that some may be is said.
image 'file /a 8 blocks' 'dir /d' 'file /d/keeper "kept"' 'unreadable inode_table 0 2'
run 4 restore "$work/image" --map "$work/unread" --output "$out"
says '^  8 inodes could not be read'
# The names stand in a block of the root that nobody owns now, close to what could not be read.
holds d/keeper kept
run 4 restore --json "$work/image" --map "$work/unread" --tar /dev/null
says '"unread_inodes": 8'

# Names whose inodes are gone: there is nothing to bring, and that is said.
image 'dir /d' 'file /d/gone "g"' 'file /d/kept "k"' 'file /also-gone "a"' 'damage inode /d/gone : i_mode = 0, i_links_count = 0' \
	'damage inode /also-gone : i_mode = 0, i_links_count = 0'
run 4 restore "$work/image" --output "$out"
says '^2 could not be restored whole:$'
says '2 of them are names of which the inode is gone'
says 'd/gone (inode [0-9]*): its inode is gone: nothing but the name is left'
holds d/kept k
ok "nothing in its place" test ! -e "$out/d/gone" -a ! -e "$out/also-gone"
rm -rf "$out"
run 4 restore "$work/image" --output "$out" --json
says '"names_only": 2'
says '"path": "also-gone"'
rm -rf "$out"
run 0 restore "$work/image" --output "$out" /d/kept
run 8 cat --lost "$work/image" /d/gone
complains 'd/gone: nothing but its name is left'
run 0 ls --lost "$work/image"
untouched
# All of them with --verbose, the first twenty without.
image 'file /kept "k"' "$(awk 'BEGIN { for (i = 1; i < 31; i++) print "file /f" i " \"x\"" }' </dev/null)" \
	"$(awk 'BEGIN { for (i = 1; i < 31; i++) print "damage inode /f" i " : i_mode = 0, i_links_count = 0" }' </dev/null)"
run 4 restore "$work/image" --output "$out"
says '  ... and 10 more$'
rm -rf "$out"
run 4 restore "$work/image" --output "$out" --verbose
ok "thirty lines" test "$(grep -c ': its inode is gone: ' "$work/out")" -eq 30

image 'file /x "x"' 'damage dirent /x : inode = 900' 'damage dirent /x : name_len = 0'
run 4 restore "$work/image" --output "$out" --verbose
says '%00 (inode 900): its inode is gone'

# ---- an older filesystem's superblock and descriptors ----

# Half the group size: its descriptor of group 4 names a true table and true bitmaps, but those of group 2.
older()
{
	{
		echo "image 16384 blocks of 1024, type $1, blocks_per_group 1024, inodes 1024"
	} >"$work/recipe"
	ok "the older one" "$MKFIXTURE" "$work/recipe" "$work/older"
	{
		echo "image 16384 blocks of 1024, type $1, blocks_per_group 2048, inodes 2048"
		for group in 1 2 3 4 5 6 7; do
			echo "file /f$group \"content of group $group\", inode $((group * 256 + 21))"
		done
		# More in use where the older descriptor of group 4 leads than in group 4: more that looks right.
		echo "dir /many"
		awk 'BEGIN { for (i = 0; i < 255; i++) print "file /many/" i " empty, inode " 2 * 256 + 1 + i }' </dev/null
	} >"$work/recipe"
	rm -rf "$out"
	ok "recipe: under an older $1" "$MKFIXTURE" "$work/recipe" "$work/image" "$work/inodes"
	ok "a file in group 4" grep -q '^1045 /f4$' "$work/inodes"
	dd if="$work/older" of="$work/image" bs=1024 skip=1 seek=1 count=2 conv=notrunc 2>"$work/err"
	cksum <"$work/image" >"$work/before"
}

for type in ext2 ext4; do
	older $type
	run 0 restore "$work/image" --output "$out"
	for group in 1 2 3 4 5 6 7; do
		holds "f$group" "content of group $group"
	done
	ok "nothing else" test "$(find "$out" -type f | wc -l)" -eq 262
	untouched
done

# ---- hostile images ----

# Names: nothing goes up, nothing is lost, each under a name of its own.
image 'file /aaaaaaaaaa "up"' 'file /bb "dots"' 'file /c "dot"' 'dir /d' 'file /d/x "below"' 'file /eee "nul"' 'file /f "nameless"' \
	'file /ggggg "escape"' 'damage dirent /aaaaaaaaaa : name = "../outside"' 'damage dirent /bb : name = ".."' \
	'damage dirent /c : name = "."' 'damage dirent /eee : name = 650065' 'damage dirent /f : name_len = 0' \
	'damage dirent /ggggg : name = 1b5b33316d'
run 0 restore "$work/image" --output "$out" -v
says '2 of them were lost'
ok "no control characters on the terminal" test -z "$(tr -d '[:print:]\n\t' <"$work/out")"
holds '..%2Foutside' up
# "." and ".." lead elsewhere whatever they say, so nothing names these two any more.
ok "dots" test "$(cat "$out"/lost+found/*.txt)" = dotsdot
holds 'e%00e' nul
holds '%00' nameless
holds d/x below
ok "as it is" test "$(cat "$out/$(printf '\033[31m')")" = escape
untouched

# What is made harmless may become the name of another; the names of our own files are not for the taking.
image 'file /a-b "first"' 'file /a%2Fb "second"' 'file /x1 "x1"' 'file /x2 "x2"' 'file /.fsck-lite.partial "mine"' \
	'file /fsck-lite-attributes.jsonl "mine too"' 'damage dirent /a-b : name = "a/b"' 'damage dirent /x2 : name = "x1"'
run 0 restore "$work/image" --output "$out"
ok "all six" test "$(find "$out" -type f | wc -l)" -eq 6
ok "no content is lost" test "$(cat "$out"/a* "$out"/x* "$out"/.fsck* "$out"/fsck* | tr -d '\n' | wc -c)" -eq 27
untouched

# A symlink and a directory of one name: what is in the directory does not go where the link leads.
mkdir "$work/elsewhere"
for order in 'link dir' 'dir link'; do
	lines=
	for what in $order; do
		case $what in
		link) lines="$lines|symlink /one-link \"$work/elsewhere\"" ;;
		dir) lines="$lines|dir /two-dir1|file /two-dir1/inside \"inside\"" ;;
		esac
	done
	image 'file /first "1"' "$(echo "${lines#|}" | tr '|' '\n')" 'damage dirent /two-dir1 : name = "one-link"'
	run 0 restore "$work/image" --output "$out"
	ok "nothing went through the link" test -z "$(ls "$work/elsewhere")"
	ok "the file is there" test "$(find "$out" -name inside | wc -l)" -eq 1
	untouched
	"$FSCK_LITE" restore "$work/image" --tar "$work/a.tar" >/dev/null
	rm -rf "$out"
	mkdir "$out"
	tar -xf "$work/a.tar" -C "$out"
	ok "nothing went through the link from an archive" test -z "$(ls "$work/elsewhere")"
done

# A symlink that stands in the target already, in place of a directory, of a file, of the unfinished file.
image 'dir /d' 'file /d/inside "inside"' 'file /f "f"' 'hardlink /d/again /f'
mkdir "$out"
ln -s "$work/elsewhere" "$out/d"
ln -s "$work/elsewhere/f" "$out/f"
ln -s "$work/elsewhere/partial" "$out/.fsck-lite.partial"
run 4 restore "$work/image" --output "$out"
says 'd (inode [0-9]*): something is in its place'
run 4 restore "$work/image" --output "$out" --resume
says 'd (inode [0-9]*): something is in its place'
ok "nothing went through" test -z "$(ls "$work/elsewhere")"
ok "the link gave way to the file" test ! -L "$out/f" -a -f "$out/f"

# Devices, setuid, sockets: left out or tamed, said, and written down.
image 'file /su "x", mode 04755' 'dir /sg, mode 02775' 'device /disk block 8 0' 'device /null 1 3' 'socket /s'
run 0 restore "$work/image" --output "$out"
says '1 had setuid or setgid bits, dropped'
says '2 are device nodes, left out'
ok "no setuid bit" test ! -u "$out/su"
ok "no device" test ! -e "$out/disk" -a ! -e "$out/null"
ok "the sidecar has the mode" grep -q '"path":"su",.*"mode":"104755"' "$out/fsck-lite-attributes.jsonl"
ok "the sidecar has the device" grep -q '"path":"disk",.*"major":8,"minor":0' "$out/fsck-lite-attributes.jsonl"
run 0 restore "$work/image" --tar "$work/a.tar"
says '1 are sockets, which an archive cannot hold'
ok "the sidecar has the socket" sh -c "tar -xOf '$work/a.tar' fsck-lite-attributes.jsonl | grep -q '\"path\":\"s\"'"

# A directory that leads back to one above it.
image 'dir /d' 'dir /d/e' 'file /d/e/x "x"' 'damage dirent /d/e : inode = inode /d'
run 0 restore "$work/image" --output "$out"
ok "everything once" test "$(find "$out" -name x | wc -l)" -eq 1

# Deeper than a process may have files open.
awk 'BEGIN { path = ""; for (i = 0; i < 150; i++) { path = path "/d"; print "dir " path } print "file " path "/x \"deep\"" }' \
	</dev/null >"$work/deep"
image "$(cat "$work/deep")" 'file /hard "h"'
# shellcheck disable=SC3045 # dash, ash and bash have it
(ulimit -n 90 && "$FSCK_LITE" restore "$work/image" --output "$out") >"$work/out" 2>"$work/err"
ok "150 levels with 90 files" test $? -eq 0
ok "the deepest" test "$(find "$out" -name x -exec cat {} +)" = deep

# A directory that claims one block of names a million times over, and a file of 8 exabytes.
image 'dir /many 20 entries' 'map /many 1 8000 block /many 0' 'damage inode /many : i_size_lo = 8193024, checksum fixed'
timeout 300 "$FSCK_LITE" restore "$work/image" --output "$out" >"$work/out" 2>"$work/err"
status=$?
ok "ends: status $status" test $status -eq 0 -o $status -eq 4
image 'file /huge "start"' 'file /small "small"' 'damage inode /huge : i_size_lo = 0xfffff000, i_size_high = 0x7fffffff, checksum fixed'
timeout 300 "$FSCK_LITE" restore "$work/image" --output "$out" --manifest "$work/sums" >"$work/out" 2>"$work/err"
ok "ends at once" test $? -eq 4
says 'huge (inode [0-9]*): '
holds small small
timeout 300 "$FSCK_LITE" restore "$work/image" --tar "$work/a.tar" >"$work/out" 2>"$work/err"
ok "the archive ends at once" test "$(wc -c <"$work/a.tar")" -lt 100000

# Less room than a file needs: the others come, and a later run with room brings it.
image 'file /large 3 MiB' 'file /small "small"'
mkdir "$out"
if [ "$(id -u)" -eq 0 ] && mount -t tmpfs -o size=2m none "$out" 2>/dev/null; then
	run 4 restore "$work/image" --output "$out"
	says 'large (inode [0-9]*): there is no room for its 3145728 bytes of data'
	says '1 are larger than the free space: make room and go on with --resume'
	holds small small
	mount -o remount,size=8m "$out"
	run 0 restore "$work/image" --output "$out" --resume
	"$FSCK_LITE" cat "$work/image" /large >"$work/wanted"
	ok "the large file" cmp "$work/wanted" "$out/large"
	rm -rf "${out:?}"/*
	# Many small ones until nothing fits any more.
	mount -o remount,size=64k "$out"
	image 'dir /many' "$(awk 'BEGIN { for (i = 0; i < 60; i++) print "file /many/" i " 3000 bytes" }' </dev/null)" 2>/dev/null
	run 8 restore "$work/image" --output "$out"
	says 'The target is full. Make room and go on with --resume'
	ok "no unfinished file" test -z "$(find "$out" -name .fsck-lite.partial)"
	mount -o remount,size=8m "$out"
	run 0 restore "$work/image" --output "$out" --resume
	ok "all sixty" test "$(find "$out/many" -type f -size 3000c | wc -l)" -eq 60
	umount "$out"
else
	skip "needs root for a small target"
fi

# ---- removed links ----

# What is left of an entry names a file that is still there: it was a link to it when the inode changed, but not its
# content, and the directory with it; or when the directory is younger than the file. A later file with the number is none.
link_was()
{
	link_title=$1
	link_inode=$2
	link_directory=$3
	link_names=$4
	image 'dir /d' 'file /d/a "aaa"' 'hardlink /d/b /d/a' 'file /d/c "ccc"' 'damage dirent /d/a : rec_len = 24, checksum fixed' \
		"damage inode /d/a : i_links_count = 1, $link_inode, checksum fixed" "damage inode /d : $link_directory, checksum fixed"
	run 0 restore --deleted "$work/image" --output "$out"
	ok "$link_title: $link_names" test "$(cd "$out/d" && echo *)" = "$link_names"
}
link_was 'removed with the last change' 'i_mtime = 1500000000, i_ctime = 1600000000, i_crtime = 1500000000' \
	'i_mtime = 1600000000, i_ctime = 1600000000, i_crtime = 1400000000' 'a b c'
holds d/b aaa
link_was 'the directory is younger' 'i_mtime = 1500000000, i_ctime = 1500000000, i_crtime = 1500000000' \
	'i_mtime = 1550000000, i_ctime = 1600000000, i_crtime = 1520000000' 'a b c'
link_was 'written last of all' 'i_mtime = 1600000000, i_ctime = 1600000000, i_crtime = 1500000000' \
	'i_mtime = 1600000000, i_ctime = 1600000000, i_crtime = 1400000000' 'a c'
link_was 'born since' 'i_mtime = 1500000000, i_ctime = 1600000000, i_crtime = 1650000000' \
	'i_mtime = 1600000000, i_ctime = 1600000000, i_crtime = 1400000000' 'a c'

# ---- mke2fs run again, with another layout ----

# over LINE: lays over $work/image the blocks that mke2fs writes of a new filesystem; what it leaves alone stays.
over()
{
	mv "$work/image" "$work/under"
	image "$@"
	mv "$work/image" "$work/new"
	mv "$work/under" "$work/image"
	dd if="$work/new" of="$work/image" bs=1024 conv=notrunc,sparse 2>/dev/null
	rm "$work/new"
	cksum <"$work/image" >"$work/before"
}

padding=$(i=0; while [ $i -lt 120 ]; do i=$((i + 1)); echo "file /padding$i \"x\""; done)
for layout in 'features meta_bg ^resize_inode' 'features meta_bg ^resize_inode ^metadata_csum' 'inode_size 512'; do
	image_type="ext4, $layout"
	image 'file /large 300 blocks' "$padding" 'dir /d' 'file /d/one "1"' 'dir /d/e' 'file /d/e/two "2"' 'dir /f' 'file /f/three "3"'
	image_type=ext4
	over 'dir /empty'
	run 0 restore "$work/image" --dry-run
	says '^Would restore 0 files'
	run 4 restore --deleted "$work/image" --output "$out"
	complains 'another one was there, with another layout; its files take the top'
	holds d/one 1
	holds d/e/two 2
	holds f/three 3
	run 0 ls --deleted "$work/image" /d/e
	says '^deleted *[a-z]* */d/e/two$'
	run 0 cat --deleted "$work/image" /d/e/two
	says '^2$'
	untouched
done
image_type="ext4, features meta_bg ^resize_inode"
image 'file /large 300 blocks' "$padding" 'dir /d' 'file /d/one "1"' 'dir /d/e' 'file /d/e/two "2"'
image_type=ext4
over 'file /mine "new"'
run 4 restore --deleted "$work/image" --output "$out"
complains 'its files go into a folder of their own'
holds mine new
holds earlier-filesystem/d/e/two 2
run 0 ls --deleted "$work/image" /earlier-filesystem/d
says '/earlier-filesystem/d/one$'
untouched

# Blocks of a deleted file that another one has now: whose they are is said.
image_type=ext2
image 'file /old 10 blocks' 'file /new 10 blocks' 'damage indirect /new 3 : block = block /old 2' \
	'damage indirect /new 4 : block = block /old 3' 'damage dirent /old : inode = 0' \
	'damage inode /old : i_links_count = 0, i_dtime = 1600000000'
run 0 ls --deleted "$work/image"
says '^deleted *partial .* \[2 of its 10 blocks belong to new (inode 13) now\]$'
run 0 ls --deleted --json "$work/image"
says '"reused_blocks": 2'
says '"path": "/new"'
run 4 restore --deleted "$work/image" --output "$out"
says '(inode 12): 2 of its 10 blocks belong to new (inode 13) now'
untouched
image_type=ext4

# ---- lost files ----

image 'lost file /doc "%PDF-1.4 and so on"' 'lost file /page "<!doctype html><p>hello"' 'lost file /noise "\x01\x02\x03"' 'file /kept "k"'
run 0 ls --lost "$work/image"
for extension in pdf html; do
	path=$(sed -n "s|.* \(/.*\.$extension\)$|\1|p" "$work/out")
	ok "ls --lost guesses $extension" test -n "$path"
	ok "cat --lost $path" test -n "$("$FSCK_LITE" cat --lost "$work/image" "$path")"
	"$FSCK_LITE" cat --lost "$work/image" "$path" >"$work/wanted"
	rm -rf "$out"
	run 0 restore "$work/image" --output "$out"
	ok "restore gives it the same name" cmp "$work/wanted" "$out$path"
	run 0 ls --lost "$work/image"
done
ok "what is unknown has no extension" grep -q '/#[0-9]*$' "$work/out"
run 8 cat --lost "$work/image" /nope
complains '/nope: nothing has this name'
run 0 ls --lost "$work/image" /kept
complains 'nothing lost below /kept'
untouched
summary
