#!/bin/sh
# SPDX-License-Identifier: MIT
# What every source file begins with, and what none of them may hold.
set -u
cd "$top_srcdir" || exit 99

find parser fsck-lite fixtures tests doc m4 configure.ac Makefile.am README.md CHANGES.md CONTRIBUTING.md \
	quickstart .ci -type f \( -name '*.[ch]' -o -name '*.def' -o -name '*.sh' -o -name '*.py' -o -name '*.am' \
	-o -name '*.ac' -o -name '*.m4' -o -name '*.md' -o -name '*.recipe' -o -name quickstart -o -name run \
	-o -name '*.8' \) -print 2>/dev/null | LC_ALL=C sort | xargs awk '
	function complain(file, what) {
		print file ": " what
		failed = 1
	}
	# A file has been read to its end: what it should have shown by now.
	function ended() {
		if (file ~ /[.]([ch]|def|sh|py)$/ && !has_licence)
			complain(file, "does not begin with the SPDX line")
		if (file ~ /[.]c$/ && first_include != "\"config.h\"")
			complain(file, "config.h is not what it includes first")
	}
	FNR == 1 {
		if (file != "")
			ended()
		file = FILENAME
		has_licence = 0
		first_include = ""
	}
	FNR <= 2 && /SPDX-License-Identifier: MIT/ { has_licence = 1 }
	first_include == "" && /^#[ \t]*include[ \t]/ {
		first_include = $0
		sub(/^#[ \t]*include[ \t]*/, "", first_include)
	}
	file == "tests/lint/sources.sh" { next }
	/\/(work|farm|root)\/[a-z]/ { complain(file ":" FNR, "a path of the machine of somebody") }
	/[ \t]+$/ { complain(file ":" FNR, "blanks at the end of a line") }
	END {
		ended()
		exit failed
	}'
