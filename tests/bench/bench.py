# SPDX-License-Identifier: MIT
"""Times `df` and `check` against `e2fsck -fn` on images that it makes: pairwise, A B A B, whole
processes, hot cache; then with a cold cache against a plain reader of the same bytes in disk order.
Prints a table of medians and ratios, peak memory and bytes read. No test: figures are looked at.

    bench.py [--dir DIR] [--runs N] [--only NAME,...] [--command df] [--small] [--cold] [--json FILE]

The images want 20 GB of sparse files and root (loop mounts) once; they are kept in DIR. --small makes
tenths of them. --cold wants root and strace."""

import argparse
import json
import mmap
import os
import random
import re
import shutil
import statistics
import subprocess
import sys
import tempfile

NOISE = random.Random(1).randbytes(1 << 20)


# ---- the images ----

def many_files(count):
    """Small files in directories of all sizes, names of various lengths, a few symlinks."""
    def fill(root):
        r = random.Random(count)
        folders = [os.open(root, os.O_RDONLY)]
        made = 0
        while made < count:
            parent = folders[r.randrange(len(folders))] if r.random() < 0.7 else folders[-1]
            name = 'folder-%06d' % made
            os.mkdir(name, dir_fd=parent)
            here = os.open(name, os.O_RDONLY, dir_fd=parent)
            if len(folders) < 500:
                folders.append(here)
            for _ in range(min(count - made, r.choice([5, 10, 50, 50, 100, 200, 1000]))):
                name = '%s-%08x.%s' % (r.choice(['note', 'picture', 'x', 'object_of_some_length']), made,
                                       r.choice(['txt', 'c', 'jpeg', 'o']))
                made += 1
                if r.random() < 0.02:
                    os.symlink('../' * r.randrange(1, 30) + name, name, dir_fd=here)
                    continue
                fd = os.open(name, os.O_WRONLY | os.O_CREAT, 0o644, dir_fd=here)
                size = r.choice([0, 10, 100, 1000, 3000, 5000, 9000]) if r.random() < 0.99 else r.randrange(1 << 20)
                if size:
                    os.write(fd, NOISE[:size])
                os.close(fd)
            if here not in folders:
                os.close(here)
        for fd in folders:
            os.close(fd)
    return fill


def many_extents(count):
    """Files in which every second block is a hole: an extent a block."""
    def fill(root):
        for number in range(10):
            fd = os.open('%s/comb%d' % (root, number), os.O_WRONLY | os.O_CREAT, 0o644)
            for i in range(count // 10):
                os.pwrite(fd, b'x', i * 8192)
            os.close(fd)
    return fill


def one_directory(count):
    def fill(root):
        fd = os.open(root, os.O_RDONLY)
        for i in range(count):
            os.close(os.open('entry-number-%07d' % i, os.O_WRONLY | os.O_CREAT, 0o644, dir_fd=fd))
        os.close(fd)
    return fill


# name, size in GiB, mke2fs arguments, how it is filled; the factors are those asked for (time of e2fsck / ours).
def rows(tenth):
    part = 10 if tenth else 1
    return [
        ('million', 16 // (part // 2 or 1), ['-t', 'ext4', '-N', str(1500000 // part)], many_files(1000000 // part),
         {'df': 4, 'check': 6}),
        ('empty-15t', 15360 // part, ['-t', 'ext4', '-E', 'lazy_itable_init=1'], None, {'df': 10, 'check': 20}),
        ('ext3', 8, ['-t', 'ext3', '-b', '4096', '-N', str(400000 // part)], many_files(300000 // part), {'check': 4}),
        ('ext4-1k', 6, ['-t', 'ext4', '-b', '1024', '-N', str(400000 // part)], many_files(300000 // part),
         {'check': 4}),
        ('extents', 12, ['-t', 'ext4', '-b', '4096', '-N', '20000'], many_extents(1000000 // part), {'check': 4}),
        ('directory', 2, ['-t', 'ext4', '-b', '4096', '-N', '600000'], one_directory(500000 // part), {'check': 5}),
    ]


def make(folder, row):
    name, size, arguments, fill, _ = row
    path = os.path.join(folder, name + '.img')
    if os.path.exists(path):
        return path
    if fill and os.geteuid() != 0:
        print('SKIP: %s: needs root once (a loop mount)' % name)
        return None
    unfinished = path + '.new'
    with open(unfinished, 'wb') as image:
        image.truncate(size << 30)
    print('making %s ...' % path, flush=True)
    subprocess.run(['mke2fs', '-q', '-F', *arguments, unfinished], check=True, stdin=subprocess.DEVNULL)
    if fill:
        point = os.path.join(folder, 'mount')
        os.makedirs(point, exist_ok=True)
        subprocess.run(['mount', '-o', 'loop,noatime', unfinished, point], check=True)
        try:
            fill(point)
        finally:
            subprocess.run(['umount', point], check=True)
            os.rmdir(point)
    os.rename(unfinished, path)
    return path


# ---- one run ----

def measure(command):
    """{wall, cpu: seconds; memory: bytes at the peak; read: bytes; status}"""
    helper = os.environ.get('MEASURE', 'tests/bench/measure')
    done = subprocess.run([helper, *command], check=True, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE)
    wall, cpu, memory, read, status = done.stderr.split()
    return {'wall': float(wall), 'cpu': float(cpu), 'memory': int(memory), 'read': int(read), 'status': int(status)}


def median(runs, key):
    return statistics.median(r[key] for r in runs)


# ---- cold cache ----

def drop_caches():
    os.sync()
    with open('/proc/sys/vm/drop_caches', 'w') as file:
        file.write('1')


def bytes_read(command, path, folder):
    """[(first byte, bytes)] of the file that the command reads, in order, told by strace: what went
    past the page cache cannot be seen in it afterwards."""
    with tempfile.TemporaryDirectory(dir=folder) as traces:
        subprocess.run(['strace', '-ff', '-y', '-e', 'trace=pread64', '-o', os.path.join(traces, 'trace'), *command],
                       stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        pages = []
        for trace in os.listdir(traces):
            with open(os.path.join(traces, trace), errors='replace') as file:
                for line in file:
                    read = re.match(r'pread64\(\d+<(.*?)>, .*, \d+, (\d+)\) += (\d+)$', line)
                    if read and os.path.realpath(path) == read[1]:
                        start, length = int(read[2]), int(read[3])
                        pages.append((start // mmap.PAGESIZE, -(-(start + length) // mmap.PAGESIZE)))
    runs = []
    for start, end in sorted(pages):
        if runs and start <= runs[-1][1]:
            runs[-1][1] = max(runs[-1][1], end)
        else:
            runs.append([start, end])
    return [(start * mmap.PAGESIZE, (end - start) * mmap.PAGESIZE) for start, end in runs]


def cold(command, path, folder):
    """(our seconds, seconds of a plain reader of the same pages in order, bytes)"""
    reader = os.environ.get('PLAIN_READER', 'tests/bench/plain_reader')
    drop_caches()
    runs = bytes_read(command, path, folder)
    listing = os.path.join(folder, 'runs.txt')
    with open(listing, 'w') as file:
        file.writelines('%d %d\n' % run for run in runs)
    drop_caches()
    measure([command[0], '--version'])      # the program itself is not what is read
    ours = measure(command)['wall']
    drop_caches()
    measure([reader, os.devnull, listing])
    plain = measure([reader, path, listing])['wall']
    os.unlink(listing)
    return ours, plain, sum(length for _, length in runs)


# ---- the table ----

def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--dir', default=os.environ.get('BENCH_DIR', '/var/tmp/fsck-lite-bench'))
    parser.add_argument('--runs', type=int, default=5)
    parser.add_argument('--only', default='')
    parser.add_argument('--command', action='append')
    parser.add_argument('--image', action='append', default=[], help='an image that exists already')
    parser.add_argument('--small', action='store_true')
    parser.add_argument('--cold', action='store_true')
    parser.add_argument('--threads')
    parser.add_argument('--json')
    arguments = parser.parse_args()
    tool = os.path.abspath(os.environ.get('FSCK_LITE', 'fsck-lite/fsck-lite'))
    wanted = [n for n in arguments.only.split(',') if n]
    folder = arguments.dir + ('-small' if arguments.small else '')
    os.makedirs(folder, exist_ok=True)
    work = [(os.path.basename(path), path, {}) for path in arguments.image]
    if not work:
        for row in rows(arguments.small):
            if not wanted or row[0] in wanted:
                path = make(folder, row)
                if path:
                    work.append((row[0], path, row[4]))
    results = []
    print('%-12s %-6s %9s %9s %7s %7s %7s %10s %10s %9s %9s' % (
        'image', 'what', 'ours s', 'e2fsck s', 'faster', 'asked', 'cpu', 'ours MiB', 'e2fsck MiB', 'read MiB', 'e2fsck'))
    for name, path, asked in work:
        for what in arguments.command or ('df', 'check'):
            ours = [tool, what] + (['--threads', arguments.threads] if arguments.threads else []) + [path]
            theirs = ['e2fsck', '-fn', path]
            measure(theirs)         # the cache becomes hot
            pairs = [(measure(ours), measure(theirs)) for _ in range(arguments.runs)]
            a, b = [p[0] for p in pairs], [p[1] for p in pairs]
            ratio = statistics.median(y['wall'] / x['wall'] for x, y in pairs)
            statuses = {r['status'] for r in a}
            result = {
                'image': name, 'command': what, 'wall': median(a, 'wall'), 'e2fsck_wall': median(b, 'wall'),
                'ratio': ratio, 'asked': asked.get(what), 'cpu_ratio': median(b, 'cpu') / (median(a, 'cpu') or 1e-9),
                'memory': median(a, 'memory'), 'e2fsck_memory': median(b, 'memory'), 'read': median(a, 'read'),
                'e2fsck_read': median(b, 'read'), 'status': sorted(statuses),
            }
            results.append(result)
            print('%-12s %-6s %9.3f %9.3f %7.2f %7s %7.2f %10.1f %10.1f %9.1f %9.1f%s' % (
                name, what, result['wall'], result['e2fsck_wall'], ratio, asked.get(what, ''), result['cpu_ratio'],
                result['memory'] / 2**20, result['e2fsck_memory'] / 2**20, result['read'] / 2**20,
                result['e2fsck_read'] / 2**20, '' if statuses == {0} else '  exit %s' % sorted(statuses)), flush=True)
            if arguments.cold and os.path.getsize(path) < 1 << 40 and os.geteuid() == 0 and shutil.which('strace'):
                result['cold'] = [cold(ours, path, folder) for _ in range(arguments.runs)]
                wall, plain, size = (statistics.median(run[i] for run in result['cold']) for i in range(3))
                print('%-12s %-6s cold cache: %.3f s; a plain reader of the same %.1f MiB in disk order: %.3f s, '
                      'ratio %.2f (asked: 1.3)' % (name, what, wall, size / 2**20, plain,
                                                   statistics.median(a / b for a, b, _ in result['cold'])), flush=True)
    if arguments.json:
        with open(arguments.json, 'w') as file:
            json.dump(results, file, indent=1)


if __name__ == '__main__':
    main()
