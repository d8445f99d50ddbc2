#!/bin/sh
# SPDX-License-Identifier: MIT
# Every public header compiles alone, as C11 and, where there is a C++ compiler, as C++17.
set -u
work=$(mktemp -d) || exit 99
trap 'rm -rf "$work"' EXIT
cxx=
for candidate in "${CXX:-}" c++ g++ clang++; do
	if [ -n "$candidate" ] && command -v "$candidate" >/dev/null 2>&1; then
		cxx=$candidate
		break
	fi
done
[ -n "$cxx" ] || echo "no C++ compiler here: only C is tried"

passed=0
failed=0
try()
{
	if "$@" 2>"$work/errors"; then
		passed=$((passed + 1))
	else
		echo "failed: $*"
		cat "$work/errors"
		failed=$((failed + 1))
	fi
}

for header in "$top_srcdir"/parser/include/ext/*.h; do
	name=ext/${header##*/}
	echo "#include <$name>" >"$work/alone.c"
	echo "#include <$name>" >"$work/alone.cc"
	# shellcheck disable=SC2086 # CC may hold options
	try ${CC:-cc} -std=c11 -Wall -Wextra -Wpedantic -Werror -fsyntax-only \
		-I"$top_srcdir/parser/include" "$work/alone.c"
	[ -z "$cxx" ] || try "$cxx" -std=c++17 -Wall -Wextra -Wpedantic -Werror -fsyntax-only \
		-I"$top_srcdir/parser/include" "$work/alone.cc"
done
echo "$passed passed, $failed failed, 0 skipped"
[ "$failed" -eq 0 ]
