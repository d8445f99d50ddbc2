# SPDX-License-Identifier: MIT
"""Recovery where others can be asked, and where the journal is lost or damaged.

Four parts: the images of the e2fsprogs test suite whose oracle has a tree after recovery; external
journals, as root; one crash image, as root, whose journal is then harmed in every way, where the right
findings are to come and what is not harmed is to be shown; an inode number that was given out again and
again, as root, of which each file is to come back as far as it is left."""

import contextlib
import hashlib
import os
import random
import shutil
import struct
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
for folder in ('agreement', 'corpus', 'crash'):
    sys.path.insert(0, os.path.join(HERE, '..', folder))
import corpus
import crash
import judge

# Where the oracle's tree is not what recovery alone gives, and why.
REPAIRED = {
    'j_long_trans_mcsum_32bit.s2': 'the log wipes the inode table; the oracle repaired that as well',
    'j_long_trans_mcsum_64bit.s2': 'the log wipes the inode table; the oracle repaired that as well',
}


def tree(image, *arguments):
    """(lines, complaints) of the tree tool; the image must not change."""
    before = judge.fingerprint(image)
    done = subprocess.run([crash.tree_tool(), *arguments, image], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          timeout=300 * int(os.environ.get('FSCK_LITE_SLOWER', '1')))
    if judge.fingerprint(image) != before:
        raise RuntimeError(image + ' was changed')
    return done.stdout.decode().splitlines(), done.stderr.decode('utf-8', 'replace')


def entry(line):
    words = line.split(' ')
    return words[0], words[2:4] + words[7:8] + [words[11]] if len(words) == 13 else None


def oracle_entry(item, has_sizes):
    is_file = item['type'] == 'file'
    what = item['sha256'] if is_file else None
    return [item['type'], '%o' % (int(item['mode'], 8) & 0o7777), str(item['size']) if is_file or has_sizes else None, what]


def judge_corpus(failures):
    try:
        items = list(corpus.items())
    except SystemExit:
        print('SKIP: the corpus')
        return
    folder = corpus.unpacked()
    for item in items:
        replay = item.oracle.get('replay')
        wanted = replay and replay.get('tree')
        if not item.id.startswith('j_') or not wanted or wanted['manifest'] is None:
            continue
        image, journal = item.unpack(folder)
        lines, _ = tree(image, *(['-j', journal] if journal else []))
        if item.id in REPAIRED:
            print('%s: not compared: %s' % (item.id, REPAIRED[item.id]))
            continue
        by_kernel = wanted['method'] == 'kernel'
        theirs = {i['path']: oracle_entry(i, by_kernel) for i in wanted['manifest']}
        ours = dict(entry(line) for line in lines[1:])
        if not by_kernel:
            ours.pop('/', None)
        failures.equal(item.id, 'the paths', sorted(ours), sorted(theirs))
        for path in sorted(set(ours) & set(theirs)):
            for mine, his in zip(ours[path] or [], theirs[path]):
                if his is not None:
                    failures.equal(item.id, path, mine, his)


@contextlib.contextmanager
def loop(path):
    device = subprocess.run(['losetup', '-f', '--show', path], check=True, stdout=subprocess.PIPE).stdout.decode().strip()
    try:
        yield device
    finally:
        subprocess.run(['losetup', '-d', device], check=True)


def slugs(complaints):
    return {line.rsplit('[', 1)[1].rstrip(']') for line in complaints.splitlines() if line.endswith(']')}


def judge_external(failures, folder, block_size):
    label = 'external journal, blocks of %d' % block_size
    live, log, image, log_copy = (os.path.join(folder, n) for n in ('live', 'log', 'image', 'log-copy'))
    judge.make_sparse(live, 16 << 20)
    judge.make_sparse(log, 8 << 20)
    subprocess.run(['mke2fs', '-q', '-F', '-O', 'journal_dev', '-b', str(block_size), log], check=True)
    with loop(log) as device:
        subprocess.run(['mke2fs', '-q', '-F', '-t', 'ext4', '-b', str(block_size), '-J', 'device=' + device, live], check=True)
        with judge.mounted(live, 'journal_path=' + device, write=True) as root:
            work = crash.Work(root, random.Random(block_size), False)
            for _ in range(150):
                work.step()
            for _ in range(20):
                if crash.snapshot(live, image) and crash.snapshot(log, log_copy) and \
                        crash.content(live) == crash.content(image):
                    break
            work.stop()
    lines, complaints = tree(image, '-j', log_copy)
    failures.true(label, 'nothing was pending: ' + complaints, 'journal-pending' in slugs(complaints))
    kernel, kernel_log = os.path.join(folder, 'kernel'), os.path.join(folder, 'kernel-log')
    shutil.copyfile(image, kernel)
    shutil.copyfile(log_copy, kernel_log)
    with loop(kernel_log) as device:
        with judge.mounted(kernel, 'journal_path=' + device, write=True) as root:
            theirs = crash.kernel_tree(root)
    left, right = crash.differences(lines, theirs, 1 << 40)
    failures.true(label, 'differs: %r %r' % (left[:2], right[:2]), not left and not right)
    _, complaints = tree(image)
    failures.true(label, 'without it: ' + complaints, 'journal-external-missing' in slugs(complaints))
    other = os.path.join(folder, 'other')
    judge.make_sparse(other, 8 << 20)
    _, complaints = tree(image, '-j', other)
    failures.true(label, 'with zeros: ' + complaints, 'journal-external-superblock' in slugs(complaints))
    subprocess.run(['mke2fs', '-q', '-F', '-O', 'journal_dev', '-b', str(block_size), other], check=True)
    _, complaints = tree(image, '-j', other)
    failures.true(label, 'with another: ' + complaints, 'journal-uuid' in slugs(complaints))
    # A checksum that does not hold, where there is to be one (the corpus has such an image).
    with open(log_copy, 'r+b') as file:
        file.seek(1024 + 0x64)
        ro_compat = struct.unpack('<I', file.read(4))[0]
        file.seek(1024 + 0x64)
        file.write(struct.pack('<I', ro_compat | 0x400))
    again, complaints = tree(image, '-j', log_copy)
    failures.true(label, 'with a wrong checksum: ' + complaints, 'journal-external-checksum' in slugs(complaints))
    failures.equal(label, 'the tree with a wrong checksum', again, lines)


class Harm:
    """A crash image and where its journal lies, to be harmed copy by copy."""

    def __init__(self, image, folder):
        self.image, self.folder = image, folder
        self.bytes = crash.content(image)
        u32 = lambda at: struct.unpack_from('<I', self.bytes, at)[0]
        self.size = 1024 << u32(1024 + 0x18)
        table = u32((2 if self.size == 1024 else 1) * self.size + 8)
        self.inode = table * self.size + 7 * struct.unpack_from('<H', self.bytes, 1024 + 0x58)[0]
        # The extent root's first leaf entry: mke2fs lays the journal out in one piece.
        self.log = u32(self.inode + 0x28 + 12 + 8) * self.size
        self.start = struct.unpack_from('>I', self.bytes, self.log + 0x1c)[0]

    def at(self, log):
        return self.log + log * self.size

    def header(self, log):
        return struct.unpack_from('>III', self.bytes, self.at(log))

    def copy(self, changes):
        data = bytearray(self.bytes)
        for at, value in changes:
            data[at:at + len(value)] = value
        path = os.path.join(self.folder, 'harmed')
        with open(path, 'wb') as file:
            file.write(data)
        return path

    def commits(self):
        """Log blocks of the commit blocks, from the tail on."""
        found, log = [], self.start
        sequence = self.header(0)[2]
        while log < 1024:
            magic, kind, number = self.header(log)
            if magic == 0xc03b3998 and kind == 2:
                found.append(log)
            log += 1
        return found


def judge_harm(failures, folder):
    live, image = os.path.join(folder, 'live'), os.path.join(folder, 'image')
    judge.make_sparse(live, 16 << 20)
    subprocess.run(['mke2fs', '-q', '-F', '-t', 'ext4', '-b', '1024', '-J', 'size=1', live], check=True)
    with judge.mounted(live, 'commit=300', write=True) as root:
        for i in range(5):
            os.mkdir(os.path.join(root, 'd%d' % i))
            with open(os.path.join(root, 'd%d' % i, 'f'), 'wb') as file:
                file.write(b'%d' % i * 2000)
                file.flush()
                # Not sync, which writes the blocks to their places, too.
                os.fsync(file.fileno())
        failures.true('harm', 'no quiet moment', crash.snapshot(live, image))
    harm = Harm(image, folder)
    whole, _ = tree(image)
    without, _ = tree(image, '-n')
    commits = harm.commits()
    if not failures.true('harm', 'no crash image, %d commits' % len(commits), whole != without and len(commits) >= 4):
        return
    zero = bytes(harm.size)

    def harmed(what, changes, wanted, same_as=None):
        path = harm.copy(changes)
        lines, complaints = tree(path)
        failures.true(what, 'found ' + ' '.join(sorted(slugs(complaints))), wanted in slugs(complaints))
        if same_as is not None:
            failures.equal(what, 'the tree', lines[1:], same_as[1:])
        done = judge.run(['check', '--json', path])
        failures.true(what, 'check does not say ' + wanted, wanted in {f['code'] for f in done.json['findings']})
        for more in (['show', path, 'journal'], ['show', path, 'journal', '--json']):
            failures.true(what, 'show ends with an error', judge.run(more).status in (0, 8))
        return lines

    harmed('journal superblock zeroed', [(harm.log, zero)], 'journal-superblock-magic', whole)
    harmed('journal superblock of another type', [(harm.log + 4, struct.pack('>I', 9))], 'journal-superblock-type', whole)
    harmed('journal block size wrong', [(harm.log + 12, struct.pack('>I', 4096))], 'journal-block-size', whole)
    harmed('journal start beyond its end', [(harm.log + 0x1c, struct.pack('>I', 5000))], 'journal-geometry', whole)
    harmed('unknown feature', [(harm.log + 0x28, struct.pack('>I', 0x80000012))], 'journal-features', without)
    harmed('journal superblock checksum', [(harm.log + 0xfc, b'\0\0\0\0')], 'journal-superblock-checksum', without)
    harmed('journal inode zeroed', [(harm.inode, bytes(128))], 'journal-inode', whole)
    # What the superblock said is gathered from the log, but the log is replayed only where it proves to be all
    # there is since the mount.
    lost = [(harm.log, zero)]
    asked = harm.bytes[1024 + 0x60]
    harmed('journal superblock zeroed', lost, 'journal-rebuilt', whole)
    harmed('and no recovery asked for', lost + [(1024 + 0x60, bytes([asked & ~4]))], 'journal-unproven', without)
    harmed('and mounted after the log', lost + [(1024 + 0x2c, b'\xff\xff\xff\x7f')], 'journal-unproven', without)
    harmed('and a commit block lost', lost + [(harm.at(commits[1]), zero)], 'journal-unproven', without)
    harmed('and a descriptor changed', lost + [(harm.at(commits[1] + 1) + 100, b'\1\2\3\4')], 'journal-unproven', without)
    harmed('and the inode, too', lost + [(harm.inode, bytes(128))], 'journal-rebuilt', whole)
    # The log zeroed from its beginning on: nothing is left to replay, and that is all there is to it.
    path = harm.copy([(harm.at(harm.start), zero * 4)])
    lines, complaints = tree(path)
    failures.equal('log zeroed', 'the tree', lines[1:], without[1:])
    # From the third commit on: two transactions are left.
    path = harm.copy([(harm.at(commits[1] + 1), zero * 2)])
    lines, _ = tree(path)
    failures.true('log cut', 'the first directories are there', any(line.startswith('/d0 ') for line in lines))
    failures.true('log cut', 'the last one is not', not any(line.startswith('/d4 ') for line in lines))
    lines = harmed('a commit block changed', [(harm.at(commits[2]) + 0x10, b'\1\2\3\4')], 'journal-commit-checksum')
    failures.true('a commit block changed', 'what lies before is there', any(line.startswith('/d0 ') for line in lines))
    failures.true('a commit block changed', 'what lies behind is not', not any(line.startswith('/d4 ') for line in lines))
    harmed('a descriptor changed', [(harm.at(commits[1] + 1) + harm.size - 4, b'\1\2\3\4')], 'journal-transaction-checksum')
    harmed('a logged copy changed', [(harm.at(commits[2] + 2) + 500, b'\1\2\3\4')], 'journal-block-checksum')
    harmed('recovery not asked for', [(1024 + 0x60, bytes([harm.bytes[1024 + 0x60] & ~4]))], 'journal-recover-clear', without)


def judge_lives(failures, folder):
    """A number that is given out three times: each file that had it comes back, as far as it is left."""
    image, out = os.path.join(folder, 'lives'), os.path.join(folder, 'out')
    judge.make_sparse(image, 64 << 20)
    subprocess.run(['mke2fs', '-q', '-F', '-t', 'ext4', image], check=True)
    contents = {name: random.Random(name).randbytes(size) for name, size in
                (('first', 50000), ('second', 20000), ('third', 9000), ('filler', 100))}
    numbers = set()
    with judge.mounted(image, write=True) as root:
        for name in ('first', 'second', 'third'):
            # One more that stays takes the blocks that were free before, so that later ones lie elsewhere.
            for made in (name, 'filler-' + name):
                with open(os.path.join(root, made), 'wb') as file:
                    file.write(contents[made.split('-')[0]])
            os.sync()
            numbers.add(os.stat(os.path.join(root, name)).st_ino)
            if name != 'third':
                os.unlink(os.path.join(root, name))
                os.sync()
    if len(numbers) != 1:
        print('SKIP: lives of a number: Linux gave out %d' % len(numbers))
        return
    done = judge.run(['restore', '--deleted', '--json', '--output', out, image])
    named = {failed['path'] for failed in done.json['failed']}
    for name in ('first', 'second', 'third'):
        path = os.path.join(out, name)
        if failures.true('lives', name + ' did not come', os.path.exists(path)):
            with open(path, 'rb') as file:
                failures.true('lives', name + ' is another one, and not a word of it',
                              name in named or file.read() == contents[name])


def main():
    failures = judge.Failures()
    if not os.path.exists(crash.tree_tool()):
        judge.skip('no tests/tools/tree')
    judge_corpus(failures)
    if os.geteuid() != 0:
        print('SKIP: external and harmed journals: need root')
    else:
        judge.private_mounts()
        with judge.scratch() as folder:
            for block_size in (1024, 4096):
                judge_external(failures, folder, block_size)
        with judge.scratch() as folder:
            judge_harm(failures, folder)
        with judge.scratch() as folder:
            judge_lives(failures, folder)
    if not failures.judged:
        judge.skip('neither corpus nor root')
    failures.end('recovery')


if __name__ == "__main__":
    main()
