# SPDX-License-Identifier: MIT
"""Damages by chance: a seed chooses a structure of an image, what happens to it, and whether its
checksum is put right afterwards, as a faulty program would and a faulty disk would not."""

import random
import struct
import subprocess

import structures

INODE_FLAGS = (0x10, 0x20, 0x800, 0x1000, 0x2000, 0x40000, 0x80000, 0x100000, 0x200000, 0x10000000, 0x20000000, 0x40000000)
MODES = (0, 0x1180, 0x2180, 0x41ed, 0x6180, 0x81a4, 0xa1ff, 0xc1ed, 0x3000, 0xffff)
FEATURES = {'s_feature_compat': (0x1, 0x2, 0x4, 0x8, 0x10, 0x20, 0x200, 0x1000),
            's_feature_incompat': (0x1, 0x2, 0x4, 0x8, 0x10, 0x40, 0x80, 0x200, 0x400, 0x4000, 0x8000, 0x10000),
            's_feature_ro_compat': (0x1, 0x2, 0x4, 0x8, 0x10, 0x20, 0x40, 0x100, 0x200, 0x400, 0x2000, 0x8000, 0x10000)}
# A field of an orphan's life that no clock of this machine should decide.
LEFT_ALONE = ('s_wtime', 's_mtime', 's_lastcheck', 's_checkinterval', 's_mnt_count', 's_max_mnt_count')


class Damager:
    def __init__(self, seed, image):
        self.random = random.Random(seed)
        self.map = structures.Map(image)
        self.said = []
        self.requests = []      # for debugfs, once the bytes are written
        self.length = len(self.map.bytes)

    def say(self, *words):
        self.said.append(' '.join(str(word) for word in words))

    def run(self, path):
        """Damages the image once or several times, writes it to `path`, and says how."""
        for _ in range(self.random.choice((1, 1, 1, 1, 2, 2, 3))):
            way = self.random.choices((self.change_fields, self.change_structure, self.use_debugfs, self.share_blocks,
                                       self.change_bits, self.truncate), (60, 14, 12, 8, 5, 1))[0]
            way()
        self.map.write(path)
        if self.length < len(self.map.bytes):
            with open(path, 'r+b') as file:
                file.truncate(self.length)
        if self.requests:
            subprocess.run(['debugfs', '-w', '-f', '-', path], input='\n'.join(self.requests).encode() + b'\n',
                           stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=60)
        return '; '.join(self.said)

    def choose(self, *kinds):
        """A structure, each kind being as likely as another: rare ones matter as much."""
        by_kind = {}
        for one in self.map.structures:
            if not kinds or one.kind in kinds:
                by_kind.setdefault(one.kind, []).append(one)
        if not by_kind:
            return None
        return self.random.choice(by_kind[self.random.choice(sorted(by_kind))])

    def mend(self, one):
        if one.mend and self.random.random() < 0.6:
            one.mend()
            self.say('(checksum right)')

    # ---- values ----

    def a_block(self):
        """A block that something uses: the seed of shared blocks."""
        if self.random.random() < 0.4:
            return self.random.choice(self.map.structures).offset // self.map.size
        return self.random.randrange(self.map.first, self.map.blocks)

    def an_inode(self):
        if self.random.random() < 0.3:
            return self.random.randrange(0, self.map.groups * self.map.inodes_per_group + 2)
        return self.random.choice(sorted(self.map.inodes))

    def value(self, name, old, bits):
        r = self.random
        if name == 'i_mode':
            return r.choice(MODES)
        if name == 'i_flags' or name in FEATURES:
            return old ^ r.choice(FEATURES.get(name, INODE_FLAGS))
        if r.random() < 0.35 and bits == 32:
            if 'block' in name or 'leaf' in name or 'start' in name or 'acl' in name or 'bitmap' in name or 'table' in name:
                return self.a_block()
            if 'inode' in name or 'ino' in name.split('_') or 'inum' in name:
                return self.an_inode()
        kind = r.randrange(8)
        if kind == 0:
            return 0
        if kind == 1:
            return (1 << bits) - 1
        if kind == 2:
            return old + 1
        if kind == 3:
            return old - 1
        if kind == 4:
            return old ^ 1 << r.randrange(bits)
        if kind == 5:
            return r.randrange(16)
        if kind == 6:
            return old + r.choice((-4, 4, 8, 12, 100, -12))
        return r.randrange(1 << bits)

    # ---- ways ----

    def change_fields(self):
        one = self.choose()
        fields = [field for field in one.fields if field[2] not in LEFT_ALONE]
        if not fields:
            return
        names = sorted({name for _, _, name in fields})
        for _ in range(self.random.choice((1, 1, 1, 1, 2))):
            # Each name as likely as another, however often it stands there.
            wanted = self.random.choice(names)
            at, kind, name = self.random.choice([field for field in fields if field[2] == wanted])
            width = struct.calcsize(kind)
            at += one.offset
            if at + width > len(self.map.bytes):
                return
            old = struct.unpack_from(kind, self.map.bytes, at)[0]
            new = self.value(name, old, 8 * width) & (1 << 8 * width) - 1
            struct.pack_into(kind, self.map.bytes, at, new)
            self.say(one.kind, one.owner, name, '%d -> %d' % (old, new))
        self.mend(one)

    def change_structure(self):
        one = self.choose()
        start, end = one.offset, one.offset + one.size
        way = self.random.randrange(5)
        if way == 0:
            self.map.bytes[start:end] = bytes(one.size)
            self.say(one.kind, one.owner, 'zeroed')
        elif way == 1:
            self.map.bytes[start:end] = self.random.randbytes(one.size)
            self.say(one.kind, one.owner, 'random')
        elif way == 2:
            self.map.bytes[start:end] = b'\xff' * one.size
            self.say(one.kind, one.owner, 'all ones')
        elif way == 3:
            other = self.choose(one.kind)
            size = min(one.size, other.size)
            self.map.bytes[start:start + size] = self.map.bytes[other.offset:other.offset + size]
            self.say(one.kind, one.owner, 'copied from', other.owner)
        else:
            at = start + self.random.randrange(one.size)
            count = min(end - at, self.random.choice((1, 2, 4, 16, 64)))
            self.map.bytes[at:at + count] = self.random.choice((bytes(count), self.random.randbytes(count)))
            self.say(one.kind, one.owner, '%d bytes at %d' % (count, at - start))
        self.mend(one)

    def change_bits(self):
        one = self.choose('block-bitmap', 'inode-bitmap')
        if not one:
            return
        for _ in range(self.random.choice((1, 3, 20))):
            bit = self.random.randrange(one.size * 8 if self.random.random() < 0.2 else min(one.size * 8, self.map.blocks))
            self.map.bytes[one.offset + bit // 8] ^= 1 << bit % 8
        self.say(one.kind, one.owner, 'bits flipped')
        self.mend(one)

    def share_blocks(self):
        """Two owners of the same blocks: one inode's map over another's, or a pointer to metadata."""
        one = self.choose('inode-file', 'inode-directory', 'inode-symlink', 'inode-root')
        other = self.choose('inode-file', 'inode-directory')
        if not one or not other:
            return
        if self.random.random() < 0.5:
            self.map.bytes[one.offset + 0x28:one.offset + 0x64] = self.map.bytes[other.offset + 0x28:other.offset + 0x64]
            self.say(one.kind, one.owner, 'has the map of', other.owner)
            if self.random.random() < 0.5:
                for at, end in ((4, 8), (0x1c, 0x24)):
                    self.map.bytes[one.offset + at:one.offset + end] = self.map.bytes[other.offset + at:other.offset + end]
                self.say('and its size')
        else:
            block = self.a_block()
            at = one.offset + (0x28 + 20 if self.map.u32(one.offset + 0x20) & 0x80000 else 0x28)
            struct.pack_into('<I', self.map.bytes, at, block)
            self.say(one.kind, one.owner, 'begins at block', block)
        self.mend(one)

    def truncate(self):
        self.length = self.random.randrange(len(self.map.bytes) // 4, len(self.map.bytes))
        self.say('cut at', self.length)

    def use_debugfs(self):
        r = self.random
        ino, other = ('<%d>' % r.choice(sorted(self.map.inodes)) for _ in range(2))
        request = r.choice((
            'clri ' + ino, 'kill_file ' + ino, 'ln %s /few/more' % ino, 'ln %s /bare/more' % ino,
            'unlink /few', 'unlink /tree/d1', 'unlink /few/0', 'unlink /indexed', 'unlink /slow', 'unlink /tree',
            'freei ' + ino, 'seti <%d>' % r.randrange(1, 500), 'freeb %d %d' % (self.a_block(), r.randrange(1, 20)),
            'setb %d %d' % (self.a_block(), r.randrange(1, 20)), 'ln %s /tree/d1/e/x' % other,
            'sif %s links_count %d' % (ino, r.choice((0, 1, 2, 7, 65000))), 'sif %s dtime %d' % (ino, r.choice((1, 20, 10 ** 9))),
            'ssv last_orphan %d' % self.an_inode(), 'sif %s bmap[%d] %d' % (ino, r.randrange(14), self.a_block()),
            'rm /few/1', 'mkdir /bare/new', 'set_inode_field %s flags %d' % (ino, r.choice(INODE_FLAGS))))
        self.requests.append(request)
        self.say('debugfs', request)
