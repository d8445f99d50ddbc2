# SPDX-License-Identifier: MIT
"""The situations that other tools get wrong, each made here with the real mke2fs, mount and a few
bytes of damage, and the right answer asserted. The cases stand in the modules case_*.py.

    cases.py [NAME-OR-NUMBER ...]"""

import os
import sys

import case_copies
import case_journal
import case_kinds
import case_loss
import judge
from case_place import CASES, Place, Skip

MODULES = (case_loss, case_copies, case_journal, case_kinds)
LISTED = range(1, 22)


def main():
    judge.private_mounts()
    judge.need('mke2fs', 'debugfs', 'dumpe2fs')
    judge.tool()
    wanted = sys.argv[1:]
    only = os.environ.get('AGREEMENT_CASES', '').split()
    wanted = wanted or only
    failed = ran = 0
    missing = set(LISTED) - {number for number, _ in CASES}
    if missing:
        print('no case has the number', *sorted(missing))
        sys.exit(1)
    for number, function in sorted(CASES, key=lambda one: one[0]):
        if wanted and str(number) not in wanted and function.__name__ not in wanted:
            continue
        sentence = '%d. %s' % (number, function.__name__.replace('_', ' '))
        with judge.scratch() as folder:
            try:
                function(Place(folder))
                print('ok    ', sentence, flush=True)
            except Skip as why:
                print('skip  ', sentence, '(%s)' % why, flush=True)
                continue
            except Exception as error:
                failed += 1
                print('FAILED', sentence, '\n      ', type(error).__name__, str(error)[:1500], flush=True)
            ran += 1
    print('%d cases, %d failed' % (ran, failed))
    sys.exit(1 if failed or not ran else 0)


if __name__ == '__main__':
    main()
