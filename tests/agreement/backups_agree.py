# SPDX-License-Identifier: MIT
"""`backups --list` against the superblock copies that dumpe2fs reports, over geometries that a seed
makes up (never picked by hand): block size, blocks per group, sparse_super and its second version,
meta_bg, flex_bg, bigalloc, resize room. `backups --json` must call each copy valid, name the block
and the byte at which the bytes of a superblock really are, and show no difference on fresh images."""

import random
import re
import struct
import subprocess
import sys

import judge

COUNT, SEED = 72, 20


def geometry(r):
    """(mke2fs arguments, size in bytes)"""
    block = r.choice([1024, 1024, 1024, 2048, 4096, 4096, 8192, 16384, 65536])
    kind = r.choice(['ext2', 'ext3', 'ext4', 'ext4', 'ext4'])
    features, arguments = ['^has_journal'], ['-t', kind, '-b', str(block), '-I', '256']
    bigalloc = kind == 'ext4' and r.random() < 0.25
    groups = r.choice([1, 2, 3, 4, 7, 9, 10, 26, 30, 50, 82, 130])
    if bigalloc:
        cluster = block << r.choice([1, 2, 4])
        features += ['bigalloc', '^resize_inode']
        arguments += ['-C', str(cluster)]
        per_group = min(8 * block, 65528) * (cluster // block)
        groups = min(groups, 10)
    else:
        per_group = min(8 * block, 65528)
        if r.random() < 0.6:
            per_group = 8 * r.randrange(32, per_group // 8 + 1)
            if block == 1024:
                per_group = max(per_group, 1024)
            arguments += ['-g', str(per_group)]
    layout = r.choice(['sparse', 'sparse', 'sparse', 'all', 'super2', 'super2-one', 'meta'])
    if layout == 'all':
        features += ['^sparse_super', '^resize_inode']
    elif layout.startswith('super2'):
        features += ['sparse_super2', '^resize_inode'] if r.random() < 0.5 or bigalloc else ['sparse_super2']
        if layout == 'super2-one':
            arguments += ['-E', 'num_backup_sb=1']
    elif layout == 'meta':
        features += ['meta_bg', '^resize_inode']
    elif r.random() < 0.3 and '^resize_inode' not in features:
        features.append('^resize_inode')
    if kind == 'ext4':
        if r.random() < 0.3:
            features.append('^flex_bg')
        elif r.random() < 0.5:
            arguments += ['-G', str(r.choice([1, 2, 8, 64]))]
        if r.random() < 0.3:
            features.append('^64bit')
        if r.random() < 0.3:
            features += ['^metadata_csum', 'uninit_bg']
    blocks = int(per_group * (groups - 1) + r.uniform(0.3, 1.0) * per_group) + 100
    blocks = max(blocks, 400)
    while blocks * block > 40 << 30:
        blocks //= 2
    arguments += ['-O', ','.join(features), '-N', str(max(64, blocks // 64))]
    return arguments, blocks * block


def copies_of(path):
    text = subprocess.run(['dumpe2fs', path], check=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL).stdout.decode('utf-8', 'replace')
    size = int(re.search(r'^Block size: +(\d+)', text, re.M).group(1))
    return [int(n) for n in re.findall(r'^ +Backup superblock at (\d+)', text, re.M)], size


def judge_one(failures, name, image):
    expected, size = copies_of(image)
    with judge.Unchanged(image) as unchanged:
        listed = unchanged.run('backups', '--list', ...)
        told = unchanged.run('backups', '--json', ...)
    failures.equal(name, 'exit status', (listed.status, told.status), (0, 0))
    ours = [int(n) for n in re.findall(rb'\d+', listed.out)]
    failures.equal(name, 'blocks listed', ours, expected)
    failures.true(name, 'the list has other things than numbers: %r' % listed.out[:80],
                  re.fullmatch(rb'[\s\d,]*', listed.out))
    document = told.json
    failures.equal(name, 'schema', document.get('schema'), 'fsck-lite/backups/1')
    copies = [copy for copy in document['copies'] if copy['group'] != 0]
    failures.equal(name, 'blocks of copies', [copy['block'] for copy in copies], expected)
    with open(image, 'rb') as file:
        for copy in document['copies']:
            where = '%s, group %d' % (name, copy['group'])
            failures.equal(where, 'state', copy['state'], 'valid')
            failures.true(where, 'checksum is ' + copy['checksum'], copy['checksum'] != 'bad')
            failures.true(where, 'descriptors are ' + copy.get('descriptors', 'valid'),
                          copy.get('descriptors', 'valid') == 'valid')
            wrong = [d for d in copy.get('differences', []) if not d['expected']]
            failures.equal(where, 'differences', wrong, [])
            if copy['group'] != 0:
                failures.equal(where, 'offset', copy['offset'], copy['block'] * size)
            file.seek(copy['offset'])
            raw = file.read(1024)
            failures.equal(where, 'magic and group', struct.unpack_from('<H', raw, 0x38) +
                           struct.unpack_from('<H', raw, 0x5a), (0xef53, copy['group']))


def main():
    judge.need('mke2fs', 'dumpe2fs')
    judge.tool()
    count = int(sys.argv[1]) if len(sys.argv) > 1 else COUNT
    r = random.Random(SEED)
    failures = judge.Failures()
    done = 0
    with judge.scratch() as folder:
        image = folder + '/image'
        tries = 0
        while done < count and tries < 4 * count:
            tries += 1
            arguments, size = geometry(r)
            name = 'mke2fs %s (%d bytes)' % (' '.join(arguments), size)
            judge.make_sparse(image, size)
            made = subprocess.run(['mke2fs', '-q', '-F', *arguments, image], stdin=subprocess.DEVNULL,
                                  stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
            if made.returncode:
                continue        # options that exclude each other: the next geometry
            done += 1
            try:
                judge_one(failures, name, image)
            except Exception as error:
                failures.add(name, type(error).__name__, str(error))
    print('%d geometries of %d tried' % (done, tries))
    failures.true('geometries', 'fewer than 60 could be made', done >= min(60, count))
    failures.end('backups agree')


if __name__ == '__main__':
    main()
