# SPDX-License-Identifier: MIT
"""What the scripts here count: each assertion, told when it does not hold, and what was skipped, told aloud. The
last line is the sum of it."""

import sys

SHOWN = 600             # characters of what is told along with a failure
passed = failed = skipped = 0


def ok(what, condition, *more):
    global passed, failed
    if condition:
        passed += 1
    else:
        failed += 1
        print('FAILED:', what, *[str(one)[:SHOWN] for one in more], flush=True)


def skip(*words):
    global skipped
    skipped += 1
    print('SKIPPED:', *words, flush=True)


def end():
    """The sum, as tests/summary.sh reads it, and the exit status."""
    print('%d passed, %d failed, %d skipped' % (passed, failed, skipped))
    sys.exit(1 if failed else 0)
