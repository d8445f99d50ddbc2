# SPDX-License-Identifier: MIT
"""The images on which the judges agree or not: one row each, a set of mke2fs options. They are made
once a run by the machine's own mke2fs and filled by its kernel; those that this kernel does not
mount are filled by `mke2fs -d`. Run alone, the script lists them, or makes those that it is given."""

import contextlib
import fcntl
import os
import shlex
import shutil
import subprocess
import sys

import judge
from populate import Populator

UUID = '01234567-89ab-cdef-0123-456789abcd%02x'
JOURNAL_UUID = '76543210-89ab-cdef-0123-456789abcdef'


class Image:
    """`mount` is False where no kernel of today mounts it; `fill` says by whom it is filled; `after`
    is a command on the filled image (quota tests need no kernel that knows quota formats); `scale`
    shrinks what is written to it."""

    def __init__(self, name, arguments, size='32M', mount=True, fill=None, scale=1.0, journal=False, after='', giant=False):
        self.name, self.arguments, self.size = name, arguments.split(), size
        self.mount, self.scale, self.journal, self.after, self.giant = mount, scale, journal, after, giant
        self.fill = fill or ('kernel' if mount else 'mke2fs')
        self.path = self.source = None

    def bytes(self):
        return int(self.size[:-1]) << {'K': 10, 'M': 20, 'G': 30}[self.size[-1]]


IMAGES = [
    Image('ext2-1k', '-t ext2 -b 1024'),
    Image('ext2-2k', '-t ext2 -b 2048'),
    Image('ext2-4k', '-t ext2 -b 4096'),
    Image('ext2-8k', '-t ext2 -b 8192', mount=False, size='64M'),
    Image('ext2-inode128', '-t ext2 -I 128 -b 1024'),
    Image('ext2-rev0', '-t ext2 -r 0 -b 1024'),
    Image('ext2-no-filetype', '-t ext2 -O ^filetype'),
    Image('ext2-all-supers', '-t ext2 -O ^sparse_super,^resize_inode -b 1024 -g 2048'),
    Image('ext2-no-xattr', '-t ext2 -O ^ext_attr,^resize_inode'),
    Image('ext3-1k', '-t ext3 -b 1024'),
    Image('ext3-2k', '-t ext3 -b 2048'),
    Image('ext3-4k', '-t ext3 -b 4096'),
    Image('ext3-inode128', '-t ext3 -I 128 -b 4096'),
    Image('ext3-no-dir-index', '-t ext3 -O ^dir_index,^resize_inode'),
    Image('ext3-journal-1m', '-t ext3 -J size=1 -b 1024 -m 0'),
    Image('ext4-1k', '-t ext4 -b 1024'),
    Image('ext4-2k', '-t ext4 -b 2048'),
    Image('ext4-4k', '-t ext4 -b 4096'),
    Image('ext4-giant', '-t ext4 -b 2048', giant=True),
    Image('ext4-8k', '-t ext4 -b 8192', mount=False, size='64M'),
    Image('ext4-64k', '-t ext4 -b 65536', mount=False, size='512M'),
    Image('ext4-inode128', '-t ext4 -I 128'),
    Image('ext4-inode512', '-t ext4 -I 512 -b 2048'),
    Image('ext4-inode1024', '-t ext4 -I 1024 -b 4096 -N 6000', size='48M'),
    Image('ext4-bigalloc-4k', '-t ext4 -O bigalloc,^resize_inode -b 1024 -C 4096', size='64M'),
    Image('ext4-bigalloc-16k', '-t ext4 -O bigalloc,^resize_inode -b 4096 -C 16384 -N 6000', size='96M'),
    Image('ext4-bigalloc-64k', '-t ext4 -O bigalloc,^resize_inode -b 4096 -C 65536 -N 6000', size='256M', scale=0.5),
    Image('ext4-bigalloc-inline', '-t ext4 -O bigalloc,^resize_inode,inline_data -b 4096 -C 16384 -N 6000', size='96M'),
    Image('ext4-meta-bg', '-t ext4 -O meta_bg,^resize_inode -b 1024 -g 1024', size='48M'),
    Image('ext4-meta-bg-no-flex', '-t ext4 -O meta_bg,^resize_inode,^flex_bg,^64bit -b 1024 -g 512', size='48M'),
    Image('ext4-no-resize', '-t ext4 -O ^resize_inode -b 1024'),
    Image('ext4-sparse-super2', '-t ext4 -O sparse_super2,^resize_inode -b 1024', size='48M'),
    Image('ext4-sparse-super2-one', '-t ext4 -O sparse_super2 -E num_backup_sb=1 -b 1024', size='48M'),
    Image('ext4-all-supers', '-t ext4 -O ^sparse_super,^resize_inode -b 1024'),
    Image('ext4-inline', '-t ext4 -O inline_data -b 1024'),
    Image('ext4-inline-inode1024', '-t ext4 -O inline_data -I 1024 -b 4096 -N 6000', size='48M'),
    Image('ext4-ea-inode', '-t ext4 -O ea_inode -b 4096 -N 6000', size='48M'),
    Image('ext4-ea-inode-1k', '-t ext4 -O ea_inode,^metadata_csum -b 1024'),
    Image('ext4-quota', '-t ext4 -b 1024', after='tune2fs -O quota ; e2fsck -fy'),
    Image('ext4-quota-by-mke2fs', '-t ext4 -O quota -b 1024', fill='mke2fs', after='e2fsck -fy'),
    Image('ext4-project', '-t ext4 -b 4096',
          after='tune2fs -O project ; '
          'debugfs -w -R "sif small/600 projid 4711" ; tune2fs -O quota -Q usrquota,grpquota,prjquota ; e2fsck -fy'),
    Image('ext4-by-mke2fs', '-t ext4 -O inline_data,bigalloc,^resize_inode -C 16384 -b 4096', fill='mke2fs', size='64M'),
    Image('ext4-mmp', '-t ext4 -O mmp -E mmp_update_interval=1 -b 1024'),
    Image('ext4-no-journal', '-t ext4 -O ^has_journal -b 1024'),
    Image('ext4-no-extent', '-t ext4 -O ^extent,^64bit -b 1024'),
    Image('ext4-no-64bit', '-t ext4 -O ^64bit -b 1024'),
    Image('ext4-uninit-bg', '-t ext4 -O uninit_bg,^metadata_csum -b 1024'),
    Image('ext4-no-csum', '-t ext4 -O ^metadata_csum,^uninit_bg -b 1024'),
    Image('ext4-no-flex', '-t ext4 -O ^flex_bg -b 1024'),
    Image('ext4-flex2', '-t ext4 -G 2 -b 1024', size='48M'),
    Image('ext4-flex64', '-t ext4 -G 64 -b 1024 -g 1024'),
    Image('ext4-casefold', '-t ext4 -O casefold -E encoding=utf8-12.1 -b 4096', mount=False),
    Image('ext4-encrypt', '-t ext4 -O encrypt -b 4096'),
    Image('ext4-encrypt-1k', '-t ext4 -O encrypt,inline_data -b 1024'),
    Image('ext4-verity', '-t ext4 -O verity -b 4096'),
    Image('ext4-large-dir', '-t ext4 -O large_dir -b 1024'),
    Image('ext4-fast-commit', '-t ext4 -O fast_commit -b 1024', size='48M'),
    Image('ext4-orphan-file', '-t ext4 -O orphan_file -b 1024'),
    Image('ext4-csum-seed', '-t ext4 -O metadata_csum_seed -b 4096'),
    Image('ext4-no-huge-file', '-t ext4 -O ^huge_file,^large_file,^dir_nlink -b 1024'),
    Image('ext4-no-dir-index', '-t ext4 -O ^dir_index -b 1024'),
    Image('ext4-no-filetype', '-t ext4 -O ^filetype -b 1024'),
    Image('ext4-no-extra-isize', '-t ext4 -O ^extra_isize -b 1024'),
    Image('ext4-group1024', '-t ext4 -b 1024 -g 1024'),
    Image('ext4-group8192-4k', '-t ext4 -b 4096 -g 2048', size='64M'),
    Image('ext4-few-inodes', '-t ext4 -b 1024 -N 4000'),
    Image('ext4-many-inodes', '-t ext4 -b 1024 -N 40000', size='48M'),
    Image('ext4-external-journal', '-t ext4 -b 1024', journal=True),
    Image('ext3-external-journal', '-t ext3 -b 4096', journal=True),
    Image('ext4-journal-8m', '-t ext4 -J size=8 -m 0 -b 1024', size='48M'),
    Image('ext4-desc128', '-t ext4 -E desc_size=128 -b 1024'),
    Image('ext4-stride', '-t ext4 -E stride=4,stripe_width=16,packed_meta_blocks=1 -b 1024'),
    Image('ext4-full-tables', '-t ext4 -E lazy_itable_init=0,lazy_journal_init=0 -b 1024'),
    Image('ext4-resize-room', '-t ext4 -E resize=400M -b 1024'),
    Image('ext4-root-owner', '-t ext4 -E root_owner=1000:1001 -M /somewhere -L label-of-16-byte -b 1024'),
    Image('ext4-odd-size', '-t ext4 -b 1024', size='33333K'),
    Image('ext4-stable-inodes', '-t ext4 -O stable_inodes -b 1024 -m 50'),
    Image('ext4-everything', '-t ext4 -O bigalloc,^resize_inode,inline_data,ea_inode,metadata_csum_seed,'
          'large_dir,encrypt,verity,fast_commit,orphan_file -b 4096 -C 8192 -N 6000', size='96M',
          after='tune2fs -O project,quota ; e2fsck -fy'),
]

# What a run of `make check` takes; AGREEMENT=full takes all of them.
USUAL = ['ext2-1k', 'ext2-rev0', 'ext2-8k', 'ext2-no-xattr', 'ext3-4k', 'ext3-inode128', 'ext4-4k', 'ext4-1k',
         'ext4-64k', 'ext4-bigalloc-16k', 'ext4-meta-bg', 'ext4-sparse-super2', 'ext4-inline', 'ext4-ea-inode',
         'ext4-encrypt', 'ext4-project', 'ext4-by-mke2fs', 'ext4-no-extent', 'ext4-uninit-bg', 'ext4-no-flex',
         'ext4-orphan-file', 'ext4-external-journal', 'ext4-desc128', 'ext4-casefold', 'ext4-everything']


def folder():
    """Where the images of this run lie: AGREEMENT_IMAGES, or in the build tree."""
    path = os.path.abspath(os.environ.get('AGREEMENT_IMAGES', 'tests/agreement/images'))
    os.makedirs(path, exist_ok=True)
    return path


def mke2fs(image, path, *more):
    number = sum(map(ord, image.name)) & 0xff
    features = ['-U', UUID % number, '-E', 'hash_seed=' + UUID % 0]
    arguments = list(image.arguments)
    # mke2fs takes one -E; ours joins the row's.
    if '-E' in arguments:
        at = arguments.index('-E')
        features[-1] += ',' + arguments[at + 1]
        del arguments[at:at + 2]
    command = ['mke2fs', '-q', '-F'] + arguments + features + list(more)
    done = subprocess.run(command + [path], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT)
    if done.returncode:
        raise NotMade('%s: %s' % (' '.join(command), done.stdout.decode('utf-8', 'replace').strip()))


class NotMade(Exception):
    """This machine's mke2fs or kernel does not know the options: a reason to skip one image."""


@contextlib.contextmanager
def loop(path):
    device = subprocess.run(['losetup', '-f', '--show', path], check=True, stdout=subprocess.PIPE).stdout
    device = device.decode().strip()
    try:
        yield device
    finally:
        subprocess.run(['losetup', '-d', device], check=True)


def build(image, path):
    """Makes and fills `path`. The external journal lies beside it as PATH.journal."""
    judge.make_sparse(path, image.bytes())
    seed = sum(map(ord, image.name))
    if image.fill == 'mke2fs':
        # The source tree stays, to be compared with.
        source = path + '.source'
        shutil.rmtree(source, ignore_errors=True)
        os.mkdir(source)
        populator = Populator(source, seed, 0.3, limit=1000)
        for family in (populator.small_files, populator.directories, populator.names, populator.links,
                       populator.special, populator.xattrs, populator.all_times):
            family()
        mke2fs(image, path, '-d', source)
    elif image.journal:
        journal = path + '.journal'
        judge.make_sparse(journal, 8 << 20)
        size = image.arguments[image.arguments.index('-b') + 1]
        subprocess.run(['mke2fs', '-q', '-F', '-O', 'journal_dev', '-b', size, '-U', JOURNAL_UUID, journal],
                       check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        with loop(journal) as device:
            mke2fs(image, path, '-J', 'device=' + device)
            with judge.mounted(path, 'journal_path=' + device, write=True) as root:
                Populator(root, seed, image.scale, giant=image.giant).everything()
    else:
        mke2fs(image, path)
        try:
            with judge.mounted(path, write=True) as root:
                Populator(root, seed, image.scale, giant=image.giant).everything()
        except subprocess.CalledProcessError as error:
            raise NotMade('this kernel does not mount it: ' + error.stderr.decode('utf-8', 'replace').strip())
    if image.after:
        for command in image.after.split(' ; '):
            # tune2fs and mke2fs -d count quota wrongly; e2fsck (1: repaired) puts it right.
            done = subprocess.run(shlex.split(command) + [path], stdin=subprocess.DEVNULL,
                                  stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
            if done.returncode > 1:
                raise NotMade('%s: %s' % (command, done.stdout.decode('utf-8', 'replace').strip()))


@contextlib.contextmanager
def only_one(path):
    """Tests that run side by side wait for each other's images."""
    with open(path + '.lock', 'w') as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def made(image):
    """Makes the image unless an earlier test of this run did. Sets image.path (and image.source)."""
    path = os.path.join(folder(), image.name + '.img')
    with only_one(path):
        if not os.path.exists(path):
            unfinished = path + '.new'
            build(image, unfinished)
            for more in ('.journal', '.source'):
                if os.path.exists(unfinished + more):
                    shutil.rmtree(path + more, ignore_errors=True)
                    os.rename(unfinished + more, path + more)
            os.rename(unfinished, path)
    image.path = path
    image.source = path + '.source' if image.fill == 'mke2fs' else None
    return image


def chosen(usual=USUAL):
    """The images of this run, made: by name from the command line, all with AGREEMENT=full, else the
    usual ones. What this machine cannot make is said and left out."""
    names = sys.argv[1:]
    if not names and os.environ.get('AGREEMENT') != 'full':
        names = usual
    unknown = set(names) - {image.name for image in IMAGES}
    if unknown:
        sys.exit('no such image: ' + ', '.join(sorted(unknown)))
    for image in IMAGES:
        if names and image.name not in names:
            continue
        try:
            yield made(image)
        except NotMade as why:
            print('SKIP: %s: %s' % (image.name, why), flush=True)


@contextlib.contextmanager
def kernel_view(image):
    """The mount point of a read-only mount of the image, its journal device included."""
    if image.journal:
        with loop(image.path + '.journal') as device:
            with judge.mounted(image.path, 'ro,journal_path=' + device) as root:
                yield root
    else:
        with judge.mounted(image.path) as root:
            yield root


def journal_option(image):
    return ['-j', image.path + '.journal'] if image.journal else []


if __name__ == '__main__':
    if sys.argv[1:] == ['--list']:
        for row in IMAGES:
            print('%-24s %-6s %s' % (row.name, row.size, ' '.join(row.arguments)))
        sys.exit(0)
    judge.private_mounts()
    for row in chosen():
        print(row.name)
