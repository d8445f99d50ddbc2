# SPDX-License-Identifier: MIT
"""What check and df say does not depend on what the system has in memory: of an image that must be read from its
device, long pieces are read past the page cache. Where the system cannot do without its cache, that is said aloud."""

import mmap
import os
import subprocess
import tempfile

from tally import end, ok, skip

PROGRAM = os.environ['FSCK_LITE']
MKFIXTURE = os.environ['MKFIXTURE']
os.environ['E2FSCK_TIME'] = '1750000000'
DIRECTORIES, ENTRIES, SYMLINKS = 30, 1000, 300
HALF = 4000000

RECIPE = '''title   directories and long symlinks in turn, some of them damaged
image   %s, inodes 32000
%s
file    /deep 30 blocks, extents 30, per_node 2, depth 4
file    /deeper 60 blocks, extents 60, per_node 3, depth 3
damage  inode /folder-7 : i_links_count = 9
damage  inode /folder-9/name-000003 : i_blocks_lo = 100
damage  fileblock /folder-3/link-31 0 : byte 20 = 00
damage  dirent /folder-5/link-52 : file_type = 1
damage  bitmap inode 12 = 0
'''


def make(folder, kind):
    lines = []
    for i in range(DIRECTORIES):
        lines.append('dir     /folder-%d %d entries' % (i, ENTRIES))
        for j in range(SYMLINKS // DIRECTORIES):
            name = 'link-%d' % (i * (SYMLINKS // DIRECTORIES) + j)
            lines.append('symlink /folder-%d/%s "%s"' % (i, name, (name + '/') * 12))
    recipe, image = os.path.join(folder, 'recipe'), os.path.join(folder, 'image')
    with open(recipe, 'w', encoding='utf-8') as file:
        file.write(RECIPE % (kind, '\n'.join(lines)))
    subprocess.run([MKFIXTURE, recipe, image], check=True)
    return image


def forget(path):
    """Lets the system write the file and forget what it has of it in memory."""
    descriptor = os.open(path, os.O_RDONLY)
    os.fsync(descriptor)
    os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
    os.close(descriptor)


def in_memory(path):
    """Bytes of the file that are, or None where nothing tells."""
    try:
        told = subprocess.run(['fincore', '-b', '-n', '-o', 'RES', path], stdout=subprocess.PIPE,
                              stderr=subprocess.DEVNULL, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        return None
    return int(told or 0)


def passes_cache(path):
    """Can this file be read without the page cache, and does the system tell what it has of it in memory? On an overlay
    of two folders it does not, and an emulator may hide it from the program: then the cache is used."""
    if os.environ.get('EMULATOR') or not hasattr(os, 'RWF_NOWAIT'):
        return False
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_DIRECT)
    except OSError:
        return False
    try:
        try:
            os.preadv(descriptor, [mmap.mmap(-1, 65536)], 0, os.RWF_NOWAIT)
        except BlockingIOError:
            pass
        return os.preadv(descriptor, [mmap.mmap(-1, 65536)], 0) == 65536
    except OSError:
        return False
    finally:
        os.close(descriptor)


def has_threads():
    """By the configuration of the build, where this runs in one."""
    try:
        with open('config.h', encoding='utf-8') as file:
            return '#define HAVE_THREADS 1' in file.read()
    except OSError:
        return True


def run(image, *arguments):
    done = subprocess.run([PROGRAM, *arguments, image], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE)
    return done.returncode, done.stdout, done.stderr


def make_map(image):
    """A ddrescue map by which 4 KiB in every half MiB could not be read."""
    size, path = os.path.getsize(image), image + '.map'
    with open(path, 'w', encoding='ascii') as file:
        print('0 +', file=file)
        for at in range(0, size, 524288):
            print('%#x %#x +' % (at, 262144), file=file)
            print('%#x %#x -' % (at + 262144, 4096), file=file)
            print('%#x %#x +' % (at + 266240, 258048), file=file)
    return path


def compare(image, kind):
    lost = ['--map', make_map(image)]
    for command in (['check'], ['check', '--json'], ['check', '--profile', 'image'], ['df', '--json'],
                    ['check', *lost], ['df', '--json', *lost]):
        run(image, *command)
        warm = run(image, *command, '--threads', '1')
        for threads in ([], ['--threads', '1'], ['--threads', '3']):
            forget(image)
            ok('%s, %s %s' % (kind, ' '.join(command), ' '.join(threads)), run(image, *command, *threads) == warm)
    status, out, _ = run(image, 'check')
    ok(kind + ' has errors', status == 4)
    for problem in (b'link-count-wrong', b'inode-blocks', b'symlink-invalid', b'dirent-to-bad-inode', b'dirent-type',
                    b'inode-marked-free'):
        ok('%s: %s' % (kind, problem.decode()), b'[' + problem + b']' in out)


def tables_stay_out(image, kind):
    """After a cold run most of what was read is not in memory."""
    forget(image)
    before = in_memory(image)
    if before is None or before > 65536 or not passes_cache(image) or not has_threads():
        skip('%s: this file cannot be read past the cache, or nothing tells, or there are no threads' % kind)
        return
    # Eight million bytes of inodes are the most of what is read; how much the system reads on while the image is
    # opened differs from one to the other.
    run(image, 'check')
    past = in_memory(image)
    forget(image)
    run(image, 'check', '--threads', '1')
    ok('%s: read past the page cache, which a single thread does not' % kind, in_memory(image) - past > HALF, past,
       in_memory(image))


def main():
    with tempfile.TemporaryDirectory(dir=os.environ.get('TMPDIR')) as folder:
        for kind in ('8192 blocks of 4096, type ext4', '32768 blocks of 1024, type ext4',
                     '8192 blocks of 4096, type ext3, blocks_per_group 2048'):
            image = make(folder, kind)
            compare(image, kind)
            tables_stay_out(image, kind)
    end()


if __name__ == '__main__':
    main()
