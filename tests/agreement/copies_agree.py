# SPDX-License-Identifier: MIT
"""Superblock copies, on images that mke2fs made: with the primary and any copies but one wiped, `df`,
`ls` and `cat` say what they say of the intact image, with no option given; damaged and lying
superblocks are seen through; partition tables, lost ones too, are no obstacle; `backups --scan` tells
filesystems, older ones and nested images apart; `repair --superblock` leaves nothing for e2fsck to find,
can be cut at every write without loss, and is undone bit for bit."""

import os
import random
import re
import struct
import subprocess
import zlib

import judge

SEED = 11
GEOMETRIES = (
    ('ext4', 600 << 20, '-b', '4096'),
    ('ext3', 600 << 20, '-b', '4096'),
    ('ext2', 40 << 20, '-b', '1024', '-O', '^sparse_super,^resize_inode'),
    ('ext4', 40 << 20, '-b', '1024', '-g', '1024', '-O', '^resize_inode,meta_bg'),
    ('ext4', 600 << 20, '-b', '4096', '-O', 'sparse_super2'),
    ('ext4', 100 << 20, '-b', '2048', '-g', '4096'),
    ('ext4', 5 << 30, '-b', '4096', '-O', 'bigalloc', '-C', '65536'),
    ('ext4', 3 << 30, '-b', '16384'),
    ('ext4', 80 << 20, '-b', '1024', '-O', '^metadata_csum,uninit_bg,^flex_bg'),
)


def quiet(*command, status=(0,)):
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if status is not None and done.returncode not in status:
        raise RuntimeError('%s: %d\n%s' % (' '.join(command), done.returncode, done.stdout.decode()))
    return done


class Image:
    """An intact image, what it says, and a copy of it to spoil."""

    def __init__(self, folder, kind, size, *arguments, name='intact', source=None):
        self.path, self.copy = os.path.join(folder, name), os.path.join(folder, name + '.spoiled')
        judge.make_sparse(self.path, size)
        extra = ['-d', source] if source else []
        quiet('mke2fs', '-q', '-F', '-t', kind, *extra, *arguments, self.path)
        text = quiet('dumpe2fs', self.path).stdout.decode('utf-8', 'replace')
        self.block = int(re.search(r'Block size: +(\d+)', text).group(1))
        self.copies = [int(n) for n in re.findall(r'Backup superblock at (\d+)', text)]
        self.tables = [(int(a), int(b)) for a, b in re.findall(r'Group descriptors at (\d+)-(\d+)', text)]
        self.says = self.view(self.path)

    def places(self):
        return [1024] + [copy * self.block for copy in self.copies]

    def view(self, path):
        results = [judge.run(arguments) for arguments in (
            ['df', path], ['ls', '-R', '-i', path], ['cat', path, '/folder/numbers'])]
        return [(r.status, r.out.replace(path.encode(), b'IMAGE')) for r in results]

    def spoil(self):
        quiet('cp', '--sparse=always', self.path, self.copy)
        return self.copy

    def zero(self, offset, length):
        self.write(offset, bytes(length))

    def write(self, offset, data):
        with open(self.copy, 'r+b') as file:
            file.seek(offset)
            file.write(data)


def populate(folder):
    source = os.path.join(folder, 'source')
    os.makedirs(source + '/folder/deeper')
    with open(source + '/folder/numbers', 'w') as file:
        file.writelines('%d\n' % n for n in range(5000))
    for n in range(60):
        with open('%s/folder/deeper/file%02d' % (source, n), 'w') as file:
            file.write('content %d' % n)
    return source


def same_view(failures, name, image):
    ours = image.view(image.copy)
    for what, (our, intact) in zip(('df', 'ls', 'cat'), zip(ours, image.says)):
        failures.equal(name, what, our, intact)


def wiped(failures, name, image, r):
    places = image.places()
    image.spoil()
    image.zero(1024, 1024)
    same_view(failures, name + ', primary wiped', image)
    for _ in range(2):
        if len(places) < 2:
            break
        keep = r.choice(places[1:])
        image.spoil()
        for place in places:
            if place != keep:
                image.zero(place, 1024)
        same_view(failures, '%s, all but the one at byte %d wiped' % (name, keep), image)
    image.spoil()
    for place in places:
        image.zero(place, 1024)
    failures.equal(name + ', none left', 'ls', image.view(image.copy)[1], image.says[1])


def damaged(failures, name, image, r):
    """One field of the primary hit; and the first backup's too, so that neither is right."""
    for at in (0x18, 0x20, 0x28, 0x58):
        image.spoil()
        image.write(1024 + at, struct.pack('<H', 3))
        if image.copies:
            failures.equal('%s, field 0x%x hit' % (name, at), 'ls', image.view(image.copy)[1], image.says[1])
    if len(image.copies) < 2:
        return
    image.spoil()
    image.zero(1024, 1024)
    image.write(image.copies[0] * image.block + 0x20, struct.pack('<I', 4000))
    same_view(failures, name + ', first backup damaged', image)


def tables(failures, name, image):
    """Every descriptor table but the last one gone."""
    if len(image.tables) < 2 or 'meta_bg' in name:
        return
    image.spoil()
    for first, last in image.tables[:-1]:
        image.zero(first * image.block, (last - first + 1) * image.block)
    same_view(failures, name + ', one descriptor table left', image)


def older(failures, folder, source):
    """Superblock and descriptors of an older mke2fs in the primary's place, all checksums valid."""
    past = Image(folder, 'ext4', 600 << 20, '-b', '4096', '-g', '16384', '-N', '9999', name='past', source=source)
    for kind in ('ext4', 'ext3'):
        now = Image(folder, kind, 600 << 20, '-b', '4096', source=source)
        now.spoil()
        with open(past.path, 'rb') as file:
            now.write(0, file.read((now.tables[0][1] + 1) * now.block))
        same_view(failures, kind + ' behind an older superblock', now)
        document = judge.run(['backups', '--json', now.copy]).json
        failures.equal(kind, 'state of the primary', document['copies'][0]['state'], 'foreign')
        failures.equal(kind, 'source', document['superblock']['source'], 'backup')


def gpt(partitions, size):
    """A GUID partition table: {first sector: sectors}, as the bytes of the first 34 sectors."""
    guid = bytes.fromhex('af3dc60f838472478e793d69d8477de4')
    entries = b''.join(guid + bytes(15) + bytes([i + 1]) + struct.pack('<QQQ', first, first + count - 1, 0) + bytes(72)
                       for i, (first, count) in enumerate(partitions))
    entries += bytes(128 * 128 - len(entries))
    header = struct.pack('<8sIIIIQQQQ16sQIII', b'EFI PART', 0x10000, 92, 0, 0, 1, size // 512 - 1, 34, size // 512 - 34,
                         bytes(16), 2, 128, 128, zlib.crc32(entries))
    header = header[:16] + struct.pack('<I', zlib.crc32(header)) + header[20:]
    mbr = bytearray(512)
    mbr[446:462] = bytes([0, 0, 2, 0, 0xee, 255, 255, 255]) + struct.pack('<II', 1, size // 512 - 1)
    mbr[510:] = b'\x55\xaa'
    return bytes(mbr) + header + bytes(512 - len(header)) + entries


def disks(failures, folder, source):
    image = Image(folder, 'ext4', 48 << 20, '-b', '1024', source=source)
    disk, start = os.path.join(folder, 'disk'), 1 << 20

    def build(table):
        judge.make_sparse(disk, start + (48 << 20) + (1 << 20))
        with open(image.path, 'rb') as file, open(disk, 'r+b') as out:
            out.write(table)
            out.seek(start)
            out.write(file.read())

    def view(*options):
        return judge.run(['ls', '-R', '-i', *options, disk]).out

    size = start + (48 << 20) + (1 << 20)
    mbr = bytearray(512)
    mbr[446:462] = bytes([0, 0, 2, 0, 0x83, 255, 255, 255]) + struct.pack('<II', start // 512, (48 << 20) // 512)
    mbr[510:] = b'\x55\xaa'
    wanted = judge.run(['ls', '-R', '-i', image.path]).out
    for name, table in (('MBR', bytes(mbr)), ('GPT', gpt([(start // 512, (48 << 20) // 512)], size))):
        build(table)
        failures.equal(name, 'chosen by itself', view(), wanted)
        failures.equal(name, '--partition 1', view('--partition', '1'), wanted)
        failures.equal(name, '--partition 2', judge.run(['ls', '--partition', '2', disk]).status, 8)
        failures.equal(name, '--offset', view('--offset', str(start)), wanted)
        with open(disk, 'r+b') as file:
            file.seek(start + 1024)
            file.write(bytes(1024))
        failures.equal(name, 'with the primary wiped', view(), wanted)
    build(b'')
    failures.equal('table lost', 'found by a search', view(), wanted)
    document = judge.run(['backups', '--scan', '--json', disk]).json
    failures.equal('table lost', 'start and end', [(f['start'], f['end']) for f in document['filesystems']],
                   [(start, start + (48 << 20))])


def scans(failures, folder, source):
    """Two generations, and an image in a file."""
    path = os.path.join(folder, 'generations')
    judge.make_sparse(path, 600 << 20)
    for arguments in (('-b', '4096', '-L', 'older'), ('-b', '4096', '-g', '16384', '-L', 'younger', '-E', 'nodiscard')):
        quiet('mke2fs', '-q', '-F', '-t', 'ext4', *arguments, path)
    with open(path, 'r+b') as file:
        file.seek(1024)
        file.write(bytes(1024))
    result = judge.run(['backups', '--scan', '--json', path])
    kinds = {f['label']: f['kind'] for f in result.json['filesystems']}
    failures.equal('two generations', 'kinds', kinds, {'younger': 'filesystem', 'older': 'older'})
    failures.equal('two generations', 'label read', judge.run(['df', '--json', path]).json['filesystem']['label'], 'younger')
    nested = Image(folder, 'ext4', 8 << 20, '-b', '1024', '-L', 'inner', name='nested', source=source)
    holder = os.path.join(folder, 'holder')
    os.makedirs(holder)
    os.rename(nested.path, holder + '/image')
    outer = Image(folder, 'ext4', 64 << 20, '-b', '4096', '-L', 'outer', name='outer', source=holder)
    found = judge.run(['backups', '--scan', '--json', outer.path]).json
    failures.equal('nested', 'kinds', {f['label']: f['kind'] for f in found['filesystems']},
                   {'outer': 'filesystem', 'inner': 'nested'})
    failures.equal('nested', 'best', found['filesystems'][found['best']['filesystem']]['label'], 'outer')


def fsck(path):
    return quiet('e2fsck', '-fn', path, status=None).returncode


def repaired(failures, name, image, damage):
    undo = image.copy + '.record'
    image.spoil()
    damage()
    before = judge.fingerprint(image.copy)
    failures.equal(name, '-n', judge.run(['repair', '--superblock', '-n', image.copy]).status, 4)
    failures.equal(name, 'without -y', judge.run(['repair', '--superblock', image.copy]).status, 4)
    failures.equal(name, 'bytes after -n', judge.fingerprint(image.copy), before)
    done = judge.run(['repair', '--superblock', '-y', '-z', undo, image.copy])
    if not failures.equal(name, 'repair', (done.status, done.err[-300:] if done.status != 1 else b''), (1, b'')):
        return
    failures.equal(name, 'e2fsck -fn', fsck(image.copy), fsck(image.path))
    same_view(failures, name + ', repaired', image)
    failures.equal(name, 'second repair', judge.run(['repair', '--superblock', '-y', image.copy]).status, 0)
    failures.equal(name, 'undo', judge.run(['repair', '--undo-with', undo, image.copy]).status, 0)
    failures.equal(name, 'bytes after undo', judge.fingerprint(image.copy), before)
    os.remove(undo)
    for cut in range(1, 100):
        environment = dict(os.environ, FSCK_LITE_TEST_STOP_AFTER=str(cut))
        done = subprocess.run([judge.tool(), 'repair', '--superblock', '-y', '-z', undo, image.copy],
                              stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                              env=environment)
        failures.equal('%s, cut at write %d' % (name, cut), 'ls', image.view(image.copy)[1], image.says[1])
        judge.run(['repair', '--undo-with', undo, image.copy])
        failures.equal('%s, cut at write %d' % (name, cut), 'bytes after undo', judge.fingerprint(image.copy), before)
        os.remove(undo)
        if done.returncode == 1:
            break


def repairs(failures, name, image, cutting):
    def primary():
        image.zero(1024, 1024)

    def all_but_one():
        primary()
        for copy in image.copies[:-1]:
            image.zero(copy * image.block, 1024)
        if 'meta_bg' not in name:
            for first, last in image.tables[:-1]:
                image.zero(first * image.block, (last - first + 1) * image.block)

    def none():
        for place in image.places():
            image.zero(place, 1024)

    def no_tables():
        for first, last in image.tables:
            image.zero(first * image.block, (last - first + 1) * image.block)

    if not image.copies:
        return
    repaired(failures, name + ', primary wiped', image, primary)
    if cutting and '1024' not in name:
        repaired(failures, name + ', no copy left', image, none)
        repaired(failures, name + ', no descriptors left', image, no_tables)
    if cutting:
        repaired(failures, name + ', one copy left', image, all_but_one)


def main():
    judge.need('mke2fs', 'dumpe2fs', 'e2fsck', 'cp')
    judge.tool()
    failures = judge.Failures()
    r = random.Random(SEED)
    with judge.scratch() as folder:
        source = populate(folder)
        for number, (kind, size, *arguments) in enumerate(GEOMETRIES):
            name = '%s %s' % (kind, ' '.join(arguments))
            try:
                image = Image(folder, kind, size, *arguments, source=source)
            except RuntimeError as error:
                print('SKIP: %s: %s' % (name, str(error).splitlines()[-1]))
                continue
            wiped(failures, name, image, r)
            damaged(failures, name, image, r)
            tables(failures, name, image)
            repairs(failures, name, image, number < 4)
        older(failures, folder, source)
        disks(failures, folder, source)
        scans(failures, folder, source)
    failures.end('copies agree')


if __name__ == '__main__':
    main()
