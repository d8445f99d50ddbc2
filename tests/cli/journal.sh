#!/bin/sh
# SPDX-License-Identifier: MIT
# show journal, and what the journal remembers of a block and of an inode.
. "$top_srcdir/tests/cli/expect.sh"

recipe()
{
	ok "recipe $1" "$MKFIXTURE" "$top_srcdir/fixtures/recipes/$1.recipe" "$work/$1"
	cp "$work/$1" "$work/$1.before"
}

recipe journal-history
run 0 show "$work/journal-history" journal
says '^  state  *clean$'
says '^  transaction 1  2023-11-14 22:13:21 UTC  log block 1, 6 blocks, checksum ok, written before$'
ok "the past in short" sh -c "! grep -q 'inode table' '$work/out'"
run 0 show "$work/journal-history" journal -v
says '^    block 24  *log 14  *inode table of group 0, inodes 13 to 16$'
says '^    block 1321  *log 15  *directory block 0 of inode 12, /d$'
run 0 show "$work/journal-history" journal --json
says '"is": "directory block"'
says '"committed": true'

run 0 show "$work/journal-history" block 1321 --history
says 'name removed: y (inode 14)$'
says 'name added: z (inode 15)$'
says '^    proven by its checksum$'
says '^      no change$'
run 0 show "$work/journal-history" block 20 --history
says 'inodes 14 to 14  in use -> free$'
run 0 show "$work/journal-history" inode 14 --history
says 'i_links_count  1 -> 0$'
run 0 show "$work/journal-history" inode 14 --history --json
says '"field": "i_links_count"'
run 0 show "$work/journal-history" block 5000 --history
says 'the journal holds no version of it$'

run 0 show "$work/journal-history" journal 1 --hex
says '^descriptor block  Header'
says 't_blocknr'
run 0 show "$work/journal-history" journal 8 --hex
says 'h_commit_sec'
run 0 show "$work/journal-history" journal --hex
says 's_maxlen'
run 8 show "$work/journal-history" journal 1024
complains 'the journal has no block 1024$'
run 16 show "$work/journal-history" journal x
ok "the image is as it was" cmp -s "$work/journal-history" "$work/journal-history.before"

recipe fast-commits
run 0 show "$work/fast-commits" journal
says '^  state  *dirty$'
says '^  fast commits  *2$'
says '^    CREAT  *inode 18 in directory 12: fast2$'
says '^    UNLINK  *inode 14 in directory 2: gone$'
run 0 show "$work/fast-commits" journal 1025 --hex
says '^fc_add_range'
run 0 ls "$work/fast-commits" /d
says '^fast2$'
says '^x2$'
run 0 ls "$work/fast-commits" / --journal ignore
says '^gone$'
ok "no directory that only the log has" sh -c "! grep -q '^one' '$work/out'"
run 0 ls "$work/fast-commits" /
says '^one$'
ok "what a fast commit removed" sh -c "! grep -q '^gone' '$work/out'"
ok "the image is as it was" cmp -s "$work/fast-commits" "$work/fast-commits.before"

recipe journal-revoked
run 0 show "$work/journal-revoked" journal
says '^    revokes block '

# The device of the journal instead of the filesystem's.
recipe journal-external-4k
run 8 check --json "$work/journal-external-4k.journal"
says '"verdict": "unusable"'
says '"code": "external-journal-given"'
complains 'this is an external journal, no filesystem'
ok "nothing else is found" test "$(grep -c '"code"' "$work/out")" -eq 1
summary
