#!/bin/sh
# SPDX-License-Identifier: MIT
# Runs a test that is written in Python, or skips it aloud where there is no Python 3.8 or later.
# The source folder may be read-only, so no compiled files are left beside the scripts.
if ! python3 -c 'import sys; sys.exit(sys.version_info < (3, 8))' 2>/dev/null; then
	echo "SKIP: needs python3, 3.8 or later"
	exit 77
fi
PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 exec python3 "$@"
