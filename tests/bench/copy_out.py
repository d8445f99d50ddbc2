# SPDX-License-Identifier: MIT
"""Times `restore --output` against `cp -a` from the kernel's mount of the same image: pairwise,
A B A B, whole processes, hot cache, onto the same filesystem, the dirty pages of the one written out
before the other begins. Prints medians and the median ratio. No test: figures are looked at.

    copy_out.py [--dir DIR] [--runs N] [--small]

Root is needed (a loop mount); the image of 1.3 GiB is kept in DIR, where the copies go too."""

import argparse
import os
import random
import shutil
import statistics
import subprocess

SMALL_FILES, LARGE_FILES, LARGE_BYTES = 100000, 20, 32 << 20
ASKED = 1.3


def fill(root, tenth):
    """Small files of up to five blocks in folders of some dozens, large ones beside them."""
    r = random.Random(1)
    noise = r.randbytes(1 << 20)
    count = SMALL_FILES // (10 if tenth else 1)
    made = 0
    while made < count:
        folder = '%s/%03d/%05d' % (root, made % 97, made)
        os.makedirs(folder)
        here = os.open(folder, os.O_RDONLY)
        for _ in range(min(count - made, r.choice([5, 20, 50, 100, 200]))):
            size = r.choice([0, 100, 1000, 3000, 4096, 6000, 9000, 20000])
            at = r.randrange(len(noise) - size)
            fd = os.open('file-%06d' % made, os.O_WRONLY | os.O_CREAT, r.choice([0o644, 0o600, 0o755]), dir_fd=here)
            os.write(fd, noise[at:at + size])
            os.close(fd)
            made += 1
        os.close(here)
    os.mkdir(root + '/large')
    for number in range(LARGE_FILES):
        with open('%s/large/%02d' % (root, number), 'wb') as file:
            for _ in range(LARGE_BYTES // len(noise) // (10 if tenth else 1)):
                file.write(noise)


def make(folder, tenth):
    path = os.path.join(folder, 'copy-out%s.img' % ('-small' if tenth else ''))
    if os.path.exists(path):
        return path
    print('making %s ...' % path, flush=True)
    unfinished = path + '.new'
    with open(unfinished, 'wb') as image:
        image.truncate(4 << 30)
    subprocess.run(['mke2fs', '-q', '-F', '-t', 'ext4', '-N', '200000', unfinished], check=True,
                   stdin=subprocess.DEVNULL)
    with mounted(unfinished, folder, 'loop,noatime') as root:
        fill(root, tenth)
    os.rename(unfinished, path)
    return path


class mounted:
    def __init__(self, image, folder, options):
        self.image, self.options, self.point = image, options, os.path.join(folder, 'mount')

    def __enter__(self):
        os.makedirs(self.point, exist_ok=True)
        subprocess.run(['mount', '-o', self.options, self.image, self.point], check=True)
        return self.point

    def __exit__(self, *_):
        subprocess.run(['umount', self.point], check=True)
        os.rmdir(self.point)


def measure(command):
    """(wall, CPU) in seconds."""
    helper = os.environ.get('MEASURE', 'tests/bench/measure')
    done = subprocess.run([helper, *command], check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                          stderr=subprocess.PIPE)
    wall, cpu, _, _, status = done.stderr.split()[-5:]
    if int(status) != 0:
        raise SystemExit('%s: exit status %s' % (' '.join(command), status.decode()))
    return float(wall), float(cpu)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--dir', default=os.environ.get('BENCH_DIR', '/var/tmp/fsck-lite-bench'))
    parser.add_argument('--runs', type=int, default=5)
    parser.add_argument('--small', action='store_true')
    arguments = parser.parse_args()
    if os.geteuid() != 0:
        print('SKIP: copy-out: needs root (a loop mount)')
        return
    tool = os.path.abspath(os.environ.get('FSCK_LITE', 'fsck-lite/fsck-lite'))
    os.makedirs(arguments.dir, exist_ok=True)
    image = make(arguments.dir, arguments.small)
    target = os.path.join(arguments.dir, 'copy')
    shutil.rmtree(target, ignore_errors=True)

    def fresh(command):
        os.sync()
        result = measure(command)
        shutil.rmtree(target)
        return result

    pairs = []
    with mounted(image, arguments.dir, 'loop,ro') as root:
        ours = [tool, 'restore', '--quiet', '--output', target, image]
        theirs = ['cp', '-a', root, target]
        fresh(theirs)       # the cache becomes hot, that of the image and that of the mount
        fresh(ours)
        for _ in range(arguments.runs):
            pairs.append((fresh(ours), fresh(theirs)))
    ratios = [[ours[i] / theirs[i] for ours, theirs in pairs] for i in range(2)]
    print('copy-out: ours %.2f s wall, %.2f s CPU; cp -a %.2f s wall, %.2f s CPU; ratio %.2f wall (asked: %.1f), %.2f CPU'
          '; wall ratios %s' % (
              *(statistics.median(run[0][i] for run in pairs) for i in range(2)),
              *(statistics.median(run[1][i] for run in pairs) for i in range(2)),
              statistics.median(ratios[0]), ASKED, statistics.median(ratios[1]),
              ' '.join('%.2f' % ratio for ratio in sorted(ratios[0]))))


if __name__ == '__main__':
    main()
