# SPDX-License-Identifier: MIT
"""Crash images made by the kernel itself: a filesystem is mounted, random work is done on it, and its
backing file is copied in the middle of that. Then the tree and the df that the recovery in memory
gives are compared with what the kernel shows after mounting a copy of the same image, and `check` is to
find nothing wrong. Then the journal loses its superblock, and the recovery is to be the same or none.

  crash.py [--images N] [--seed S] [--keep DIR] [--only CONFIG]

An image for which they differ is kept in DIR, named by configuration, seed and number."""

import argparse
import ctypes
import hashlib
import os
import random
import shutil
import stat
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'agreement'))
import judge

SIZE = int(os.environ.get('CRASH_SIZE', 24 << 20))
LIBC = ctypes.CDLL(None, use_errno=True)
KEEP_SIZE, PUNCH_HOLE, ZERO_RANGE, COLLAPSE = 1, 2, 16, 8

# name, mke2fs arguments, mount options
CONFIGS = [
    ('ext4-4k', '-t ext4 -b 4096 -J size=4', ''),
    ('ext4-1k', '-t ext4 -b 1024 -J size=1', ''),
    ('ext4-4k-orphan', '-t ext4 -b 4096 -O orphan_file -J size=4', ''),
    ('ext4-1k-orphan', '-t ext4 -b 1024 -O orphan_file -J size=1', 'commit=1'),
    ('ext4-journal', '-t ext4 -b 1024 -J size=8', 'data=journal'),
    ('ext4-writeback', '-t ext4 -b 4096 -J size=4', 'data=writeback'),
    ('ext4-async', '-t ext4 -b 1024 -J size=4', 'journal_async_commit,data=writeback'),
    ('ext4-v1', '-t ext4 -b 1024 -O ^metadata_csum,^64bit -J size=2', 'journal_checksum'),
    ('ext4-nocsum', '-t ext4 -b 2048 -O ^metadata_csum -J size=4', ''),
    ('ext4-bigalloc', '-t ext4 -b 1024 -C 8192 -O bigalloc -J size=2', ''),
    ('ext4-bigalloc-journal', '-t ext4 -b 4096 -C 16384 -O bigalloc -J size=4', 'data=journal'),
    ('ext4-journal-4k', '-t ext4 -b 4096 -O large_dir,orphan_file -J size=4', 'data=journal'),
    ('ext4-meta-bg', '-t ext4 -b 1024 -O meta_bg,^resize_inode,sparse_super2 -J size=1', ''),
    ('ext4-inline', '-t ext4 -b 4096 -O inline_data -I 256 -J size=4', ''),
    ('ext4-ea-inode', '-t ext4 -b 1024 -O ea_inode -J size=2', ''),
    ('ext4-uninit', '-t ext4 -b 1024 -O ^metadata_csum,uninit_bg -J size=1', ''),
    ('ext4-noflex', '-t ext4 -b 1024 -O ^flex_bg,^resize_inode -J size=2', ''),
    ('ext4-blockmap', '-t ext4 -b 1024 -O ^extent,^64bit -J size=2', ''),
    ('ext3-1k', '-t ext3 -b 1024 -J size=1', ''),
    ('ext3-4k', '-t ext3 -b 4096 -J size=4', ''),
    ('ext3-journal', '-t ext3 -b 1024 -J size=4', 'data=journal'),
    ('ext3-writeback', '-t ext3 -b 4096 -J size=4', 'data=writeback'),
    ('fc-4k', '-t ext4 -b 4096 -O fast_commit -J size=5', ''),
    ('fc-1k', '-t ext4 -b 1024 -O fast_commit -J size=2', ''),
    ('fc-1k-orphan', '-t ext4 -b 1024 -O fast_commit,orphan_file -J size=2', ''),
    ('fc-2k', '-t ext4 -b 2048 -O fast_commit,orphan_file -J size=3', ''),
    ('fc-inline', '-t ext4 -b 4096 -O fast_commit,inline_data -I 256 -J size=5', ''),
    ('fc-inline-1k', '-t ext4 -b 1024 -O fast_commit,inline_data,orphan_file -I 512 -J size=2', ''),
]


def fallocate(fd, mode, offset, length):
    LIBC.fallocate(ctypes.c_int(fd), ctypes.c_int(mode), ctypes.c_int64(offset), ctypes.c_int64(length))


class Work:
    """Random operations below one directory. What fails (no space, no such feature) is left out."""

    def __init__(self, root, rng, fast):
        self.root, self.rng, self.fast = root, rng, fast
        self.files, self.dirs, self.open = [], [root], []
        self.count = 0

    def new(self, long=False):
        self.count += 1
        name = '%s%d' % (self.rng.choice(('f', 'file-', 'x', 'a-longer-name-')), self.count)
        if long or self.rng.random() < 0.05:
            name += 'n' * self.rng.randrange(1, 200)
        if self.rng.random() < 0.05:
            name += 'é'
        return os.path.join(self.rng.choice(self.dirs[-8:] + [self.root]), name)

    def data(self, size):
        pattern = bytes(self.rng.randrange(256) for _ in range(16))
        head = b'\xc0\x3b\x39\x98' if self.rng.random() < 0.1 else b''
        return (head + pattern * (size // 16 + 1))[:size]

    def size(self):
        return self.rng.choice((0, 5, 100, 1000, 1024, 4096, 5000, 20000, 70000, 300000))

    def some(self):
        return self.rng.choice(self.files) if self.files else None

    def create(self):
        path = self.new()
        with open(path, 'wb') as f:
            f.write(self.data(self.size()))
            if self.rng.random() < 0.4:
                f.flush()
                os.fsync(f.fileno())
        self.files.append(path)

    def change(self):
        path = self.some()
        with open(path, 'r+b') as f:
            what = self.rng.randrange(6)
            f.seek(self.rng.choice((0, 1024, 4096, 50000, 1000000)))
            if what < 3:
                f.write(self.data(self.size()))
            elif what == 3:
                f.truncate(self.rng.choice((0, 1, 1000, 5000, 100000)))
            elif what == 4:
                f.flush()
                fallocate(f.fileno(), self.rng.choice((0, KEEP_SIZE, PUNCH_HOLE | KEEP_SIZE, ZERO_RANGE)),
                          self.rng.randrange(0, 80) * 1024, self.rng.randrange(1, 100) * 1024)
            else:
                for i in range(self.rng.randrange(2, 30)):
                    f.seek(i * 8192)
                    f.write(self.data(700))
            f.flush()
            if self.rng.random() < 0.5:
                os.fsync(f.fileno())

    def remove(self):
        path = self.some()
        os.unlink(path)
        self.files.remove(path)

    def remove_open(self):
        path = self.some()
        fd = os.open(path, os.O_RDWR)
        self.open.append(fd)
        os.unlink(path)
        self.files.remove(path)
        if self.rng.random() < 0.3:
            os.write(fd, self.data(3000))
            os.fsync(fd)

    def close_open(self):
        if self.open:
            os.close(self.open.pop(self.rng.randrange(len(self.open))))

    def rename(self):
        path, target = self.some(), self.new()
        if self.rng.random() < 0.3 and len(self.files) > 1:
            target = self.some()
        if path == target:
            return
        os.rename(path, target)
        self.files.remove(path)
        if target not in self.files:
            self.files.append(target)

    def link(self):
        target = self.new()
        os.link(self.some(), target)
        self.files.append(target)

    def symlink(self):
        target = self.new()
        os.symlink(self.rng.choice(('short', 'x' * 59, 'y' * 60, 'z' * 300)), target)
        self.files.append(target)

    def mkdir(self):
        path = self.new()
        os.mkdir(path)
        self.dirs.append(path)

    def rmdir(self):
        path = self.rng.choice(self.dirs[1:])
        os.rmdir(path)
        self.dirs.remove(path)

    def rename_dir(self):
        path = self.rng.choice(self.dirs[1:])
        target = self.new()
        os.rename(path, target)
        self.dirs = [target + d[len(path):] if d == path or d.startswith(path + '/') else d for d in self.dirs]
        self.files = [target + f[len(path):] if f.startswith(path + '/') else f for f in self.files]

    def many(self):
        folder = self.rng.choice(self.dirs)
        for i in range(self.rng.randrange(10, 150)):
            self.count += 1
            path = os.path.join(folder, 'many-%d-%s' % (self.count, 'm' * self.rng.randrange(40)))
            os.close(os.open(path, os.O_CREAT | os.O_WRONLY))
            self.files.append(path)

    def few(self):
        for _ in range(self.rng.randrange(10, 60)):
            self.remove()

    def attribute(self):
        path = self.some()
        name = 'user.' + self.rng.choice('abc')
        if self.rng.random() < 0.2:
            os.removexattr(path, name, follow_symlinks=False)
        else:
            os.setxattr(path, name, self.data(self.rng.choice((3, 40, 300, 900))))

    def metadata(self):
        path = self.rng.choice((self.some(), self.rng.choice(self.dirs)))
        what = self.rng.randrange(3)
        if what == 0:
            os.chmod(path, self.rng.choice((0o600, 0o644, 0o755, 0o4711, 0o1777)))
        elif what == 1:
            os.chown(path, self.rng.randrange(1 << 20), self.rng.randrange(1 << 20), follow_symlinks=False)
        else:
            os.utime(path, ns=(self.rng.randrange(1 << 62), self.rng.randrange(1 << 62)), follow_symlinks=False)

    def special(self):
        path = self.new()
        kind = self.rng.choice((stat.S_IFIFO, stat.S_IFCHR, stat.S_IFBLK, stat.S_IFSOCK))
        os.mknod(path, kind | 0o640, os.makedev(self.rng.randrange(300), self.rng.randrange(70000)))
        self.files.append(path)

    def fsync(self):
        path = self.rng.choice((self.some(), self.rng.choice(self.dirs)))
        fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)

    def sync(self):
        fd = os.open(self.root, os.O_RDONLY)
        LIBC.syncfs(fd)
        os.close(fd)

    def step(self):
        full = [(self.create, 20), (self.change, 20), (self.remove, 8), (self.remove_open, 4),
                (self.close_open, 2), (self.rename, 6), (self.link, 3), (self.symlink, 3),
                (self.mkdir, 4), (self.rmdir, 2), (self.rename_dir, 1), (self.many, 2), (self.few, 1),
                (self.attribute, 6), (self.metadata, 5), (self.special, 1), (self.fsync, 4),
                (self.sync, 1)]
        # These make the kernel fall back to full commits.
        if self.fast:
            full = [(f, w) for f, w in full if f not in (self.attribute, self.rename_dir, self.sync, self.rmdir)]
            full.append((self.fsync, 20))
        operation = self.rng.choices([f for f, _ in full], [w for _, w in full])[0]
        try:
            operation()
        except (OSError, TypeError, ValueError, IndexError):
            pass

    def stop(self):
        for fd in self.open:
            os.close(fd)


def content(path):
    with open(path, 'rb') as image:
        return image.read()


def snapshot(source, target):
    """A copy during which nothing was written, so that it shows one moment."""
    before = content(source)
    for _ in range(50):
        after = content(source)
        if before == after:
            with open(target, 'wb') as image:
                image.write(before)
            return True
        before = after
    return False


def escape(data):
    return ''.join(chr(b) if 0x20 < b < 0x7f and b != 0x25 else '%%%02X' % b for b in data)


TYPES = {stat.S_IFREG: 'file', stat.S_IFDIR: 'dir', stat.S_IFCHR: 'char', stat.S_IFBLK: 'block',
         stat.S_IFIFO: 'fifo', stat.S_IFSOCK: 'socket', stat.S_IFLNK: 'symlink'}


def seconds(ns):
    return '%d.%09d' % (ns // 10**9, ns % 10**9)


def kernel_line(path, shown):
    info = os.lstat(path)
    kind = TYPES[stat.S_IFMT(info.st_mode)]
    what = '-'
    try:
        if kind == 'file':
            with open(path, 'rb') as f:
                what = hashlib.sha256(f.read()).hexdigest()
        elif kind == 'symlink':
            what = escape(os.readlink(path))
        elif kind in ('char', 'block'):
            what = '%d:%d' % (os.major(info.st_rdev), os.minor(info.st_rdev))
    except OSError:
        what = 'unreadable'
    xattrs = []
    for name in os.listxattr(path, follow_symlinks=False):
        value = os.getxattr(path, name, follow_symlinks=False)
        xattrs.append(escape(name.encode() + b'=' + value.hex().encode()))
    return ' '.join((escape(shown), str(info.st_ino), kind, '%o' % (info.st_mode & 0o7777), str(info.st_nlink),
                     str(info.st_uid), str(info.st_gid), str(info.st_size), seconds(info.st_atime_ns),
                     seconds(info.st_mtime_ns), seconds(info.st_ctime_ns), what, ','.join(sorted(xattrs)) or '-'))


def kernel_tree(root):
    info = os.statvfs(root)
    lines = ['df %d %d' % (info.f_bfree, info.f_ffree)]
    root = os.fsencode(root)
    lines.append(kernel_line(root, b'/'))
    for folder, dirs, files in os.walk(root):
        for name in dirs + files:
            path = os.path.join(folder, name)
            lines.append(kernel_line(path, path[len(root):]))
    return lines


def tree_tool():
    return os.path.abspath(os.environ.get('TREE', 'tests/tools/tree'))


def our_tree(tool, image, *arguments):
    done = subprocess.run([tool, *arguments, image], stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=300)
    if done.returncode:
        return None, done.stderr.decode('utf-8', 'replace')
    return done.stdout.decode().splitlines(), done.stderr.decode('utf-8', 'replace')


def differences(ours, theirs, mounted_at):
    """
    Lines that differ. Where the kernel itself changes a file at mount (a truncation that it finishes,
    a directory that a fast commit puts a name into), it gives it the time of the mount; a time that is
    not before `mounted_at` is taken to be that.
    """
    def path(line):
        return line.split(' ')[0]

    ours, theirs = {path(line): line.split(' ') for line in ours}, {path(line): line.split(' ') for line in theirs}
    for name, words in theirs.items():
        for field in (9, 10):
            if name in ours and name != 'df' and int(words[field].split('.')[0]) >= mounted_at:
                words[field] = ours[name][field] = '*'
    a, b = {' '.join(w) for w in ours.values()}, {' '.join(w) for w in theirs.values()}
    return sorted(a - b), sorted(b - a)


def check_image(image, failures, label, mounts=True):
    """After its recovery the image is whole. Linux's own replay of fast commits leaves link counts of
    directories behind; what it leaves is what is shown. Where Linux gives up amid the replay and does not
    mount, the counts of directories have no judge."""
    done = judge.run(['check', '--json', image])
    bad = {f['code'] for f in done.json['findings'] if f['severity'] != 'info'}
    if label.startswith('fc'):
        bad -= {'link-count-wrong'}
    if not mounts:
        bad -= {'group-directories'}
    failures.true(label, 'check finds ' + ', '.join(sorted(bad)), not bad)


def judge_lost(tool, image, folder, ours, failures, label):
    """The same without the journal's superblock: all that it said can be gathered from the log. Whether
    the log proved to be whole; where not, the tree is that without a replay."""
    offset = judge.run(['show', image, 'journal', '0', '--json']).json['log_block']['offset']
    copy = os.path.join(folder, 'lost.img')
    shutil.copyfile(image, copy)
    with open(copy, 'r+b') as file:
        file.seek(offset)
        file.write(bytes(1024))
    lines, stderr = our_tree(tool, copy)
    proven = '[journal-rebuilt]' in stderr
    failures.true(label, 'without its superblock: ' + stderr[-300:], proven or '[journal-unproven]' in stderr)
    failures.true(label, 'without its superblock the tree is another', lines == (ours if proven else our_tree(tool, image, '-n')[0]))
    return proven


def judge_image(tool, image, folder, failures, label, keep):
    """Whether the kernel could be asked, whether the recovery made a difference, and whether it was the
    same without the journal's superblock."""
    copy = os.path.join(folder, 'kernel.img')
    shutil.copyfile(image, copy)
    before = judge.fingerprint(image)
    ours, stderr = our_tree(tool, image)
    failures.true(label, 'the image changed', judge.fingerprint(image) == before)
    mounted_at = int(time.time())
    try:
        with judge.mounted(copy, write=True) as root:
            theirs = kernel_tree(root)
    except subprocess.CalledProcessError:
        print('%s: Linux does not mount this image' % label)
        if keep:
            shutil.copyfile(image, os.path.join(keep, 'refused-' + label.replace(' ', '-') + '.img'))
        # It does so when a fast commit holds a file that was deleted while open. That is no damage.
        check_image(image, failures, label, mounts=False)
        return False, False, False
    if not failures.true(label, 'failed: ' + stderr[-300:], ours is not None):
        return True, False, False
    check_image(image, failures, label)
    left, right = differences(ours, theirs, mounted_at)
    failures.true(label, '%d lines differ' % max(len(left), len(right)), not left and not right)
    for line in left[:4]:
        print('    ours:   ', line[:220])
    for line in right[:4]:
        print('    kernel: ', line[:220])
    changed = our_tree(tool, image, '-n')[0] != ours
    return True, changed, changed and judge_lost(tool, image, folder, ours, failures, label)


def session(number, config, seed, wanted, folder, tool, failures, keep):
    """One mounted filesystem, and `wanted` images of it."""
    name, arguments, options = config
    rng = random.Random('%s/%d/%d' % (name, seed, number))
    image = os.path.join(folder, 'live.img')
    judge.make_sparse(image, SIZE)
    made = subprocess.run(['mke2fs', '-q', '-F'] + arguments.split() + [image], stdin=subprocess.DEVNULL,
                          stderr=subprocess.PIPE)
    if made.returncode:
        print('%s: mke2fs does not make this: %s' % (name, made.stderr.decode().strip()))
        return 0, 0, 0
    taken, last = [], 0
    with judge.mounted(image, options or 'ro', write=True) as root:
        work = Work(root, rng, name.startswith('fc'))
        for i in range(wanted):
            for _ in range(rng.randrange(20, 250)):
                work.step()
            path = os.path.join(folder, 'snapshot-%d.img' % i)
            last = int(time.time())
            if snapshot(image, path):
                taken.append(path)
        work.stop()
    # So that a time of the mount is later than any of the work.
    while taken and int(time.time()) <= last:
        time.sleep(0.05)
    asked = changed = gathered = 0
    for i, path in enumerate(taken):
        label = '%s seed %d session %d image %d' % (name, seed, number, i)
        count = failures.count
        was_asked, has_changed, is_gathered = judge_image(tool, path, folder, failures, label, keep)
        asked += was_asked
        changed += has_changed
        gathered += is_gathered
        if failures.count > count and keep:
            shutil.copyfile(path, os.path.join(keep, label.replace(' ', '-') + '.img'))
        os.unlink(path)
    return asked, changed, gathered


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('--images', type=int, default=int(os.environ.get('CRASH_IMAGES', '10')))
    parser.add_argument('--seed', type=int, default=int(os.environ.get('CRASH_SEED', '1')))
    parser.add_argument('--keep', default=None)
    parser.add_argument('--only', default='')
    options = parser.parse_args()
    tool = tree_tool()
    if not os.path.exists(tool):
        judge.skip('no tests/tools/tree')
    judge.need('mke2fs')
    if options.keep:
        os.makedirs(options.keep, exist_ok=True)
    judge.private_mounts()
    configs = [c for c in CONFIGS if options.only in c[0]]
    failures = judge.Failures()
    asked = changed = gathered = number = 0
    with judge.scratch() as folder:
        while asked < options.images and number < 4 * len(configs) + options.images:
            # Few images: one of each configuration. Many: several of one mount, for speed.
            wanted = max(1, min(5, options.images // len(configs)))
            more = session(number, configs[(number + options.seed) % len(configs)], options.seed,
                           min(wanted, options.images - asked), folder, tool, failures, options.keep)
            asked, changed, gathered, number = asked + more[0], changed + more[1], gathered + more[2], number + 1
    print('%d crash images compared with the kernel; recovery changed the tree or df of %d' % (asked, changed))
    print('without the journal superblock %d of these were recovered as well, the others left alone' % gathered)
    failures.true('all images', 'none needed a recovery', changed > 0)
    failures.true('all images', 'none was recovered without its journal superblock', gathered > 0)
    failures.end('crash')


if __name__ == '__main__':
    main()
