#!/bin/sh
# SPDX-License-Identifier: MIT
# show: one structure after the other, as lines, as JSON and as annotated bytes.
. "$top_srcdir/tests/cli/expect.sh"

cat >"$work/recipe" <<'RECIPE'
image 16384 blocks of 1024, type ext4, label "shown"
file /a 8 blocks
file /frag 600 blocks, extents 500
dir /many 300 entries
symlink /link a
xattr /a user.k=v
acl /a u::rwx u:1000:r-x g::r-- m::rwx o::---
RECIPE
ok "recipe" "$MKFIXTURE" "$work/recipe" "$work/image"
cp "$work/image" "$work/before"

run 0 show "$work/image" super
says '^Superblock at byte 1024$'
says '^  label  *shown$'
says '^  checksum .* holds$'
says '^  s_magic  *0xef53 .*Magic'
silent
run 0 show "$work/image" super 8193
says '^Superblock at byte 8389632$'
says '^  copy of group  *1$'
run 0 show "$work/image" super --hex
says '^00000438  53 ef  *s_magic  *0xef53'
run 8 show "$work/image" super 99999999
run 8 show "$work/image" super 100

run 0 show "$work/image" group 1
says '^Group 1$'
says '^  blocks  *8193 to 16383 (8191)$'
says '^  superblock copy  *8193$'
says '^  free clusters in bitmap .* its checksum holds$'
run 0 show "$work/image" group 0 --hex
says 'bg_inode_table_lo'
run 8 show "$work/image" group 2
complains 'there is no group 2; the last one is 1$'
run 16 show "$work/image" group
run 16 show "$work/image" group x

run 0 show "$work/image" inode 2
says '^  purpose  *the root directory$'
says '^  mode  *drwxr-xr-x (040755)$'
run 0 show "$work/image" inode /link
says '^  target  *a$'
run 0 show "$work/image" inode /a --hex
says 'eh_magic  *0xf30a'
says '"user.k\|"k"'
run 8 show "$work/image" inode 0
run 8 show "$work/image" inode 99999999999
run 8 show "$work/image" inode /nope
complains 'no such file or directory'
run 16 show "$work/image" inode

run 0 show "$work/image" dir /many
says '^File block 0, block [0-9]*: index root$'
says '^  hash  *half_md4$'
says ': leaf$'
ok "all entries" test "$(grep -c ' regular \| unknown ' "$work/out")" -ge 300
run 0 show "$work/image" dir /many --hex
says 'htree_countlimit'
says 'det_checksum'
run 8 show "$work/image" dir /a
complains 'is no directory'
run 0 show -v "$work/image" dir /a

run 0 show "$work/image" extents /frag
says '^  tree .* extent node, level '
ok "many runs" test "$(grep -c '^  data ' "$work/out")" -gt 200
run 0 show "$work/image" extents /frag --hex
says 'et_checksum\|extent_tail'
run 8 show "$work/image" extents /link
complains 'maps no blocks'

run 0 show "$work/image" xattrs /a
says '^  user.k  1 byte, in the inode$'
says '^    "v"$'
says '^  system.posix_acl_access '
says '^    user:1000:r-x$'
run 0 show "$work/image" xattrs /frag
says '^  none$'
run 0 show "$work/image" xattrs /a --hex
says 'e_name_len'

# block_is BLOCK TEXT: what show says of a block.
block_is()
{
	run 0 show "$work/image" block "$1"
	says "$2"
	run 0 show "$work/image" block "$1" --hex
}
block_is 0 '^  is  *boot block$'
block_is 1 '^  is  *superblock of group 0$'
block_is 2 '^  is  *group descriptors, block 0 of the copy in group 0$'
block_is 8193 '^  is  *superblock of group 1$'
table=$("$FSCK_LITE" show "$work/image" group 0 | sed -n 's/^  inode table  *\([0-9]*\) .*/\1/p')
block_is "$table" '^  is  *inode table of group 0, inodes 1 to 4$'
first=$("$FSCK_LITE" show "$work/image" inode /a | sed -n 's/^  first block  *//p')
block_is "$first" '^  is  *file data of inode [0-9]*, file block 0$'
block_is "$first" '^  path  */a$'
block_is "$first" '^  bitmap  *in use$'
node=$("$FSCK_LITE" show "$work/image" extents /frag | sed -n 's/^  tree .* 1  *\([0-9]*\)  extent node.*/\1/p' | head -n 1)
block_is "$node" '^  is  *extent node of inode [0-9]*, level '
directory=$("$FSCK_LITE" show "$work/image" inode / | sed -n 's/^  first block  *//p')
run 0 show "$work/image" block 16383
says 'nobody'
block_is "$directory" '^  is  *directory block of inode 2, file block 0$'
run 8 show "$work/image" block 16384
complains 'there is no block 16384; the last one is 16383$'
run 16 show "$work/image" block
run 16 show "$work/image" nonsense
complains 'there is no .nonsense. to show'
run 16 show "$work/image"

for view in super "super 8193" "group 0" "inode /a" "dir /many" "extents /frag" "xattrs /a" "block $first" "block $table"; do
	for hex in "" --hex; do
		# shellcheck disable=SC2086
		run 0 show --json $hex "$work/image" $view
		says '"schema": "fsck-lite/show/1"'
		if command -v python3 >/dev/null 2>&1; then
			ok "show $view $hex: valid JSON" python3 -m json.tool "$work/out" /dev/null
		fi
		silent
	done
done
ok "the image is unchanged" cmp "$work/image" "$work/before"

# Damage is named, and what is sound is shown.
printf '%s\n' 'damage inode /a : i_mode = 0100000' >>"$work/recipe"
ok "recipe" "$MKFIXTURE" "$work/recipe" "$work/image"
run 0 show "$work/image" inode /a
says 'wrong: computed 0x'
summary
