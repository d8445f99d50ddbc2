# SPDX-License-Identifier: MIT
"""`check` against e2fsck: nothing is found on clean images of every option set; images that a seed has
damaged (fields by debugfs, bytes of metadata blocks) get the verdict that e2fsck -fn gives them; and
what e2fsck -fy has repaired is clean for `check` too.

    check_agrees.py [--damages N] [--seed N] [--verbose] [IMAGE ...]"""

import argparse
import os
import random
import re
import subprocess
import sys

import images
import judge

# Small, and of as many kinds as possible: what the damages start from.
SUBJECTS = ('ext2-1k', 'ext3-1k', 'ext4-1k', 'ext4-4k', 'ext4-inline', 'ext4-ea-inode', 'ext4-no-csum', 'ext4-uninit-bg',
            'ext4-bigalloc-4k', 'ext4-orphan-file', 'ext4-meta-bg', 'ext2-no-filetype', 'ext4-quota', 'ext4-no-extent')

SUPER_FIELDS = ('inodes_count', 'blocks_count', 'r_blocks_count', 'free_blocks_count', 'free_inodes_count',
                'first_data_block', 'blocks_per_group', 'inodes_per_group', 'log_block_size', 'first_ino', 'inode_size',
                'reserved_gdt_blocks', 'journal_inum', 'desc_size', 'min_extra_isize', 'want_extra_isize', 'state',
                'rev_level', 'last_orphan', 'first_meta_bg', 'log_groups_per_flex', 'usr_quota_inum', 'flags', 'errors',
                'jnl_backup_type', 'checksum', 'lastcheck', 'def_hash_version', 'overhead_clusters', 'mmp_block')
INODE_FIELDS = ('mode', 'uid', 'size', 'size_high', 'atime', 'ctime', 'mtime', 'dtime', 'gid', 'links_count', 'blocks',
                'blocks_hi', 'flags', 'file_acl', 'file_acl_high', 'generation', 'extra_isize', 'block[0]', 'block[1]',
                'block[2]', 'block[3]', 'block[5]', 'block[IND]', 'block[DIND]', 'checksum', 'version', 'faddr', 'projid')
GROUP_FIELDS = ('block_bitmap', 'inode_bitmap', 'inode_table', 'free_blocks_count', 'free_inodes_count',
                'used_dirs_count', 'flags', 'itable_unused', 'checksum', 'block_bitmap_csum', 'inode_bitmap_csum')
PATHS = ('/', '/lost+found', '/wide', '/small', '/small/4097', '/small/60', '/large/comb', '/large/plain',
         '/large/triple', '/links/one', '/links/symlink58', '/links/symlink300', '/special/null', '/special/fifo', '/deep',
         '/empty', '/xattrs/several', '/xattrs/huge', '/xattrs/acl', '/xattrs/same1', '/deep/d0/d1', '<7>', '<8>', '<1>',
         '<3>', '<11>', '<12>', '<13>')


def debugfs(image, *requests):
    subprocess.run(['debugfs', '-w', '-f', '-', image], input='\n'.join(requests).encode() + b'\n',
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=60)


def value(r):
    return r.choice([0, 1, 2, 3, 7, 11, 12, 100, 0xffff, 0x8000, 0x80000000, 0xffffffff, r.randrange(1 << 16),
                     r.randrange(1 << 32)])


def damage(r, image):
    """Damages `image` in one way, and says how."""
    path = r.choice(PATHS)
    kind = r.randrange(14)
    if kind == 0:
        requests = ['ssv %s %d' % (r.choice(SUPER_FIELDS), value(r))]
    elif kind <= 3:
        requests = ['sif %s %s %d' % (path, r.choice(INODE_FIELDS), value(r))]
    elif kind == 4:
        requests = ['set_bg %d %s %d' % (r.randrange(4), r.choice(GROUP_FIELDS), value(r))]
        if r.random() < 0.5:
            requests.append('set_bg %s checksum calc' % requests[0].split()[1])
    elif kind == 5:
        requests = ['clri ' + path]
    elif kind == 6:
        requests = ['unlink ' + path]
    elif kind == 7:
        requests = ['ln %s /empty/more%d' % (path, i) for i in range(r.randrange(1, 4))]
    elif kind == 8:
        requests = ['%s %d %d' % (r.choice(['freeb', 'setb']), r.randrange(20, 30000), r.randrange(1, 40))]
    elif kind == 9:
        requests = ['%s <%d>' % (r.choice(['freei', 'seti']), r.randrange(1, 4000))]
    elif kind == 10:
        requests = ['sif %s block[%d] %d' % (path, r.randrange(12), r.randrange(1, 30000))]
    else:
        return spoil(r, image, path)
    debugfs(image, *requests)
    return '; '.join(requests)


def spoil(r, image, path):
    """Bytes of a block that belongs to the metadata of `path`: its directory, tree, xattrs or inode."""
    def ask(request):
        return subprocess.run(['debugfs', '-R', request, image], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                              stdin=subprocess.DEVNULL).stdout.decode('utf-8', 'replace')
    size = re.search(r'Block size: +(\d+)', ask('show_super_stats -h'))
    if not size:
        return 'nothing'
    size = int(size.group(1))
    blocks = []
    if r.random() < 0.5:
        found = re.search(r'located at block (\d+), offset (0x[0-9a-f]+)', ask('imap ' + path))
        if found:
            blocks = [(int(found.group(1)), int(found.group(2), 16), 128)]
    if not blocks:
        text = ask('stat ' + path)
        numbers = [int(n) for n in re.findall(r'(?:ETB\d+|IND|DIND|\(\d+\)|\(0-\d+\)|File ACL)[):]*:? ?(\d+)', text)]
        blocks = [(n, 0, size) for n in numbers if n]
    if not blocks:
        return 'nothing'
    block, at, length = r.choice(blocks)
    count = r.choice([1, 1, 2, 4, 32, length])
    at += r.randrange(max(1, length - count + 1)) if r.random() < 0.6 else 0
    data = bytes(count) if r.random() < 0.4 else r.randbytes(count)
    with open(image, 'r+b') as file:
        file.seek(block * size + at)
        file.write(data)
    return '%s: %d bytes of block %d at %d are %s' % (path, count, block, at, data[:8].hex())


def e2fsck(image, *options):
    """(exit status or None, output)"""
    try:
        done = subprocess.run(['e2fsck', '-f', *options, image], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, timeout=60)
        return done.returncode, done.stdout.decode('utf-8', 'replace')
    except subprocess.TimeoutExpired:
        return None, 'e2fsck hangs'


def checked(image, options=()):
    with judge.Unchanged(image) as unchanged:
        result = unchanged.run('check', '--json', '--max-findings=50', *options, ..., timeout=60)
    document = result.json
    return document, result.status


def told(document, *severities):
    return sorted({f['code'] for f in document['findings'] if f['severity'] in severities})


def clean_images(failures):
    for image in images.chosen():
        try:
            document, status = checked(image.path, images.journal_option(image))
            failures.equal(image.name, 'verdict, status, findings', (document['verdict'], status, [
                f['code'] + ': ' + f['message'] for f in document['findings'] if f['severity'] != 'info'][:5]),
                ('clean', 0, []))
        except Exception as error:
            failures.add(image.name, type(error).__name__, str(error)[:400])


def damaged_images(failures, count, seed, verbose):
    subjects = [image for image in images.IMAGES if image.name in SUBJECTS]
    agreed = judged = 0
    with judge.scratch(dir=images.folder()) as folder:
        for number in range(count):
            r = random.Random('%d-%d' % (seed, number))
            subject = images.made(r.choice(subjects))
            image = os.path.join(folder, 'image')
            subprocess.run(['cp', '--sparse=always', subject.path, image], check=True)
            how = '; '.join(damage(r, image) for _ in range(r.choice([1, 1, 1, 2])))
            where = '#%d %s: %s' % (number, subject.name, how)
            theirs, said = e2fsck(image, '-n')
            if theirs is None or theirs < 0:
                continue
            judged += 1
            try:
                with judge.Unchanged(image) as unchanged:
                    for command in (['df'], ['ls', '-lR'], ['backups'], ['restore', '--tar=/dev/null']):
                        unchanged.run(*command, ..., timeout=60)
                document, status = checked(image)
                ours = status
                agreed += (ours == 0) == (theirs == 0)
                if (ours == 0) != (theirs == 0):
                    lines = [line for line in said.splitlines()[1:] if line.strip() and not line.startswith('Pass ')]
                    failures.add('%s\n      ours %d %s\n      e2fsck %d %s' % (
                        where, ours, told(document, 'error', 'warning'), theirs, ' | '.join(lines)[:300]))
                elif verbose:
                    print('agree:', where, told(document, 'error'))
                repaired, _ = e2fsck(image, '-y')
                if repaired is not None and repaired & 8 == 0:
                    e2fsck(image, '-y')
                    if e2fsck(image, '-n')[0] == 0:
                        document, status = checked(image)
                        if status != 0:
                            failures.add('%s\n      after e2fsck -fy: %s' % (where, [
                                f['code'] + ': ' + f['message'] for f in document['findings']][:4]))
            except Exception as error:
                failures.add(where, type(error).__name__, str(error)[:600])
    failures.judged += judged
    print('%d damaged images, the same verdict on %d' % (judged, agreed))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--damages', type=int, default=60)
    parser.add_argument('--seed', type=int, default=1)
    parser.add_argument('--verbose', action='store_true')
    parser.add_argument('--damaged-only', action='store_true')
    parser.add_argument('images', nargs='*')
    arguments = parser.parse_args()
    sys.argv[1:] = arguments.images
    judge.private_mounts()
    judge.need('e2fsck', 'debugfs', 'tune2fs')
    judge.tool()
    failures = judge.Failures(limit=200)
    if not arguments.damaged_only:
        clean_images(failures)
    damaged_images(failures, arguments.damages, arguments.seed, arguments.verbose)
    failures.end('check agrees')


if __name__ == '__main__':
    main()
