# SPDX-License-Identifier: MIT
# What the command scripts share; they begin with `. "$top_srcdir/tests/cli/expect.sh"` and end with `summary`.
# shellcheck shell=sh
set -u
passed=0
failed=0
skipped=0
work=$(mktemp -d) || exit 99
trap 'rm -rf "$work"' EXIT

# ok WHAT COMMAND...: passes when the command succeeds.
ok()
{
	what=$1
	shift
	if "$@"; then
		passed=$((passed + 1))
	else
		failed=$((failed + 1))
		echo "FAILED: $what: $*"
	fi
}

skip()
{
	skipped=$((skipped + 1))
	echo "SKIPPED: $*"
}

# run STATUS ARGUMENT...: runs fsck-lite, keeps what it prints in $work/out and $work/err, and passes when it
# ends with that status.
run()
{
	wanted=$1
	shift
	"$FSCK_LITE" "$@" >"$work/out" 2>"$work/err"
	status=$?
	if [ "$status" -eq "$wanted" ]; then
		passed=$((passed + 1))
	else
		failed=$((failed + 1))
		echo "FAILED: fsck-lite $*: status $status, expected $wanted"
		sed 's/^/  out: /' "$work/out" | head -n 20
		sed 's/^/  err: /' "$work/err" | head -n 20
	fi
}

# Does the output (or the complaint) of the last run hold a line that matches?
says()
{
	ok "output of the last run" grep -q -- "$1" "$work/out"
}

complains()
{
	ok "complaint of the last run" grep -q -- "$1" "$work/err"
}

silent()
{
	ok "no complaint" test ! -s "$work/err"
}

summary()
{
	echo "$passed passed, $failed failed, $skipped skipped"
	[ "$failed" -eq 0 ] || exit 1
	exit 0
}
