# SPDX-License-Identifier: MIT
"""The damage matrix: seeded trees on ext2, ext3 and ext4, with young and wrapped journals, damaged in
every way of damages.py; `restore --output DIR IMAGE`, told nothing, against the bound of what the
surviving blocks allow. A cell is P/A: of the non-empty regular files, P % came back with the right
content at the right path, A % with the right content anywhere. The bound counts a file when its inode
(or a copy of it in the journal), its mapping blocks and its data survive; for P also when every name
on its path survives in some block. A file of other content at such a path, which the report does not
name, is a fault of its own, unless it is what the disk now holds at the places of that file's data.

    matrix.py [--full] [--only D7,D14] [--fs ext4-young,...] [--seed N] [--e2fsck] [--keep DIR] [--json FILE]
"""

import argparse
import hashlib
import json
import os
import random
import shutil
import struct
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir, 'agreement'))

import damages
import judge
from rawext import Ext, is_inline

FILESYSTEMS = {
    # name: (kind, block size, MiB, other options, journal state)
    'ext2': ('ext2', 1024, 256, [], None),
    'ext3-young': ('ext3', 4096, 1024, [], 'young'),
    'ext3-wrapped': ('ext3', 4096, 1024, ['-J', 'size=4'], 'wrapped'),
    'ext4-young': ('ext4', 4096, 1024, [], 'young'),
    'ext4-wrapped': ('ext4', 4096, 1024, ['-J', 'size=4'], 'wrapped'),
}
# Of other features; only by name, or all of them with --fs others.
OTHERS = {
    'ext4-2k': ('ext4', 2048, 512, [], 'young'),
    'ext4-old': ('ext4', 4096, 1024, ['-I', '128', '-O', '^64bit,^flex_bg,^metadata_csum,uninit_bg'], 'young'),
    'ext4-meta-bg': ('ext4', 1024, 256, ['-O', 'meta_bg,^resize_inode,^flex_bg'], 'young'),
    'ext4-bigalloc': ('ext4', 4096, 1024, ['-O', 'bigalloc', '-C', '16384'], 'young'),
    'ext4-inline': ('ext4', 4096, 1024, ['-O', 'inline_data'], 'young'),
}
TIMEOUT = 300


# ---- the trees ----

def populate(root, r, count):
    folders = ['']
    made = 0
    while made < count:
        parent = r.choice(folders) if r.random() < 0.7 else folders[-1]
        if parent.count('/') > 9:
            continue
        folder = '%s/%s%03d' % (parent, r.choice(['photos', 'letters', 'src', 'Großes Archiv', 'd']), len(folders))
        os.mkdir(root + folder)
        folders.append(folder)
        for _ in range(min(count - made, r.choice([3, 5, 10, 20, 40, 40, 150, 400]))):
            made += 1
            path = '%s%s/%s-%05d.%s' % (root, folder, r.choice(['scan', 'mail', 'a rather long file name of someone',
                                                                'x']), made, r.choice(['txt', 'jpg', 'pdf', 'c']))
            one_file(path, r, made)
            if r.random() < 0.03:
                other = r.choice(folders)
                os.link(path, '%s%s/link-%05d' % (root, other, made))
            elif r.random() < 0.02:
                os.symlink('../' + os.path.basename(path), path + '.symlink')
            if r.random() < 0.04:
                os.setxattr(path, 'user.note', r.randbytes(r.choice([5, 50, 500])))


def one_file(path, r, number):
    size = r.choice([0, 1, 60, 700, 3000, 4096, 9000, 20000, 40000]) if r.random() < 0.93 else r.randrange(400_000)
    with open(path, 'wb') as file:
        if size == 0:
            return
        head = b'file %d\n' % number       # no two contents alike
        kind = r.random()
        if kind < 0.04:     # holes between the blocks: many extents
            for i in range(r.randrange(3, 40)):
                file.seek(i * 8192)
                file.write(head + r.randbytes(2000))
        elif kind < 0.06:   # a hole at the end
            file.write(head + r.randbytes(size))
            file.truncate(size + 100_000)
        else:
            file.write(head + r.randbytes(size))


def wrap_journal(root, r):
    """Work in one corner until the log has gone round: what it held of the tree is overwritten."""
    os.mkdir(root + '/corner')
    for round in range(90):
        for i in range(20):
            with open('%s/corner/%d' % (root, i), 'wb') as file:
                file.write(r.randbytes(100))
        os.sync()
        for i in range(20):
            os.unlink('%s/corner/%d' % (root, i))
        os.sync()
    os.rmdir(root + '/corner')


class Subject:
    """An intact image with its tree: what damages start from and what is to come back."""

    def __init__(self, folder, name, count, seed):
        self.name = name
        self.kind, self.block_size, size, options, self.journal = (FILESYSTEMS | OTHERS)[name]
        self.image = os.path.join(folder, name + '.img')
        judge.make_sparse(self.image, size << 20)
        r = random.Random('%s-%d' % (name, seed))
        subprocess.run(['mke2fs', '-q', '-F', '-t', self.kind, '-b', str(self.block_size), *options, self.image],
                       check=True, stdin=subprocess.DEVNULL)
        with judge.mounted(self.image, write=True) as root:
            populate(root, r, count)
            os.sync()
            if self.journal == 'wrapped':
                wrap_journal(root, r)
        self.truths = {'copy': (self.image, self.image, self.walk(self.image))}
        self.folder, self.r = folder, r

    @staticmethod
    def walk(image):
        with judge.mounted(image, write=True) as root:
            return judge.kernel_walk(root)

    def copy(self, source, name):
        path = os.path.join(self.folder, name)
        subprocess.run(['cp', '--sparse=always', source, path], check=True)
        return path

    def start(self, kind):
        """(image to damage, intact image with the same tree, what is to come back)"""
        if kind not in self.truths:
            self.truths[kind] = getattr(self, 'start_' + kind)()
        return self.truths[kind]

    def start_crash(self):
        """A snapshot in mid-work; the intact image is what the kernel makes of it."""
        work = self.copy(self.image, self.name + '.work')
        with judge.mounted(work, write=True) as root:
            r = random.Random(7)
            paths = sorted(os.path.join(d, f) for d, _, fs in os.walk(root) for f in fs)
            for path in r.sample(paths, len(paths) // 12):
                os.rename(path, path + '.moved')
            for i in range(20):
                os.mkdir('%s/late%02d' % (root, i))
                one_file('%s/late%02d/new' % (root, i), r, 900000 + i)
            # A commit without a checkpoint: sync(2) would write the metadata home too.
            folder = os.open(root, os.O_RDONLY)
            os.fsync(folder)
            os.close(folder)
            snapshot = self.copy(work, self.name + '.crash')
        os.unlink(work)
        replayed = self.copy(snapshot, self.name + '.replayed')
        walk = self.walk(replayed)
        return snapshot, replayed, walk

    def start_deleted(self):
        """Half the tree deleted after the journal has seen it; what is to come back is that half."""
        deleted = self.copy(self.image, self.name + '.deleted')
        truth = self.truths['copy'][2]
        with judge.mounted(deleted, write=True) as root:
            tops = sorted(p for p in truth if p.count(b'/') == 1 and truth[p]['type'] == 'directory' and
                          p not in (b'/', b'/lost+found'))
            gone = set(random.Random(5).sample(tops, (len(tops) + 1) // 2))
            for path in gone:
                shutil.rmtree(os.fsencode(root) + path)
            for path in random.Random(6).sample(sorted(p for p in truth if truth[p]['type'] == 'file'), len(truth) // 4):
                try:
                    os.unlink(os.fsencode(root) + path)
                except FileNotFoundError:
                    pass
            os.sync()
            left = judge.kernel_walk(root, contents=False)
        walk = {path: entry for path, entry in truth.items() if path not in left}
        return deleted, self.image, walk


# ---- the bound ----

def changed_blocks(ext, intact, damaged, offset):
    """Blocks of the intact image whose content is not at its place in the damaged one."""
    changed = set()
    size = os.path.getsize(damaged) - offset
    step = 1 << 20
    chunks = {chunk for path, shift in ((intact, 0), (damaged, offset)) for start, length in data_runs(path)
              for chunk in range(max(0, start - shift) // step, (start - shift + length) // step + 1)}
    if size < os.path.getsize(intact):
        chunks |= set(range(max(0, size) // step, os.path.getsize(intact) // step + 1))
    with open(intact, 'rb') as a, open(damaged, 'rb') as b:
        for at in (chunk * step for chunk in sorted(chunks)):
            x = os.pread(a.fileno(), step, at)
            y = os.pread(b.fileno(), min(step, max(0, size - at)), at + offset)
            if x == y:
                continue
            for i in range(0, len(x), ext.block_size):
                if x[i:i + ext.block_size] != y[i:i + ext.block_size]:
                    changed.add((at + i) // ext.block_size)
    return changed


def data_runs(path):
    """Chunks of the file that are not holes."""
    with open(path, 'rb', buffering=0) as file:
        fd, size, at = file.fileno(), os.path.getsize(path), 0
        while at < size:
            try:
                at = os.lseek(fd, at, os.SEEK_DATA)
            except OSError:
                return
            end = os.lseek(fd, at, os.SEEK_HOLE)
            yield at, end - at
            at = end


def names_of(ext, damaged, offset):
    """{(inode, name)} of everything in the image that reads like a block of directory entries."""
    found = set()
    size = ext.block_size
    with open(damaged, 'rb') as file:
        for start, length in data_runs(damaged):
            start -= (start - offset) % size
            for at in range(start, start + length + size, size):
                raw = os.pread(file.fileno(), size, at)
                if len(raw) == size:
                    found |= entries_of(raw)
    return found


def inline_names(ext, damaged, offset, walk):
    """The same of directories that keep their entries in their inodes; system.data needs no more than to
    be searched, since nothing else there reads like an entry."""
    found = set()
    with open(damaged, 'rb') as file:
        for inode in {entry['inode'] for entry in walk.values() if entry['type'] == 'directory'}:
            if is_inline(ext.inode(inode)):
                block, at = ext.inode_place(inode)
                raw = os.pread(file.fileno(), ext.inode_size, block * ext.block_size + at + offset)
                found |= entries_of(raw[0x2c:0x64])
                for start in range(0x64, len(raw) - 12, 4):
                    found |= entries_of(raw[start:])
    return found


def entries_of(raw):
    """Entries of a directory block, deleted ones in the slack of others included."""
    found, at, size = set(), 0, len(raw)
    if size < 12:
        return found
    first = struct.unpack_from('<IHBB', raw)
    if not (first[1] >= 8 and first[1] % 4 == 0 and first[1] <= size and first[2] <= first[1] - 8):
        return found
    while at + 12 <= size:
        inode, length, name_length, kind = struct.unpack_from('<IHBB', raw, at)
        sound = length >= 12 and length % 4 == 0 and at + length <= size and name_length + 8 <= length
        if sound and inode and 0 < name_length and kind <= 14:
            found.add((inode, raw[at + 8:at + 8 + name_length]))
            at += (8 + name_length + 3) & ~3
        else:
            at += 4
    return found


class Bound:
    """What could come back from a damaged image, file by file."""

    def __init__(self, ext, intact, damaged, offset, walk, whole):
        self.ext = ext
        self.changed = changed_blocks(ext, intact, damaged, offset)
        self.journal, self.logged = set(), set()
        if ext.journal_inode:
            size, slot = ext.block_size, ext.inode_size
            with open(damaged, 'rb') as file:
                for block in ext.mapping(ext.inode(ext.journal_inode))[1]:
                    raw = os.pread(file.fileno(), size, block * size + offset)
                    if len(raw) < size or not any(raw):
                        continue
                    self.journal.add(hashlib.sha1(raw).digest())
                    for at in range(0, size, slot):
                        self.logged.add((at, self.key(raw[at:at + slot])))
        names = names_of(ext, damaged, offset) | inline_names(ext, damaged, offset, whole)
        self.anywhere, self.at_path = set(), set()
        self.good_contents = set()
        for path, entry in walk.items():
            if entry['type'] != 'file' or not entry['size']:
                continue
            if self.content_survives(entry['inode']):
                self.anywhere.add(path)
                if self.path_survives(path, whole, names):
                    self.at_path.add(path)

    @staticmethod
    def key(raw):
        return raw[0:2] + raw[4:8] + raw[0x28:0x28 + 60]

    def survives(self, block):
        return block not in self.changed or hashlib.sha1(self.ext.block(block)).digest() in self.journal

    def content_survives(self, inode):
        block, at = self.ext.inode_place(inode)
        raw = self.ext.inode(inode)
        if block in self.changed and (at, self.key(raw)) not in self.logged:
            return self.in_place(block, at, raw)
        inner, data = self.ext.mapping(raw)
        return all(self.survives(b) for b in inner) and not any(b in self.changed for b in data)

    def in_place(self, block, at, raw):
        """The block has changed, but perhaps not where this inode stands."""
        now = self.damaged_inode(block, at)
        if self.key(now) != self.key(raw):
            return False
        inner, data = self.ext.mapping(raw)
        return all(self.survives(b) for b in inner) and not any(b in self.changed for b in data)

    damaged_inode = None

    @staticmethod
    def path_survives(path, walk, names):
        parts = path.split(b'/')[1:]
        at = b''
        for part in parts:
            at += b'/' + part
            if (walk[at]['inode'] if at in walk else None, part) not in names:
                return False
        return True


def bound_of(ext, intact, damaged, offset, walk, whole):
    with open(damaged, 'rb') as file:
        Bound.damaged_inode = staticmethod(lambda block, at: os.pread(
            file.fileno(), ext.inode_size, block * ext.block_size + at + offset).ljust(ext.inode_size, b'\0'))
        # Names on the path of a deleted file may be those of directories that are still there.
        return Bound(ext, intact, damaged, offset, walk, {**whole, **walk})



# ---- one cell ----

def judge_tree(root, walk):
    """(paths with the right content in place, paths whose content is anywhere, how many there are, paths
    at which a file of some other content stands, each with its hash)"""
    after = judge.kernel_walk(root) if os.path.isdir(root) else {}
    contents = {entry['sha256'] for entry in after.values() if 'sha256' in entry}
    wanted = {path: entry['sha256'] for path, entry in walk.items() if entry['type'] == 'file' and entry['size']}
    in_place = {path for path, content in wanted.items() if after.get(path, {}).get('sha256') == content}
    others = {path for path, content in wanted.items() if after.get(path, {}).get('sha256', content) != content}
    return (in_place, {path for path, content in wanted.items() if content in contents}, len(wanted),
            {path: after[path]['sha256'] for path in others if 'sha256' in after[path]})


def as_on_disk(ext, damaged, offset, inode):
    """sha256 of a file whose data are read where they were, whatever is there now: where only data were
    overwritten, nothing on the disk says so, and no tool can tell."""
    raw = ext.inode(inode)
    if is_inline(raw):
        return None
    size = struct.unpack_from('<I', raw, 4)[0] | struct.unpack_from('<I', raw, 0x6c)[0] << 32
    content = bytearray(size)
    with open(damaged, 'rb') as file:
        for logical, block in ext.placed(raw)[1]:
            at = logical * ext.block_size
            piece = os.pread(file.fileno(), ext.block_size, block * ext.block_size + offset)
            piece = piece[:max(0, size - at)]
            content[at:at + len(piece)] = piece
    return hashlib.sha256(content).hexdigest()


def percent(part, whole):
    return 100.0 * len(part) / whole if whole else 100.0


def repaired_by_e2fsck(image, ext, walk):
    """What e2fsck -fy makes of a copy; with its best -b where the primary is gone."""
    best = (set(), set())
    for options in ([], ['-b', str(ext.copies()[1][1]), '-B', str(ext.block_size)]):
        copy = image + '.e2fsck'
        subprocess.run(['cp', '--sparse=always', image, copy], check=True)
        try:
            subprocess.run(['e2fsck', '-fy', *options, copy], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                           stderr=subprocess.DEVNULL, timeout=TIMEOUT)
            with judge.mounted(copy, write=True) as root:
                in_place, anywhere, _, _ = judge_tree(root, walk)
                best = max(best, (in_place, anywhere), key=lambda pair: (len(pair[1]), len(pair[0])))
        except (subprocess.CalledProcessError, subprocess.TimeoutExpired, OSError):
            pass
        finally:
            os.unlink(copy)
    return best


def cell(subject, damage, seed, arguments):
    start, intact, walk = subject.start(damage.kind)
    image = subject.copy(start, '%s.%s' % (subject.name, damage.name))
    ext = Ext(intact)
    ext.kind = subject.kind
    ext.walk = [(e['inode'], e['type']) for e in {e['inode']: e for e in walk.values()}.values()]
    damage.function(image, ext, damages.rng(damage.name, seed))
    offset = 1 << 20 if damage.name == 'D11' else 0
    whole = subject.truths['copy'][2] if damage.kind == 'deleted' else walk
    bound = bound_of(ext, intact, image, offset, walk, whole)
    target = image + '.out'
    shutil.rmtree(target, ignore_errors=True)
    result = {'fs': subject.name, 'damage': damage.name, 'fault': None}
    began, named = time.monotonic(), set()
    before = judge.fingerprint(image)
    try:
        run = judge.run(['restore', '--json'] + (['--deleted'] if damage.deleted else []) + ['--output', target, image],
                        timeout=TIMEOUT)
        result['status'] = run.status
        if run.status in (0, 4):
            named = {failed['inode'] for failed in json.loads(run.out)['failed']}
        if run.status not in (0, 4):
            result['fault'] = 'exit %d: %s' % (run.status, run.err.decode('utf-8', 'replace').strip()[-200:])
    except (RuntimeError, subprocess.TimeoutExpired) as error:
        result['fault'] = str(error)[:300]
    result['seconds'] = round(time.monotonic() - began, 2)
    if judge.fingerprint(image) != before:
        result['fault'] = 'the image changed'
    in_place, anywhere, count, others = judge_tree(target, walk)
    result.update(files=count, path=percent(in_place, count), anywhere=percent(anywhere, count),
                  bound_path=percent(bound.at_path, count), bound_anywhere=percent(bound.anywhere, count),
                  wrong=[os.fsdecode(p) for p in sorted(others) if walk[p]['inode'] not in named and
                         others[p] != as_on_disk(ext, image, offset, walk[p]['inode'])],
                  missed_path=[os.fsdecode(p) for p in sorted(bound.at_path - in_place)[:5]],
                  missed=[os.fsdecode(p) for p in sorted(bound.anywhere - anywhere)[:5]],
                  peers=damage.peers[subject.kind])
    if arguments.e2fsck:
        by_path, by_content = repaired_by_e2fsck(image, ext, walk)
        result['e2fsck'] = (percent(by_path, count), percent(by_content, count))
    ext.close()
    if not arguments.keep:
        os.unlink(image)
        shutil.rmtree(target, ignore_errors=True)
    return result


def below(result):
    """Why the cell is not good enough, or nothing."""
    if result['fault']:
        return result['fault']
    if result['path'] < 0.98 * result['bound_path'] - 0.01:
        return 'by path %.1f of %.1f, such as %s' % (result['path'], result['bound_path'], result['missed_path'][:2])
    if result['anywhere'] < 0.98 * result['bound_anywhere'] - 0.01:
        return 'by content %.1f of %.1f, such as %s' % (
            result['anywhere'], result['bound_anywhere'], result['missed'][:2])
    if result['wrong']:
        return 'another content at %d paths, and not a word of it, such as %s' % (
            len(result['wrong']), result['wrong'][:2])
    return ''


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--full', action='store_true', help='7000 names instead of 700')
    parser.add_argument('--files', type=int, help='names in each tree')
    parser.add_argument('--only', default='', help='rows, commas between')
    parser.add_argument('--fs', default='', help='columns, commas between: %s; others: %s' % (
        ' '.join(FILESYSTEMS), ' '.join(OTHERS)))
    parser.add_argument('--seed', type=int, default=1)
    parser.add_argument('--e2fsck', action='store_true', help='beside it, what e2fsck -fy brings back')
    parser.add_argument('--keep', metavar='DIR', help='leave damaged images and what came out of them there')
    parser.add_argument('--json', metavar='FILE')
    parser.add_argument('--require', action='store_true', help='fail when a cell is below 98 %% of its bound')
    arguments = parser.parse_args()
    judge.private_mounts()
    judge.need('mke2fs', 'debugfs', 'e2fsck', 'dd', 'cp')
    judge.tool()
    only = [n for n in arguments.only.split(',') if n]
    columns = [n for n in arguments.fs.split(',') if n] or list(FILESYSTEMS)
    if columns == ['others']:
        columns = list(OTHERS)
    results = []
    with judge.scratch(dir=os.environ.get('TMPDIR', '/var/tmp')) as folder:
        if arguments.keep:
            folder = os.path.abspath(arguments.keep)
            os.makedirs(folder, exist_ok=True)
        print('%-5s %-13s %13s %13s %13s %s' % ('row', 'filesystem', 'restore P/A', 'bound P/A', 'e2fsck P/A', 'seconds'))
        for name in columns:
            subject = Subject(folder, name, arguments.files or (7000 if arguments.full else 700), arguments.seed)
            for damage in damages.DAMAGES:
                if only and damage.name not in only and damage.name.rstrip('abc') not in only:
                    continue
                if damage.kind == 'crash' and subject.journal is None:
                    continue
                result = cell(subject, damage, arguments.seed, arguments)
                results.append(result)
                why = below(result)
                peers = result['peers']
                less = result['path'] < min(peers[0], result['bound_path']) - 0.5 or \
                    result['anywhere'] < min(peers[1], result['bound_anywhere']) - 0.5
                pair = lambda p, a: '%5.1f/%5.1f' % (p, a)
                print('%-5s %-13s %13s %13s %13s %6.1f  %s%s %s' % (
                    damage.name, name, pair(result['path'], result['anywhere']),
                    pair(result['bound_path'], result['bound_anywhere']),
                    pair(*result['e2fsck']) if 'e2fsck' in result else '', result['seconds'], damage.title,
                    ': BELOW: ' + why if why else '', '(less than other tools: %g/%g)' % peers if less else ''),
                    flush=True)
    good = sum(not below(r) for r in results)
    print('%d cells, %d at 98 %% of the bound or better' % (len(results), good))
    if arguments.json:
        with open(arguments.json, 'w') as file:
            json.dump(results, file, indent=1)
    sys.exit(1 if arguments.require and good < len(results) or not results else 0)


if __name__ == '__main__':
    main()
