# SPDX-License-Identifier: MIT
"""Where the structures of an image lie, for those who want to damage them: the fields come from
parser/layout/*.def, as everywhere. It reads sound images only; what it says of others means nothing."""

import os
import re
import struct

LAYOUTS = os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '..', 'parser', 'layout')
ROW = re.compile(r'^(STRUCTURE|FIELD|FLAGS|ENUM|ARRAY|BYTES) ?\(([^"]*)')
TYPES = {'u8': '<B', 'le16': '<H', 'le32': '<I', 'le64': '<Q', 'be16': '>H', 'be32': '>I', 'be64': '>Q'}


def layouts():
    """{structure: [(offset, format, name)]}; of arrays each member."""
    tables = {}
    for name in sorted(os.listdir(LAYOUTS)):
        if not name.endswith('.def'):
            continue
        with open(os.path.join(LAYOUTS, name), encoding='utf-8') as file:
            for line in file:
                row = ROW.match(line)
                if not row:
                    continue
                columns = [column.strip() for column in row.group(2).split(',')]
                if row.group(1) == 'STRUCTURE':
                    fields = tables.setdefault(columns[0], [])
                    continue
                if row.group(1) == 'BYTES' or columns[1] not in TYPES:
                    continue
                kind, offset = TYPES[columns[1]], int(columns[0], 0)
                count = int(columns[3]) if row.group(1) == 'ARRAY' else 1
                for i in range(count):
                    fields.append((offset + i * struct.calcsize(kind), kind,
                                   columns[2] + ('[%d]' % i if count > 1 else '')))
    return tables


FIELDS = layouts()
AT = {structure: {name: (offset, kind) for offset, kind, name in fields} for structure, fields in FIELDS.items()}


def crc_table(polynomial):
    table = []
    for value in range(256):
        for _ in range(8):
            value = value >> 1 ^ (polynomial if value & 1 else 0)
        table.append(value)
    return table


CRC32C, CRC16 = crc_table(0x82F63B78), crc_table(0xA001)


def crc(table, value, data):
    for byte in data:
        value = table[(value ^ byte) & 0xff] ^ value >> 8
    return value


class Structure:
    """One structure of an image: what it is, where its bytes are, whose it is, how its checksum is
    put right (or None)."""

    def __init__(self, kind, offset, size, owner, fields, mend=None):
        self.kind, self.offset, self.size, self.owner, self.fields, self.mend = kind, offset, size, owner, fields, mend


class Map:
    """The structures of an image, read into memory as `self.bytes`, a bytearray to be changed."""

    def __init__(self, path):
        with open(path, 'rb') as file:
            self.bytes = bytearray(file.read())
        get = lambda name: self.field('superblock', 1024, name)
        self.size = 1024 << get('s_log_block_size')
        self.blocks, self.first = get('s_blocks_count_lo'), get('s_first_data_block')
        self.per_group, self.inodes_per_group = get('s_blocks_per_group'), get('s_inodes_per_group')
        dynamic = get('s_rev_level') > 0
        self.inode_size = get('s_inode_size') if dynamic else 128
        self.first_inode = get('s_first_ino') if dynamic else 11
        self.compat, self.incompat, self.ro = get('s_feature_compat'), get('s_feature_incompat'), get('s_feature_ro_compat')
        self.csum, self.gdt_csum = bool(self.ro & 0x400), bool(self.ro & 0x10)
        self.desc_size = get('s_desc_size') if self.incompat & 0x80 else 32
        self.groups = -(-(self.blocks - self.first) // self.per_group)
        self.uuid = bytes(self.bytes[1024 + 0x68:1024 + 0x78])
        self.seed = get('s_checksum_seed') if self.incompat & 0x2000 else crc(CRC32C, 0xffffffff, self.uuid)
        self.structures = []
        self.inodes = {}
        self.superblocks()
        for group in range(self.groups):
            self.group(group)

    def field(self, structure, offset, name):
        at, kind = AT[structure][name]
        return struct.unpack_from(kind, self.bytes, offset + at)[0]

    def put(self, structure, offset, name, value):
        at, kind = AT[structure][name]
        struct.pack_into(kind, self.bytes, offset + at, value & (1 << 8 * struct.calcsize(kind)) - 1)

    def u32(self, offset):
        return struct.unpack_from('<I', self.bytes, offset)[0]

    def u16(self, offset):
        return struct.unpack_from('<H', self.bytes, offset)[0]

    def add(self, kind, offset, size, owner, fields, mend=None):
        self.structures.append(Structure(kind, offset, size, owner, fields, mend))

    def fields_at(self, structure, at=0):
        return [(at + offset, kind, name) for offset, kind, name in FIELDS[structure]]

    # ---- the layout ----

    def superblocks(self):
        def mend(offset=1024):
            if self.csum:
                self.put('superblock', offset, 's_checksum', crc(CRC32C, 0xffffffff, self.bytes[offset:offset + 0x3fc]))
        self.add('superblock', 1024, 1024, None, self.fields_at('superblock'), mend)
        if self.csum and self.incompat & 0x100:
            block = self.field('superblock', 1024, 's_mmp_block') * self.size

            def mend_mmp():
                self.put('mmp', block, 'mmp_checksum', crc(CRC32C, self.seed, self.bytes[block:block + 0x3fc]))
            self.add('mmp', block, 1024, None, self.fields_at('mmp')[:6], mend_mmp)

    def descriptor(self, group):
        if self.incompat & 0x10:
            per_block = self.size // self.desc_size
            meta = group // per_block * per_block
            has_super = meta in (0, 1) or any(meta == base ** n for base in (3, 5, 7) for n in range(1, 12))
            block = self.first + meta * self.per_group + (1 if has_super or not self.ro & 1 else 0)
            return block * self.size + group % per_block * self.desc_size
        # With bigalloc the filesystem begins at block 0 even where the superblock is in block 1.
        return (1024 // self.size + 1) * self.size + group * self.desc_size

    def group(self, group):
        at = self.descriptor(group)
        fields = self.fields_at('group_descriptor') + (
            self.fields_at('group_descriptor_high', 32) if self.desc_size >= 64 else [])

        def mend():
            number = struct.pack('<I', group)
            if self.csum:
                raw = bytearray(self.bytes[at:at + self.desc_size])
                raw[0x1e:0x20] = b'\0\0'
                value = crc(CRC32C, crc(CRC32C, self.seed, number), raw) & 0xffff
            elif self.gdt_csum:
                value = crc(CRC16, crc(CRC16, 0xffff, self.uuid + number), self.bytes[at:at + 0x1e])
                value = crc(CRC16, value, self.bytes[at + 0x20:at + self.desc_size])
            else:
                return
            struct.pack_into('<H', self.bytes, at + 0x1e, value)
        self.add('descriptor', at, self.desc_size, group, fields, mend)
        flags = self.field('group_descriptor', at, 'bg_flags')
        for kind, flag, name, bits, place in (
                ('block-bitmap', 2, 'bg_block_bitmap_lo', self.per_group, 0x18),
                ('inode-bitmap', 1, 'bg_inode_bitmap_lo', self.inodes_per_group, 0x1a)):
            block = self.field('group_descriptor', at, name)
            if not flags & flag:
                self.add(kind, block * self.size, self.size, group, [],
                         lambda block=block, bits=bits, place=place: self.mend_bitmap(at, block, bits, place, mend))
        table = self.field('group_descriptor', at, 'bg_inode_table_lo') * self.size
        unused = self.field('group_descriptor', at, 'bg_itable_unused_lo') if self.csum or self.gdt_csum else 0
        if flags & 1 and (self.csum or self.gdt_csum):
            return
        for i in range(self.inodes_per_group - unused):
            self.inode(group * self.inodes_per_group + i + 1, table + i * self.inode_size)

    def mend_bitmap(self, at, block, bits, place, mend):
        if not self.csum:
            return
        if place == 0x18:
            bits = self.field('superblock', 1024, 's_clusters_per_group')
        start = block * self.size
        value = crc(CRC32C, self.seed, self.bytes[start:start + bits // 8])
        struct.pack_into('<H', self.bytes, at + place, value & 0xffff)
        if self.desc_size >= 64:
            struct.pack_into('<H', self.bytes, at + place + 0x20, value >> 16)
        mend()

    # ---- inodes and what hangs on them ----

    def inode_seed(self, ino, at):
        return crc(CRC32C, crc(CRC32C, self.seed, struct.pack('<I', ino)), self.bytes[at + 0x64:at + 0x68])

    def mend_inode(self, ino, at):
        if not self.csum:
            return
        raw = bytearray(self.bytes[at:at + self.inode_size])
        raw[0x7c:0x7e] = b'\0\0'
        has_high = self.inode_size > 128 and struct.unpack_from('<H', raw, 0x80)[0] >= 4
        if has_high:
            raw[0x82:0x84] = b'\0\0'
        value = crc(CRC32C, self.inode_seed(ino, at), raw)
        struct.pack_into('<H', self.bytes, at + 0x7c, value & 0xffff)
        if has_high:
            struct.pack_into('<H', self.bytes, at + 0x82, value >> 16)

    def inode(self, ino, at):
        mode, links = self.u16(at), self.u16(at + 0x1a)
        if mode == 0 and links == 0 and not (ino in (1, 7) and any(self.bytes[at:at + 128])):
            return
        names = {0x1: 'fifo', 0x2: 'device', 0x4: 'directory', 0x6: 'device', 0x8: 'file', 0xa: 'symlink', 0xc: 'fifo'}
        flags = self.u32(at + 0x20)
        kind = names.get(mode >> 12, 'reserved')
        if ino == 2:
            kind = 'root'
        elif ino < self.first_inode:
            kind = 'reserved'
        elif flags & 0x200000:
            kind = 'ea-inode'
        elif flags & 0x10000000:
            kind += '-inline'
        elif flags & 0x800:
            kind += '-encrypted'
        fields = self.fields_at('inode')
        if self.inode_size > 128:
            fields += self.fields_at('inode_extra', 128)
        self.inodes[ino] = kind
        mend = lambda: self.mend_inode(ino, at)
        self.add('inode-' + kind, at, self.inode_size, ino, fields, mend)
        if self.inode_size > 128 and self.u32(at + 128 + self.u16(at + 128)) == 0xea020000:
            start = at + 128 + self.u16(at + 128)
            self.xattrs('xattr-in-inode', start, at + self.inode_size, 4, ino, mend)
        block = self.u32(at + 0x68)
        if block:
            self.xattr_block(block, ino)
        if flags & 0x10000000:
            if kind.startswith('directory'):
                self.dirents('dirent-inline', at + 0x2c, at + 0x64, ino, mend)
            return
        if mode >> 12 not in (4, 8) and not (mode >> 12 == 0xa and self.blocks_of(at)):
            return
        self.data = []
        if flags & 0x80000:
            self.extent_node(ino, at, at + 0x28, 60, mend, 'extent-root')
        else:
            self.block_map(ino, at)
        if mode >> 12 == 4:
            for logical, physical in self.data:
                self.directory_block(ino, at, logical, physical, flags & 0x1000)
        elif ino == 8 and self.data:
            self.add('journal-superblock', self.data[0][1] * self.size, 1024, ino, self.fields_at('journal_superblock'))
        elif ino == self.field('superblock', 1024, 's_orphan_file_inum') and self.compat & 0x1000:
            for _, physical in self.data:
                self.add('orphan-block', physical * self.size, self.size, ino,
                         self.fields_at('orphan_entry') + self.fields_at('orphan_tail', self.size - 8))
        elif ino in (3, 4) and self.data and self.ro & 0x100:
            self.quota_file(ino)

    def blocks_of(self, at):
        return self.u32(at + 0x1c) > (self.size >> 9 if self.u32(at + 0x68) else 0)

    def extent_node(self, ino, inode_at, at, size, mend, kind):
        entries, depth = self.u16(at + 2), self.u16(at + 6)
        fields = self.fields_at('extent_header')
        for i in range(entries):
            entry = at + 12 + i * 12
            fields += self.fields_at('extent_index' if depth else 'extent', 12 + i * 12)
            if depth:
                block = self.u32(entry + 4)
                tail = block * self.size + 12 + (self.size - 12) // 12 * 12

                def mend_node(block=block, tail=tail):
                    if self.csum:
                        value = crc(CRC32C, self.inode_seed(ino, inode_at), self.bytes[block * self.size:tail])
                        struct.pack_into('<I', self.bytes, tail, value)
                self.extent_node(ino, inode_at, block * self.size, self.size, mend_node, 'extent-node')
            else:
                length, start = self.u16(entry + 4), self.u32(entry + 8)
                for j in range(length if length <= 0x8000 else 0):
                    self.data.append((self.u32(entry) + j, start + j))
        self.add(kind, at, size, ino, fields, mend)

    def block_map(self, ino, at):
        self.data = [(i, self.u32(at + 0x28 + 4 * i)) for i in range(12) if self.u32(at + 0x28 + 4 * i)]
        logical = 12
        for level in range(3):
            block = self.u32(at + 0x28 + 4 * (12 + level))
            if block:
                self.indirect(ino, block, level, logical)
            logical += (self.size // 4) ** (level + 1)

    def indirect(self, ino, block, level, logical):
        fields = []
        for i in range(self.size // 4):
            below = self.u32(block * self.size + 4 * i)
            if not below:
                continue
            fields.append((4 * i, '<I', 'block[%d]' % i))
            if level == 0:
                self.data.append((logical + i, below))
            else:
                self.indirect(ino, below, level - 1, logical + i * (self.size // 4) ** level)
        self.add('indirect', block * self.size, self.size, ino, fields)

    def directory_block(self, ino, inode_at, logical, physical, indexed):
        at = physical * self.size

        def mend_leaf():
            if self.csum and self.u16(at + self.size - 8) == 12:
                value = crc(CRC32C, self.inode_seed(ino, inode_at), self.bytes[at:at + self.size - 12])
                struct.pack_into('<I', self.bytes, at + self.size - 4, value)

        def mend_index(start):
            limit, count = self.u16(at + start), self.u16(at + start + 2)
            tail = at + start + limit * 8
            if self.csum and tail + 8 <= at + self.size:
                value = crc(CRC32C, self.inode_seed(ino, inode_at), self.bytes[at:at + start + count * 8])
                value = crc(CRC32C, value, self.bytes[tail:tail + 4] + b'\0\0\0\0')
                struct.pack_into('<I', self.bytes, tail + 4, value)
        index = 0
        if indexed and logical == 0:
            index = 0x20
            fields = self.fields_at('htree_root')
        elif indexed and self.u32(at) == 0 and self.u16(at + 4) == self.size:
            index, fields = 8, self.fields_at('htree_node')
        if index:
            fields += self.fields_at('htree_countlimit', index)
            for i in range(1, self.u16(at + index + 2)):
                fields += self.fields_at('htree_entry', index + 8 * i)
            self.add('htree-root' if logical == 0 else 'htree-node', at, self.size, ino, fields, lambda: mend_index(index))
            return
        self.dirents('leaf' if indexed else 'dirents', at, at + self.size, ino, mend_leaf)

    def dirents(self, kind, at, end, ino, mend):
        fields, start = [], at
        while at + 8 <= end:
            length = self.u16(at + 4)
            if length < 8 or at + length > end:
                break
            inode = self.u32(at)
            if inode or self.bytes[at + 7] == 0xde:
                fields += self.fields_at('dirent', at - start)
                for i in range(min(self.bytes[at + 6], 4)):
                    fields.append((at - start + 8 + i, '<B', 'name[%d]' % i))
            at += length
        self.add(kind, start, end - start, ino, fields, mend)

    def xattr_block(self, block, ino):
        at = block * self.size
        if any(s.offset == at for s in self.structures):
            return

        def mend():
            if self.csum:
                raw = bytearray(self.bytes[at:at + self.size])
                raw[0x10:0x14] = b'\0\0\0\0'
                value = crc(CRC32C, crc(CRC32C, self.seed, struct.pack('<Q', block)), raw)
                struct.pack_into('<I', self.bytes, at + 0x10, value)
        self.xattrs('xattr-block', at, at + self.size, 32, ino, mend)

    def xattrs(self, kind, start, end, header, ino, mend):
        fields = self.fields_at('xattr_header' if header == 32 else 'xattr_inode_header')
        at = start + header
        while at + 16 <= end and self.u32(at):
            fields += self.fields_at('xattr_entry', at - start) + [
                (at - start + 16, '<B', 'name[0]')]
            base = start if header == 32 else start + 4
            value = base + self.u16(at + 2) - start
            if self.u32(at + 4) == 0 and self.u32(at + 8) >= 4 and value + 4 <= end - start:
                fields.append((value, '<I', 'value[0]'))
            at += (16 + self.bytes[at] + 3) & ~3
        self.add(kind, start, end - start, ino, fields, mend)

    def quota_file(self, ino):
        at = self.data[0][1] * self.size
        size = len(self.data) * self.size
        fields = self.fields_at('quota_header') + [(0, '<I', 'dqh_magic')]
        for block in range(1, size // 1024):
            start = block * 1024
            fields += [(start + offset, kind, name) for offset, kind, name in self.fields_at('quota_leaf_header')]
            fields += [(start + 16 + offset, kind, name) for offset, kind, name in self.fields_at('quota_entry')]
        self.add('quota', at, size, ino, fields)

    def write(self, path):
        with open(path, 'wb') as file:
            for at in range(0, len(self.bytes), 65536):
                piece = self.bytes[at:at + 65536]
                if any(piece):
                    file.seek(at)
                    file.write(piece)
            file.truncate(len(self.bytes))
