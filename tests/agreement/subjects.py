# SPDX-License-Identifier: MIT
"""Small images that hold a little of everything, for damages: a few megabytes each, of every option
set that changes what lies on disk. Filled by the kernel where it mounts them, else by mke2fs -d and
debugfs, whose flags make encrypted and casefolded directories that no key is needed for."""

import contextlib
import os
import shutil
import subprocess
import sys

import images
import judge
from images import Image
from populate import CAPABILITY, GROUP, GROUP_OBJ, MASK, NO_ID, OTHER, USER, USER_OBJ, Populator, acl

SUBJECTS = [
    Image('s-ext2-rev0', '-t ext2 -r 0 -b 1024 -N 512', '2M'),
    Image('s-ext2-1k', '-t ext2 -b 1024 -N 512', '3M'),
    Image('s-ext2-tiny', '-t ext2 -b 1024 -N 512 -g 256 -I 128 -O ^resize_inode', '3M'),
    Image('s-ext2-nofiletype', '-t ext2 -O ^filetype,^ext_attr -b 1024 -N 512', '2M'),
    Image('s-ext2-4k', '-t ext2 -b 4096 -N 512', '6M'),
    Image('s-ext3-1k', '-t ext3 -b 1024 -J size=1 -N 512 -I 128', '4M'),
    Image('s-ext3-2k', '-t ext3 -b 2048 -J size=2 -N 512 -g 1024', '6M'),
    Image('s-ext4-1k', '-t ext4 -b 1024 -J size=1 -N 512', '4M'),
    Image('s-ext4-groups', '-t ext4 -b 1024 -J size=1 -N 1024 -g 1024 -G 2', '6M'),
    Image('s-ext4-2k', '-t ext4 -b 2048 -O ^has_journal -N 512 -I 512', '6M'),
    Image('s-ext4-4k', '-t ext4 -b 4096 -O ^has_journal -N 512', '8M'),
    Image('s-ext4-csum', '-t ext4 -b 1024 -O ^has_journal,metadata_csum,64bit -N 512 -g 2048', '6M'),
    Image('s-ext4-nocsum', '-t ext4 -b 1024 -O ^metadata_csum,^has_journal -N 512', '4M'),
    Image('s-ext4-uninit', '-t ext4 -b 1024 -O uninit_bg,^metadata_csum,^64bit,^has_journal -N 1024 -g 1024', '8M'),
    Image('s-ext4-noextent', '-t ext4 -b 1024 -O ^extent,^64bit,^metadata_csum -J size=1 -N 512', '4M'),
    Image('s-ext4-metabg', '-t ext4 -b 1024 -O meta_bg,^resize_inode,^has_journal -g 512 -N 2048', '9M'),
    Image('s-ext4-bigalloc', '-t ext4 -b 1024 -C 4096 -O bigalloc,^resize_inode,^has_journal -N 512', '8M'),
    Image('s-ext4-inline', '-t ext4 -b 1024 -O inline_data,^has_journal -N 512', '4M'),
    Image('s-ext4-inline-nocsum', '-t ext4 -b 1024 -O inline_data,^metadata_csum,^has_journal -N 512', '4M'),
    Image('s-ext4-eainode', '-t ext4 -b 1024 -O ea_inode,^metadata_csum,^has_journal -N 512', '4M'),
    Image('s-ext4-eainode-csum', '-t ext4 -b 4096 -O ea_inode,inline_data,^has_journal -N 512', '6M'),
    Image('s-ext4-quota', '-t ext4 -b 1024 -O quota,project,^has_journal -E quotatype=usrquota:grpquota:prjquota -N 512', '4M',
          fill='mke2fs', after='e2fsck -fy'),
    Image('s-ext4-orphan', '-t ext4 -b 1024 -O orphan_file -J size=1 -N 512', '5M'),
    Image('s-ext4-sparse2', '-t ext4 -b 1024 -O sparse_super2,^resize_inode,^has_journal,^flex_bg -g 1024 -N 1024', '6M'),
    Image('s-ext4-largedir', '-t ext4 -b 1024 -O large_dir,^has_journal,^dir_nlink -N 1024', '5M'),
    Image('s-ext4-casefold', '-t ext4 -b 1024 -O casefold,^has_journal -E encoding=utf8-12.1 -N 512', '4M', fill='mke2fs'),
    Image('s-ext4-encrypt', '-t ext4 -b 1024 -O encrypt,verity,^has_journal -N 512', '4M'),
    Image('s-ext4-mmp', '-t ext4 -b 1024 -O mmp,^has_journal,^dir_index -E mmp_update_interval=1 -N 512', '4M'),
    Image('s-ext4-resize', '-t ext4 -b 1024 -O ^has_journal,^metadata_csum -E resize=64M -N 1024 -g 1024', '6M'),
]


def fill(root, seed, limit=1 << 20):
    """A little of everything in the tree at `root`; what does not fit is left out."""
    p = Populator(root, seed, 0.1, limit=limit)
    block = os.statvfs(root).f_bsize
    for folder, names, length in (('few', 6, 0), ('plain', 40, 24), ('indexed', 150, 40)):
        p.make_directory(folder)
        for i in range(names):
            p.write('%s/%s%d' % (folder, 'n' * length, i), p.bytes(i * 7) if i < 12 else b'')
    for size in (1, 59, 61, 150, 1500, 9 * block, 13 * block + 5, 300 * block // 4):
        p.write('size%d' % size, p.bytes(size))
    for i in range(0, 60, 2):
        p.write('comb', p.bytes(block), at=i * block)
    p.write('hole', b'x', at=400 * block)
    p.make_directory('tree')
    for i in range(3):
        p.make_directory('tree/d%d' % i)
        p.make_directory('tree/d%d/e' % i)
        p.write('tree/d%d/e/file' % i, p.bytes(2000))
    # So many leaves that the index needs a level between.
    p.make_directory('deep')
    for i in range(420):
        with contextlib.suppress(OSError):
            os.link(p.at('few/5'), p.at('deep/%03d%s' % (i, 'd' * 240)))
    p.make_directory('bare')
    p.unwritten_files()
    p.special()
    for name, target in (('fast', b'short'), ('slow', b'L' * 100), ('long', b'M' * 500)):
        with contextlib.suppress(OSError):
            os.symlink(target, p.at(name))
    for i in range(3):
        with contextlib.suppress(OSError):
            os.link(p.at('size1500'), p.at('few/link%d' % i))
    for name in ('size1', 'few', 'bare', 'size61'):
        p.xattr(name, 'user.note', b'v' * 20)
    for name in ('size59', 'size150', 'comb', 'plain'):
        p.xattr(name, 'user.block', p.bytes(block // 2))
    for name in ('few/0', 'few/1', 'few/2'):
        p.xattr(name, 'user.same', b'same value ' * 30)
    p.xattr('size1500', 'user.huge', b'h' * (block * 2 + 300))
    p.xattr('few/3', 'user.huge', b'h' * (block * 2 + 300))
    p.xattr('few/4', 'system.posix_acl_access',
            acl((USER_OBJ, 6, NO_ID), (USER, 4, 1000), (GROUP_OBJ, 4, NO_ID), (MASK, 4, NO_ID), (OTHER, 0, NO_ID)))
    p.xattr('tree', 'system.posix_acl_default',
            acl((USER_OBJ, 7, NO_ID), (USER, 5, 1000), (GROUP_OBJ, 5, NO_ID), (GROUP, 5, 2000), (MASK, 5, NO_ID), (OTHER, 0, NO_ID)))
    p.xattr('size150', 'security.capability', CAPABILITY)
    p.encrypted()
    for i, name in enumerate(('few/5', 'plain', 'fast')):
        with contextlib.suppress(OSError):
            os.chown(p.at(name), 1000 + i, 100 * i, follow_symlinks=False)


def build(subject, path):
    judge.make_sparse(path, subject.bytes())
    seed = sum(map(ord, subject.name))
    source = path + '.source'
    if subject.fill == 'kernel':
        try:
            images.mke2fs(subject, path)
            with judge.mounted(path, write=True) as root:
                fill(root, seed)
        except subprocess.CalledProcessError as error:
            raise images.NotMade('this kernel does not mount it: ' + error.stderr.decode('utf-8', 'replace').strip())
    else:
        shutil.rmtree(source, ignore_errors=True)
        os.mkdir(source)
        fill(source, seed, limit=300)
        images.mke2fs(subject, path, '-d', source)
        shutil.rmtree(source)
    # Directories that the kernel wrote one by one get their index, and quota its right numbers.
    for command in ('e2fsck -fyD', 'e2fsck -fy') if subject.fill != 'kernel' else ('e2fsck -fy',):
        if subprocess.run(command.split() + [path], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                          stderr=subprocess.DEVNULL).returncode > 1:
            raise images.NotMade('e2fsck does not like it')


class Repaired:
    """An image of e2fsprogs' test suite (FSCK_LITE_CORPUS) as e2fsck -fy leaves it."""
    TRIES, LARGEST = 3, 64 << 20

    def __init__(self, item):
        self.name, self.item = 'c-' + item.id, item

    def build(self, path):
        with judge.scratch(dir=images.folder()) as folder:
            unpacked, journal = self.item.unpack(folder)
            if journal or os.path.getsize(unpacked) > self.LARGEST:
                raise images.NotMade('its journal lies elsewhere' if journal else 'it is too large')
            with contextlib.suppress(subprocess.TimeoutExpired):
                for _ in range(self.TRIES):
                    for options in ('-fy', '-fn'):
                        status = subprocess.run(['e2fsck', options, unpacked], stdin=subprocess.DEVNULL, timeout=60,
                                                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode
                    if status == 0:
                        shutil.copy(unpacked, path)
                        return
        raise images.NotMade('e2fsck does not make it clean')


def repaired():
    """All of them; skips without the corpus."""
    sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir, 'corpus'))
    import corpus
    place = corpus.folder()
    return [Repaired(corpus.Item(os.path.join(place, name))) for name in sorted(os.listdir(place))
            if os.path.exists(os.path.join(place, name, 'oracle.json'))]


def made(subject):
    """The path of the subject's image, made unless an earlier run of this build tree did."""
    path = os.path.join(images.folder(), subject.name + '.img')
    with images.only_one(path):
        if not os.path.exists(path):
            if isinstance(subject, Repaired):
                subject.build(path + '.new')
            else:
                build(subject, path + '.new')
            os.rename(path + '.new', path)
    return path
