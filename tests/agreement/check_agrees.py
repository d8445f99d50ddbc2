# SPDX-License-Identifier: MIT
"""`check` against e2fsck: nothing is found on clean images of every option set; and on images that a
seed has damaged the verdict, the codes and the state after e2fsck -fy are held against e2fsck's as
damage_agrees.py does it, on a few: `make check-damage` takes many.

    check_agrees.py [--damages N] [--seed N] [IMAGE ...]"""

import argparse
import os
import sys

import damage_agrees
import images
import judge


def checked(image, options=()):
    with judge.Unchanged(image) as unchanged:
        result = unchanged.run('check', '--json', '--max-findings=50', *options, ..., timeout=60)
    return result.json, result.status


def clean_images(failures):
    for image in images.chosen():
        try:
            document, status = checked(image.path, images.journal_option(image))
            failures.equal(image.name, 'verdict, status, findings', (document['verdict'], status, [
                f['code'] + ': ' + f['message'] for f in document['findings'] if f['severity'] != 'info'][:5]),
                ('clean', 0, []))
        except Exception as error:
            failures.add(image.name, type(error).__name__, str(error)[:400])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--damages', type=int, default=30)
    parser.add_argument('--seed', type=int, default=1)
    parser.add_argument('images', nargs='*')
    arguments = parser.parse_args()
    sys.argv[1:] = arguments.images
    judge.private_mounts()
    judge.need('e2fsck', 'debugfs', 'mke2fs')
    judge.tool()
    failures = judge.Failures(limit=200)
    clean_images(failures)
    records = damage_agrees.run(arguments.damages, arguments.seed, os.cpu_count())
    totals = damage_agrees.report(records, 20)
    failures.judged += len(records)
    if not damage_agrees.reached(totals):
        failures.add('damaged images', 'fall short of what damage_agrees.py asks')
    failures.end('check agrees')


if __name__ == '__main__':
    main()
