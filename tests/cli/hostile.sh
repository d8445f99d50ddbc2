#!/bin/sh
# SPDX-License-Identifier: MIT
# Bad input: every command ends with the documented status and says why, in one line, whatever it is given.
. "$top_srcdir/tests/cli/expect.sh"

commands=
for command in df check backups ls; do
	"$FSCK_LITE" help $command >/dev/null 2>&1 && commands="$commands $command"
done

# refused FILE TEXT: no command can run, and each says something that matches.
refused()
{
	for command in $commands; do
		run 8 "$command" "$1"
		complains "$2"
		ok "$command $1: one line" test "$(wc -l <"$work/err")" -eq 1
	done
}

# survives WHAT COMMAND...: it does not crash or hang; status as documented, which for several images is 4 and 8 at once.
survives()
{
	what=$1
	shift
	timeout $((120 * ${FSCK_LITE_SLOWER:-1})) "$@" >"$work/out" 2>"$work/err"
	status=$?
	case $status in
	0 | 4 | 8 | 12) passed=$((passed + 1)) ;;
	*)
		failed=$((failed + 1))
		echo "FAILED: $what: status $status"
		tail -n 20 "$work/err"
		;;
	esac
}

: >"$work/empty"
printf x >"$work/byte"
mkdir "$work/folder"
refused "$work/empty" 'empty'
refused "$work/byte" 'byte'
refused "$work/folder" 'folder'
refused "$work/none" 'none'
if [ "$(id -u)" -ne 0 ]; then
	: >"$work/secret"
	chmod 0 "$work/secret"
	refused "$work/secret" 'ermission'
else
	skip "no file is out of root's reach"
fi
# 64 KiB of numbers that are the same everywhere.
awk 'BEGIN { x = 1; for (i = 0; i < 65536; i++) { x = (x * 1103515245 + 12345) % 2147483648; printf "%c", int(x / 65536) % 256 } }' \
	</dev/null >"$work/random"
refused "$work/random" 'random'
printf '\037\213\010garbage that is no deflate stream at all' >"$work/garbage.gz"
refused "$work/garbage.gz" 'garbage'

seed=$work/seed.img
if ! "$MKFIXTURE" "$top_srcdir/fixtures/recipes/founding-story.recipe" "$seed" 2>/dev/null; then
	skip "no image to cut and damage"
	summary
fi

# An image cut anywhere.
mkdir "$work/hostile"
for bytes in 512 1024 1500 2047 2048 3000 4096 20000 262144 300001 4000000 16777215; do
	head -c $bytes "$seed" >"$work/hostile/cut-at-$bytes"
done

# A superblock with hostile numbers: 4 bytes, little-endian, at an offset within it.
for at in 0 4 20 24 28 32 36 40 76 84 88 92 96 100 206 254 260 336 376; do
	for value in 377-377-377-377 000-000-000-000 001-000-000-000 000-000-000-200; do
		cp "$seed" "$work/hostile/byte-$at-is-$value"
		printf "\\$(echo $value | sed 's/-/\\/g')" |
			dd of="$work/hostile/byte-$at-is-$value" bs=1 seek=$((1024 + at)) conv=notrunc 2>/dev/null
	done
done

# One run of df takes all of them, which with sanitizers is much less work than a run for each.
survives 'df of all' "$FSCK_LITE" df "$work"/hostile/*
for image in "$work"/hostile/*; do
	for command in $commands; do
		[ $command = df ] || survives "$command of ${image##*/}" "$FSCK_LITE" $command "$image"
	done
done
summary
