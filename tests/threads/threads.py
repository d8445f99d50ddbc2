# SPDX-License-Identifier: MIT
"""`check` and `df` with four threads, built with ThreadSanitizer: no report of a data race over all
recipes, over the corpus where it is, and over an image in each of whose groups something is wrong;
and none while a run is interrupted.

    threads.py [--jobs N] [NAME ...]    only these recipes and images"""

import argparse
import concurrent.futures
import os
import signal
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, '..', 'corpus'))
import corpus       # noqa: E402

FSCK_LITE, MKFIXTURE = os.environ['FSCK_LITE'], os.environ['MKFIXTURE']
RECIPES = os.path.join(HERE, '..', '..', 'fixtures', 'recipes')
TIMEOUT = 300 * int(os.environ.get('FSCK_LITE_SLOWER', '1'))
RACE = 66
COMMANDS = ('check', 'df')
GROUPS, PER_GROUP = 8, 2048     # of `crowded`
INTERRUPTIONS = 40


def crowded():
    """A recipe: directories, files, links and damage in all of eight groups, so that all threads have
    something to count and to say at once."""
    lines = ['image %d blocks of 1024, type ext4, inodes %d' % (GROUPS * 8192, GROUPS * PER_GROUP)]
    damage = []
    for group in range(GROUPS):
        first = group * PER_GROUP + 100
        lines += ['dir /d%d, inode %d' % (group, first), 'dir /d%d/many 200 entries, inode %d' % (group, first + 1)]
        for i in range(8):
            path = '/d%d/f%d' % (group, i)
            lines += ['file %s %d blocks, inode %d' % (path, 1 + 3 * i, first + 10 + i),
                      'hardlink /d%d/again%d %s' % ((group + 1) % GROUPS, 8 * group + i, path)]
        damage += ['damage inode /d%d/f0 : i_links_count = 7' % group, 'damage inode /d%d/f1 : i_blocks_lo = 9' % group,
                   'damage inode /d%d/f2 : extent_header.eh_magic = 0' % group,
                   'damage dirent /d%d/f3 : inode = %d' % (group, GROUPS * PER_GROUP - 3)]
    # A directory must be there before what is linked into it.
    lines.sort(key=lambda line: (line.startswith('hardlink'), 0))
    return '\n'.join(lines + damage) + '\n'


def environment():
    return dict(os.environ, TSAN_OPTIONS='exitcode=%d' % RACE, E2FSCK_TIME='1750000000')


def built(folder):
    """[(name, image, options)] of all recipes."""
    text = os.path.join(folder, 'crowded.recipe')
    with open(text, 'w', encoding='ascii') as file:
        file.write(crowded())
    paths = sorted(os.path.join(RECIPES, name) for name in os.listdir(RECIPES) if name.endswith('.recipe'))
    subprocess.run([MKFIXTURE, '--into', folder, *paths, text], check=True, env=environment())
    images = []
    for path in paths + [text]:
        name = os.path.basename(path)[:-len('.recipe')]
        image, options = os.path.join(folder, name + '.img'), []
        if os.path.exists(os.path.join(folder, name + '.map')):
            options += ['--map', os.path.join(folder, name + '.map')]
        if os.path.exists(image + '.journal'):
            options += ['-j', image + '.journal']
        images.append((name, image, options))
    return images


def of_corpus():
    try:
        items = list(corpus.items())
    except SystemExit:
        return []
    images = []
    for item in items:
        image, journal = item.unpack(corpus.unpacked())
        images.append((item.id, image, ['-j', journal] if journal else []))
    return images


def report(name, command, status, complaints):
    """What ThreadSanitizer says, or that there was no documented end."""
    if status in (0, 4, 8, 32) and 'ThreadSanitizer' not in complaints:
        return []
    return ['%s %s: exit status %s\n%s' % (command, name, status, complaints[:4000])]


def judge_one(row):
    name, image, options = row
    faults = []
    for command in COMMANDS:
        try:
            done = subprocess.run([FSCK_LITE, command, '--json', '--threads', '4', *options, image],
                                  stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                                  timeout=TIMEOUT, env=environment())
            faults += report(name, command, done.returncode, done.stderr.decode('utf-8', 'replace'))
        except subprocess.TimeoutExpired:
            faults.append('%s %s: takes more than %d s' % (command, name, TIMEOUT))
    return faults


def judge_interrupted(name, image, options):
    """The same, and in the middle of it an interrupt. How many ended by that."""
    faults, ended = [], 0
    start = time.monotonic()
    judge_one((name, image, options))
    whole = (time.monotonic() - start) / len(COMMANDS)
    for i in range(INTERRUPTIONS):
        process = subprocess.Popen([FSCK_LITE, 'check', '--threads', '4', *options, image], stdin=subprocess.DEVNULL,
                                   stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=environment())
        time.sleep(whole * (i + 1) / (INTERRUPTIONS + 1))
        process.send_signal(signal.SIGINT)
        complaints = process.communicate(timeout=TIMEOUT)[1].decode('utf-8', 'replace')
        ended += process.returncode == 32
        if process.returncode != -signal.SIGINT:    # it came before there was a handler
            faults += report(name, 'interrupted check', process.returncode, complaints)
    return faults, ended


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--jobs', type=int, default=max(1, (os.cpu_count() or 1) // 2))
    parser.add_argument('names', nargs='*')
    arguments = parser.parse_args()
    bad = 0
    with tempfile.TemporaryDirectory() as folder, concurrent.futures.ThreadPoolExecutor(arguments.jobs) as pool:
        images = [row for row in built(folder) + of_corpus() if not arguments.names or row[0] in arguments.names]
        for faults in pool.map(judge_one, images):
            bad += bool(faults)
            print(''.join(faults), end='', flush=True)
        ended = 0
        for row in images:
            if row[0] == 'crowded':
                faults, ended = judge_interrupted(*row)
                bad += bool(faults)
                print(''.join(faults), end='', flush=True)
    print('%d images with four threads, %d runs interrupted in the middle: faults on %d' % (len(images), ended, bad))
    sys.exit(1 if bad or not images else 0)


if __name__ == '__main__':
    main()
