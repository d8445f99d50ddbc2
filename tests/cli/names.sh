#!/bin/sh
# SPDX-License-Identifier: MIT
# ls and cat: names and content, exactly as the recipe has them, from sound and from damaged images.
. "$top_srcdir/tests/cli/expect.sh"

cat >"$work/recipe" <<'RECIPE'
image 4096 blocks of 1024, type ext4
file /hello.txt "hello\n", mode 0600, owner 1000:100, times 1600000000.5
file /sparse 40 blocks, holes
dir /d, mode 0750
dir /d/e
file /d/e/x 5000 bytes
dir /many 300 entries
symlink /link d/e/x
device /bigdev block 300 70000
fifo /fifo
RECIPE
ok "recipe" "$MKFIXTURE" "$work/recipe" "$work/image"
cp "$work/image" "$work/before"

# lists PATH NAME...: ls gives exactly these names.
lists()
{
	path=$1
	shift
	run 0 ls "$work/image" "$path"
	printf '%s\n' "$@" >"$work/wanted"
	ok "ls $path" cmp "$work/wanted" "$work/out"
	silent
}

lists / bigdev d fifo hello.txt link lost+found many sparse
lists /d e
lists d/e/ x
lists /d/e/x /d/e/x
run 0 ls "$work/image"
ok "the root is the default" grep -q '^hello.txt$' "$work/out"
run 0 ls "$work/image" /many
ok "300 entries" test "$(wc -l <"$work/out")" -eq 300
ok "sorted" env LC_ALL=C sort -c "$work/out"

run 0 ls -l "$work/image"
says '^-rw------- 1 1000 100 .* 6 2020-09-13 12:26:40 UTC hello.txt$'
says '^drwxr-x--- 3 .* d$'
says '^brw.* 300, 70000 .* bigdev$'
says '^lrwx.* link -> d/e/x$'
says '^prw.* fifo$'
run 0 ls -i "$work/image" /
says '^ *[0-9]* hello.txt$'
run 0 ls -R "$work/image"
says '^/:$'
says '^/d/e:$'
says '^x$'
run 0 ls -R "$work/image" /d
ok "only below" test "$(grep -c ':$' "$work/out")" -eq 2
run 0 ls --json -R "$work/image"
says '"schema": "fsck-lite/ls/1"'
says '"path": "/d/e"'
says '"target": "d/e/x"'
run 8 ls "$work/image" /nope
complains '/nope: no such file or directory'
ok "nothing on stdout" test ! -s "$work/out"
run 8 ls "$work/image" /hello.txt/x
complains 'not-a-directory'

run 0 cat "$work/image" /hello.txt
printf 'hello\n' >"$work/wanted"
ok "content" cmp "$work/wanted" "$work/out"
silent
"$FSCK_LITE" cat "$work/image" /sparse | cksum >"$work/piped"
run 0 cat "$work/image" /sparse
ok "size with holes" test "$(wc -c <"$work/out")" -eq 40960
ok "the same through a pipe" test "$(cksum <"$work/out")" = "$(cat "$work/piped")"
"$FSCK_LITE" cat "$work/image" /hello.txt >>"$work/out"
ok "appended" test "$(wc -c <"$work/out")" -eq 40966
inode=$("$FSCK_LITE" ls -i "$work/image" /hello.txt | sed 's/^ *\([0-9]*\) .*/\1/')
run 0 cat "$work/image" "#$inode"
ok "by number" cmp "$work/wanted" "$work/out"
run 8 cat "$work/image" /nope
complains '/nope: no such file or directory'
run 8 cat "$work/image" /d
complains '/d: is a directory'
run 8 cat "$work/image" /link
complains '/link: is a symlink'
run 8 cat "$work/image" /fifo
complains '/fifo: is no regular file'
run 16 cat "$work/image"
ok "the image is unchanged" cmp "$work/image" "$work/before"

# A closed pipe ends cat in silence.
{
	"$FSCK_LITE" cat "$work/image" '#7' 2>"$work/err"
	echo $? >"$work/status"
} | head -c 10 >/dev/null
silent

# damaged LINE...: the recipe with these lines too.
damaged()
{
	{
		cat "$work/recipe"
		printf '%s\n' "$@"
	} >"$work/damaged"
	ok "recipe: $*" "$MKFIXTURE" "$work/damaged" "$work/image"
}

# A directory that leads back to one above it: each is listed once, and the walk ends.
damaged 'damage dirent /d/e : inode = inode /d'
run 8 ls -R "$work/image"
complains 'a second entry leads to it'
ok "each directory once" test "$(grep -c '^/d' "$work/out")" -eq 1

# The rest of a broken block is named as missing, everything else is there.
damaged 'damage dirent /hello.txt : rec_len = 2'
run 8 ls -R "$work/image"
complains 'dirent-length'
damaged 'damage inode /hello.txt : i_blocks_lo = 9'
run 0 ls -l "$work/image"

# What an entry leads to cannot be read: shown as Linux shows it.
damaged 'damage dirent /hello.txt : inode = 99999999'
run 8 ls -l "$work/image"
says '^?---------  *?  *?  *?  *?  *? hello.txt$'

# A name that a terminal would obey.
damaged "damage dirent /hello.txt : name = 1b5b33316d"
run 0 ls "$work/image"
says '^\\x1b\[31m.txt$'

# A broken map: zeros of the right size, said on stderr.
damaged 'damage inode /sparse : extent_header.eh_magic = 0'
run 8 cat "$work/image" /sparse
complains 'extent-magic'
complains 'zeros'
ok "the size is right" test "$(wc -c <"$work/out")" -eq 40960

# An image that was cut: the file has its size, what is gone is zeros.
printf '%s\n' 'image 4096 blocks of 1024, type ext4' 'file /big 2000 blocks' >"$work/recipe"
ok "recipe" "$MKFIXTURE" "$work/recipe" "$work/whole"
head -c 1500000 "$work/whole" >"$work/image"
"$FSCK_LITE" cat "$work/whole" /big >"$work/wanted"
inode=$("$FSCK_LITE" ls -i "$work/whole" /big | sed 's/^ *\([0-9]*\) .*/\1/')
run 8 cat "$work/image" /big
complains '/big: not found, and a directory on the way cannot be read whole: .*image-truncated'
run 8 cat "$work/image" "#$inode"
complains 'are given as zeros'
ok "size of the cut file" test "$(wc -c <"$work/out")" -eq 2048000
ok "what is there is right" test "$(head -c 500000 "$work/out" | cksum)" = "$(head -c 500000 "$work/wanted" | cksum)"

# The root lost its names, and nothing else: an empty answer alone would be the old trap.
ok "recipe" "$MKFIXTURE" "$top_srcdir/fixtures/recipes/founding-story.recipe" "$work/image"
run 0 ls "$work/image"
complains 'the root directory holds nothing, but [0-9]* inodes are in use; .fsck-lite df'
printf '%s\n' 'image 4096 blocks of 1024, type ext4' >"$work/recipe"
ok "recipe" "$MKFIXTURE" "$work/recipe" "$work/image"
run 0 ls "$work/image"
silent
summary
