# SPDX-License-Identifier: MIT
"""The damages of the matrix, one function each: they get a copy of an intact image and what is known
of it (rawext.Ext), and spoil the copy the way disks, people and partition tools do."""

import os
import random
import subprocess

from rawext import Ext, is_inline

DAMAGES = []


class Damage:
    def __init__(self, name, title, function, deleted=False, kind='copy', peers=None):
        self.name, self.title, self.function = name, title, function
        self.deleted, self.kind, self.peers = deleted, kind, peers or {}


def damage(name, title, ext3=(0, 0), ext4=(0, 0), deleted=False, kind='copy'):
    """`ext3` and `ext4`: the best that any tool of today brings back (path %, anywhere %), unaided or
    not. `kind`: what the damage starts from (copy: an unmounted image; crash: a snapshot in mid-work)."""
    def register(function):
        DAMAGES.append(Damage(name, title, function, deleted, kind, {'ext3': ext3, 'ext4': ext4, 'ext2': (0, 0)}))
        return function
    return register


def zero(path, at, size):
    with open(path, 'r+b') as file:
        length = os.fstat(file.fileno()).st_size
        file.seek(at)
        size = min(size, length - at)
        while size > 0:
            file.write(bytes(min(size, 1 << 20)))
            size -= 1 << 20


def zero_blocks(path, ext, blocks):
    for block in blocks:
        zero(path, block * ext.block_size, ext.block_size)


@damage('D1', 'primary superblock zeroed', (100, 100), (100, 100))
def primary_superblock(path, ext, r):
    zero(path, 1024, 1024)


@damage('D2', 'first 64 KiB zeroed', (100, 100), (100, 100))
def first_64k(path, ext, r):
    zero(path, 0, 65536)


@damage('D3', "group 0's superblock, descriptors, bitmaps", (100, 100), (100, 100))
def group_zero(path, ext, r):
    zero(path, 0, (ext.first_block + 1) * ext.block_size)
    zero_blocks(path, ext, (*ext.tables()[0], ext.block_bitmap[0], ext.inode_bitmap[0]))


@damage('D4a', 'first 1 MiB zeroed', (100, 100), (0, 48))
def first_1m(path, ext, r):
    zero(path, 0, 1 << 20)


@damage('D4b', 'first 4 MiB zeroed', (0, 87), (0, 30))
def first_4m(path, ext, r):
    zero(path, 0, 4 << 20)


@damage('D4c', 'first 16 MiB zeroed', (0, 87), (0, 30))
def first_16m(path, ext, r):
    zero(path, 0, 16 << 20)


@damage('D5a', "an older mkfs's superblock and descriptors", (100, 100), (100, 100))
def older_superblock(path, ext, r):
    other = path + '.older'
    with open(other, 'wb') as file:
        file.truncate(os.path.getsize(path))
    subprocess.run(['mke2fs', '-q', '-F', '-t', ext.kind, '-b', str(ext.block_size), '-g',
                    str(min(ext.per_group, 8 * ext.block_size) // 2), '-N', str(ext.inode_count // 2), other], check=True,
                   stdin=subprocess.DEVNULL)
    old = Ext(other)
    with open(path, 'r+b') as file:
        for at, size in ((1024, 1024), ((old.first_block + 1) * old.block_size, old.gdt_blocks * old.block_size)):
            file.seek(at)
            file.write(old.bytes(at, size))
    old.close()
    os.unlink(other)


@damage('D5b', "group 0's inode table pointer wrong, checksums valid", (100, 100), (100, 100))
def wrong_table_pointer(path, ext, r):
    # Into the middle of another group's data: plausible, in range, wrong.
    for request in ('set_bg 0 inode_table %d' % (ext.first_block + 2 * ext.per_group + ext.per_group // 2),
                    'set_bg 0 checksum calc'):
        subprocess.run(['debugfs', '-w', '-R', request, path], check=True, stdin=subprocess.DEVNULL,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


@damage('D6', 'root inode zeroed', (100, 100), (100, 100))
def root_inode(path, ext, r):
    block, at = ext.inode_place(2)
    zero(path, block * ext.block_size + at, ext.inode_size)


@damage('D7', 'root directory block zeroed', (0, 100), (0, 100))
def root_block(path, ext, r):
    if is_inline(ext.inode(2)):     # the part in i_block, ".." aside
        block, at = ext.inode_place(2)
        zero(path, block * ext.block_size + at + 0x2c, 56)
    zero_blocks(path, ext, ext.mapping(ext.inode(2))[1])


@damage('D8', 'every descriptor table but the last copy zeroed', (100, 100), (100, 100))
def descriptors(path, ext, r):
    for blocks in ext.tables()[:-1]:
        zero_blocks(path, ext, blocks)


def metadata_blocks(ext, walk):
    found = ext.used_table_blocks() | set(ext.block_bitmap) | set(ext.inode_bitmap)
    found |= {block for _, block in ext.copies()}
    for blocks in ext.tables():
        found |= set(blocks)
    for inode, kind in walk:
        inner, data = ext.mapping(ext.inode(inode)) if kind in ('file', 'directory') else ([], [])
        found |= set(inner)
        if kind == 'directory':
            found |= set(data)
    return sorted(found)


def noise(path, ext, r, share):
    blocks = metadata_blocks(ext, ext.walk)
    with open(path, 'r+b') as file:
        for block in r.sample(blocks, max(1, int(len(blocks) * share))):
            file.seek(block * ext.block_size)
            file.write(r.randbytes(ext.block_size))


@damage('D9a', '1 % of metadata blocks noise', (97, 99.9), (97, 99))
def noise_1(path, ext, r):
    noise(path, ext, r, 0.01)


@damage('D9b', '5 % of metadata blocks noise', (79, 99.6), (81, 95))
def noise_5(path, ext, r):
    noise(path, ext, r, 0.05)


@damage('D10', 'mke2fs run again', (0, 30), (0, 99.9), deleted=True)
def mke2fs_again(path, ext, r):
    subprocess.run(['mke2fs', '-q', '-F', '-t', ext.kind, '-b', str(ext.block_size), '-E', 'nodiscard', path], check=True,
                   stdin=subprocess.DEVNULL)


@damage('D11', 'partition table lost', (100, 100), (100, 100))
def no_partition_table(path, ext, r):
    shifted = path + '.shifted'
    with open(shifted, 'wb') as file:
        file.write(bytes(1 << 20))
    subprocess.run(['dd', 'if=' + path, 'of=' + shifted, 'bs=1M', 'seek=1', 'conv=sparse,notrunc', 'status=none'],
                   check=True)
    os.truncate(shifted, os.path.getsize(path) + (3 << 20))
    os.rename(shifted, path)


@damage('D12', 'dirty journal zeroed', (91, 92), (91, 92), kind='crash')
def journal_zeroed(path, ext, r):
    if ext.journal_inode:
        inner, data = ext.mapping(ext.inode(ext.journal_inode))
        zero_blocks(path, ext, data)


@damage('D13', 'dirty journal intact', (100, 100), (100, 100), kind='crash')
def journal_intact(path, ext, r):
    pass


@damage('D14', 'half the tree deleted', (4, 100), (0, 30), deleted=True, kind='deleted')
def half_deleted(path, ext, r):
    pass


@damage('D15', 'last 30 % missing', (85, 88), (99.6, 99.6))
def truncated(path, ext, r):
    os.truncate(path, os.path.getsize(path) * 7 // 10)


@damage('D16', 'every superblock zeroed', (100, 100), (100, 100))
def all_superblocks(path, ext, r):
    for group, block in ext.copies():
        zero(path, 1024 if group == 0 else block * ext.block_size, 1024)


@damage('D17', 'every 1000th block zero', (99.1, 99.6), (99.6, 99.6))
def every_1000th(path, ext, r):
    zero_blocks(path, ext, range(999, ext.block_count, 1000))


def rng(name, seed):
    return random.Random('%s-%d' % (name, seed))
