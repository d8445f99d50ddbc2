#!/bin/sh
# SPDX-License-Identifier: MIT
# Help, version, wrong usage, closed pipes and full disks: the same for every command.
. "$top_srcdir/tests/cli/expect.sh"

run 0 --help
says '^usage: fsck-lite COMMAND'
says '^  explain '
silent
run 0 --version
says '^fsck-lite [0-9]'
run 16
complains '^fsck-lite: no command given'
run 16 nonsense disk.img
complains "^fsck-lite: there is no command .nonsense'"

for command in $("$FSCK_LITE" --help | sed -n 's/^  \([a-z][a-z]*\)  *.*/\1/p'); do
	run 0 "$command" --help
	says "^usage: fsck-lite $command "
	silent
	cp "$work/out" "$work/help"
	run 0 help "$command"
	ok "help $command is $command --help" cmp "$work/help" "$work/out"
	run 0 "$command" -V
	run 16 "$command" --no-such-option
	complains "there is no option .--no-such-option'"
	ok "one line" test "$(wc -l <"$work/err")" -eq 1
	ok "nothing on stdout" test ! -s "$work/out"
	run 16 "$command"
	ok "one line" test "$(wc -l <"$work/err")" -eq 1
done

run 16 explain no-such-problem
complains "no problem is called .no-such-problem'"
run 0 explain unreadable
says '^unreadable (error)'
run 0 explain --json unreadable
says '"schema": "fsck-lite/explain/1"'
run 0 explain --list
ok "a line for each problem" test "$(wc -l <"$work/out")" -gt 3

# A closed pipe is no error and says nothing.
{
	"$FSCK_LITE" explain --list --markdown 2>"$work/err"
	echo $? >"$work/status"
} | :
ok "closed pipe: status" test "$(cat "$work/status")" -eq 0
silent

# A full disk is one.
if [ -w /dev/full ]; then
	"$FSCK_LITE" explain --list >/dev/full 2>"$work/err"
	ok "full disk: status" test $? -eq 8
	complains '^fsck-lite: standard output: '
else
	skip "no /dev/full here"
fi
summary
