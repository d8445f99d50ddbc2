# SPDX-License-Identifier: MIT
"""Every image of the corpus once more, after `e2fsck -fy` has repaired a copy of it and `e2fsck -fn`
calls that clean: `check` finds no error there, or a witness on the same image says that the finding is
right (repaired_proofs.py). Images that e2fsck does not make clean in three runs are counted and named.

    repaired.py [--only ID,...] [--jobs N] [--keep FOLDER]"""

import argparse
import concurrent.futures
import os
import shutil
import subprocess
import sys

import corpus
import repaired_proofs

import judge

# Of one run of e2fsck; an MMP block alone makes it wait for ten seconds.
TIMEOUT = 60 * int(os.environ.get('FSCK_LITE_SLOWER', '1'))
REPAIRS = 3
# Images that must have been judged, of a hundred: else something is wrong with the repairs.
JUDGED = 90


def e2fsck(*arguments):
    """Its exit status; None where it hangs."""
    try:
        return subprocess.run(['e2fsck', '-f', *arguments], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                              stderr=subprocess.DEVNULL, timeout=TIMEOUT).returncode
    except subprocess.TimeoutExpired:
        return None


def repair(image, journal):
    """Why there is nothing to judge, or None: the image is clean now, e2fsck says."""
    options = ['-j', journal] if journal else []
    for _ in range(REPAIRS):
        status = e2fsck('-y', *options, image)
        if status is None:
            return 'e2fsck -fy hangs'
        if status == 0:
            break
    after = e2fsck('-n', *options, image)
    return None if after == 0 else 'after e2fsck -fy e2fsck -fn ends with %s' % after


class Outcome:
    """Of one image: why it was not judged, errors without a witness, and those with one."""

    def __init__(self, name):
        self.name = name
        self.why = None
        self.wrong = []
        self.proved = []


def judge_one(item, folder, keep):
    outcome = Outcome(item.id)
    if any(run.get('hang') for run in item.oracle['repair']['runs']):
        outcome.why = 'e2fsck -fy hangs, the oracle says'
        return outcome
    with judge.scratch() as work:
        copies = []
        for path in item.unpack(folder):
            copies.append(path and os.path.join(work, os.path.basename(path)))
            if path:
                subprocess.run(['cp', '--sparse=always', path, copies[-1]], check=True)
        image, journal = copies
        outcome.why = repair(image, journal)
        if outcome.why:
            return outcome
        with judge.Unchanged(image) as unchanged:
            result = unchanged.run('check', '--json', *(['-j', journal] if journal else []), ...)
        errors = [finding for finding in result.json.get('findings', []) if finding['severity'] == 'error']
        if (result.status == 0) != (not errors):
            outcome.wrong.append('exit status %d with %d errors' % (result.status, len(errors)))
        for finding in errors:
            said = '%s: %s' % (finding['code'], finding['message'])
            proof = repaired_proofs.witness(image, finding, item.oracle)
            if proof:
                outcome.proved.append('%s\n      %s' % (said, proof))
            else:
                outcome.wrong.append(said)
        if keep and errors:
            shutil.copy(image, os.path.join(keep, item.id + '.img'))
    return outcome


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--only', default='', help='ids, commas between them')
    parser.add_argument('--jobs', type=int, default=os.cpu_count())
    parser.add_argument('--keep', help='keep repaired images with errors there')
    arguments = parser.parse_args()
    items = list(corpus.items([i for i in arguments.only.split(',') if i]))
    judge.private_mounts()
    judge.need('e2fsck', 'debugfs')
    judge.tool()
    if arguments.keep:
        os.makedirs(arguments.keep, exist_ok=True)
    folder = corpus.unpacked()
    judged = bad = proved = 0
    with concurrent.futures.ThreadPoolExecutor(arguments.jobs) as pool:
        for outcome in pool.map(lambda item: judge_one(item, folder, arguments.keep), items):
            if outcome.why:
                print('not judged: %-32s %s' % (outcome.name, outcome.why), flush=True)
                continue
            judged += 1
            bad += bool(outcome.wrong)
            proved += bool(outcome.proved)
            for title, lines in (('DISAGREE', outcome.wrong), ('proved', outcome.proved)):
                for line in lines:
                    print('%s: %s: %s' % (title, outcome.name, line), flush=True)
    print('%d images, %d clean for e2fsck after its repair; of these check finds errors on %d that a witness confirms, '
          'on %d without one' % (len(items), judged, proved, bad))
    sys.exit(1 if bad or 100 * judged < JUDGED * len(items) else 0)


if __name__ == '__main__':
    main()
