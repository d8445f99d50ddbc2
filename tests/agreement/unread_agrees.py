# SPDX-License-Identifier: MIT
"""What cannot be read is not called wrong. In a sound image one block after the other is told by a map
to be unread, then the image is cut here and there: `check` may say so, and what it misses behind that
block; anything else that it finds is false, because nothing is wrong.

    unread_agrees.py [SUBJECT ...]

Takes a few images and some of their blocks, with AGREEMENT=full all."""

import concurrent.futures
import os
import shutil
import sys

import judge
import subjects

USUAL = ('s-ext2-tiny', 's-ext4-1k', 's-ext4-quota', 's-ext4-eainode-csum', 's-ext4-orphan', 's-ext4-4k')
STEP = 7
CUTS = 24
# Whose names, or whose directories, may stand in what was not read.
MISSED = {'inode-lost', 'inode-lost-empty', 'directory-lost'}
# What is read instead of the primary superblock or table, whose counts were never kept up to date.
INSTEAD = {'primary-superblock-replaced', 'primary-superblock-rebuilt', 'descriptors-replaced', 'copy-free-blocks',
           'copy-free-inodes', 'group-directories'}
CUT = {'blocks-beyond-end', 'file-beyond-end', 'image-truncated'}
# A superblock that was made up knows of no MMP block.
MADE_UP = {'block-leaked', 'group-free-blocks', 'superblock-free-blocks'}


def findings(path, *options):
    return {f['code']: f['message'] for f in judge.run(['check', '--json', *options, path]).json['findings']
            if f['severity'] != 'info'}


def without(path, size, block, block_size, folder):
    """What is found when this block cannot be read."""
    at, end = block * block_size, (block + 1) * block_size
    areas = [(0, at, '+'), (at, block_size, '-'), (end, size - end, '+')]
    map_file = os.path.join(folder, '%s.%d' % (os.path.basename(path), block))
    with open(map_file, 'w', encoding='ascii') as file:
        file.write('0x0 + 1\n')
        file.writelines('0x%x 0x%x %s\n' % area for area in areas if area[1])
    found = findings(path, '--map', map_file)
    os.unlink(map_file)
    return found


def cut(path, size, folder):
    """What is found when the image ends here."""
    short = os.path.join(folder, '%s.%d' % (os.path.basename(path), size))
    shutil.copy(path, short)
    os.truncate(short, size)
    found = {code: message for code, message in findings(short).items() if code not in CUT}
    os.unlink(short)
    return found


def wrong(found):
    allowed = MISSED | INSTEAD | (MADE_UP if 'primary-superblock-rebuilt' in found else set())
    return {code: message for code, message in found.items() if 'unread' not in code and code not in allowed}


def blocks_of(path):
    """(size, block size, blocks that have anything in them)"""
    with open(path, 'rb') as file:
        image = file.read()
    size = 1024 << int.from_bytes(image[1048:1052], 'little')
    return len(image), size, [n for n in range(len(image) // size) if any(image[n * size:(n + 1) * size])]


def main():
    judge.private_mounts()
    judge.need('e2fsck', 'debugfs', 'mke2fs')
    judge.tool()
    full = os.environ.get('AGREEMENT') == 'full'
    chosen = sys.argv[1:] or ([s.name for s in subjects.SUBJECTS] if full else USUAL)
    compared = differ = 0
    with judge.scratch() as folder, concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        work = []
        for subject in subjects.SUBJECTS:
            if subject.name not in chosen:
                continue
            try:
                path = subjects.made(subject)
            except subjects.images.NotMade as why:
                print('SKIP: %s: %s' % (subject.name, why))
                continue
            size, block_size, blocks = blocks_of(path)
            if findings(path):
                print('DISAGREE: %s: there are findings while all can be read' % subject.name)
                differ += 1
                continue
            work += [(subject.name, 'without block %d' % block, pool.submit(without, path, size, block, block_size, folder))
                     for i, block in enumerate(blocks) if full or i < 80 or i % STEP == 0]
            ends = [size * i // CUTS + 37 * i % 512 for i in range(1, CUTS, 1 if full else STEP)]
            work += [(subject.name, 'cut at %d' % end, pool.submit(cut, path, end, folder)) for end in ends]
        for name, how, found in work:
            compared += 1
            for code, message in wrong(found.result()).items():
                print('DISAGREE: %s %s: %s: %s' % (name, how, code, message))
                differ += 1
    print('unread agrees: %d comparisons, %d disagreements' % (compared, differ))
    sys.exit(1 if differ or not compared else 0)


if __name__ == '__main__':
    main()
