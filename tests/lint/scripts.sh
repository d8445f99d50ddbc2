#!/bin/sh
# SPDX-License-Identifier: MIT
# Shell scripts as shellcheck wants them.
set -u
if ! command -v shellcheck >/dev/null 2>&1; then
	echo "SKIP: needs shellcheck"
	exit 77
fi
cd "$top_srcdir" || exit 99
# shellcheck disable=SC2046 # no blanks in our file names
shellcheck -S warning -e SC2154,SC1091 quickstart .ci/run $(find tests fixtures -name '*.sh')
