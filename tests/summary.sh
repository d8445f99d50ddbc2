#!/bin/sh
# SPDX-License-Identifier: MIT
# summary.sh BUILD...: one line, "N passed, N failed, N skipped", for all tests of these build trees.
# A test program that says in its log how many tests it ran counts as that many, any other as one.
set -u

for build; do
	find "$build" -name '*.trs' -print
done | sort | while read -r result; do
	log=${result%.trs}.log
	[ -e "$log" ] || log=/dev/null
	awk '
		FILENAME ~ /\.trs$/ && /^:test-result:/ { result = $2 }
		# Check: "100%: Checks: 12, Failures: 0, Errors: 0"
		FILENAME !~ /\.trs$/ && /^[0-9]+%: Checks: [0-9]+, Failures: [0-9]+, Errors: [0-9]+/ {
			gsub(",", "")
			failed += $5 + $7
			passed += $3 - $5 - $7
			counted = 1
		}
		# Our scripts.
		FILENAME !~ /\.trs$/ && /^[0-9]+ passed, [0-9]+ failed, [0-9]+ skipped$/ {
			passed += $1
			failed += $3
			skipped += $5
			counted = 1
		}
		END {
			bad = result == "FAIL" || result == "ERROR" || result == "XPASS"
			if (!counted) {
				passed = result == "PASS" || result == "XFAIL"
				skipped = result == "SKIP"
			}
			if (bad && failed == 0)
				failed = 1
			print passed + 0, failed + 0, skipped + 0
		}' "$result" "$log"
done | awk '
	{ passed += $1; failed += $2; skipped += $3 }
	END { printf "%d passed, %d failed, %d skipped\n", passed, failed, skipped }'
