# SPDX-License-Identifier: MIT
"""A journal of a gigabyte that is full, replayed in memory, against reading its blocks once.

  journal.py [--megabytes N] [--keep DIR] [--only NAME]

As root: the kernel fills the journal, as far as it does before it makes room. As many bytes are read for
comparison as are to be replayed. The image is in the cache. Medians of pairs: wall clock and processor time, and the peak of memory."""

import argparse
import os
import statistics
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'agreement'))
import bench
import judge

MIB = 1 << 20

# name, mke2fs arguments, mount options, share of what is written that is removed again
ROWS = [
    ('4k-v3', '-t ext4 -b 4096', 'data=journal', 0),
    ('4k-none', '-t ext3 -b 4096', 'data=journal', 0),
    ('1k-v3', '-t ext4 -b 1024', 'data=journal', 0),
    ('1k-none', '-t ext3 -b 1024', 'data=journal', 0),
    ('1k-v1', '-t ext4 -b 1024 -O ^metadata_csum,^64bit', 'data=journal,journal_checksum', 0),
    ('4k-revokes', '-t ext4 -b 4096', 'data=journal', 0.8),
]


def fill(root, megabytes, removed):
    """Files of a megabyte, every block another; each is on its way to the log before the next comes."""
    block = os.urandom(MIB - 4096)
    for i in range(megabytes):
        path = os.path.join(root, 'f%d' % i)
        with open(path, 'wb') as file:
            file.write(i.to_bytes(4096, 'little') + block)
            file.flush()
            os.fsync(file.fileno())
        if (i * removed) % 1 + removed >= 1:
            os.unlink(path)


def make(row, megabytes, folder):
    name, arguments, options, removed = row
    live, image = os.path.join(folder, 'live'), os.path.join(folder, name + '.img')
    judge.make_sparse(live, (2 * megabytes + 512) * MIB)
    subprocess.run(['mke2fs', '-q', '-F', '-E', 'lazy_itable_init=1', '-J', 'size=%d' % megabytes]
                   + arguments.split() + [live], check=True)
    with judge.mounted(live, options + ',commit=300', write=True) as root:
        # The kernel keeps some of the log free.
        fill(root, megabytes * 7 // 10, removed)
        subprocess.run(['cp', '--sparse=always', live, image], check=True)
    os.unlink(live)
    return image


def place(image):
    """Byte where the journal begins, and how many bytes of it are to be replayed."""
    shown = judge.run(['show', image, 'journal', '--json']).json['log']
    first = judge.run(['show', image, 'journal', '0', '--json']).json['log_block']['offset']
    return first, shown['blocks_to_replay'] * shown['block_size'], shown


def compare(name, image, rounds):
    first, size, shown = place(image)
    cat = ['dd', 'if=' + image, 'bs=128K', 'iflag=skip_bytes,count_bytes', 'skip=%d' % first, 'count=%d' % size]
    ours = [os.environ['FSCK_LITE'], 'ls', image, '/']
    runs = [(bench.measure(cat), bench.measure(ours)) for _ in range(rounds)]
    cats, replays = [r[0] for r in runs], [r[1] for r in runs]
    print('%-11s %5d MiB to replay, %6d revokes   cat %.2f s (cpu %.2f)   replay %.2f s (cpu %.2f)   %.2f times (cpu %.2f), %.1f MiB'
          % (name, shown['blocks_to_replay'] * shown['block_size'] // MIB, shown['revokes'],
             bench.median(cats, 'wall'), bench.median(cats, 'cpu'), bench.median(replays, 'wall'), bench.median(replays, 'cpu'),
             statistics.median(r['wall'] / c['wall'] for c, r in runs), statistics.median(r['cpu'] / c['cpu'] for c, r in runs),
             max(r['memory'] for r in replays) / MIB), flush=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('--megabytes', type=int, default=1024)
    parser.add_argument('--rounds', type=int, default=5)
    parser.add_argument('--keep', default=None)
    parser.add_argument('--only', default='')
    options = parser.parse_args()
    judge.need('mke2fs')
    judge.private_mounts()
    with judge.scratch() as scratch:
        folder = options.keep or scratch
        os.makedirs(folder, exist_ok=True)
        for row in (r for r in ROWS if options.only in r[0]):
            image = os.path.join(folder, row[0] + '.img')
            if not os.path.exists(image):
                make(row, options.megabytes, folder)
            compare(row[0], image, options.rounds)
            if not options.keep:
                os.unlink(image)


if __name__ == '__main__':
    main()
