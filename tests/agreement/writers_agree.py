# SPDX-License-Identifier: MIT
"""`check` finds nothing on clean images that no kernel wrote: by mke2fs -d, by genext2fs, and by debugfs
request by request. Whether an image is clean is e2fsck's word; one that it does not like is told of
and judged by nobody.

    writers_agree.py [WRITER ...]"""

import os
import shutil
import subprocess
import sys

import judge

FEATURES = (
    '-t ext2 -b 1024', '-t ext2 -r 0 -b 1024', '-t ext2 -b 4096 -I 128', '-t ext2 -O ^filetype,^resize_inode',
    '-t ext3 -b 1024', '-t ext3 -b 4096 -O ^dir_index', '-t ext4 -b 1024', '-t ext4 -b 2048 -I 512', '-t ext4 -b 4096',
    '-t ext4 -O ^metadata_csum,uninit_bg -b 1024', '-t ext4 -O ^extent,^64bit -b 1024', '-t ext4 -O ^flex_bg -b 1024 -g 1024',
    '-t ext4 -O inline_data -b 1024', '-t ext4 -O inline_data -b 4096 -I 1024 -N 4000', '-t ext4 -O ea_inode -b 4096',
    '-t ext4 -O bigalloc,^resize_inode -b 1024 -C 8192', '-t ext4 -O meta_bg,^resize_inode -b 1024 -g 1024',
    '-t ext4 -O sparse_super2 -b 1024', '-t ext4 -O large_dir,^huge_file -b 1024', '-t ext4 -O orphan_file -b 4096',
    '-t ext4 -O quota,project -b 4096', '-t ext4 -O casefold -E encoding=utf8-12.1 -b 4096', '-t ext4 -O ^has_journal,mmp -b 1024')
# `genext2fs` has these of its own; DEVICES and TREE are made below.
GENERATED = (
    '-b 16384', '-B 2048 -b 8192', '-B 4096 -b 8192', '-b 16384 -z', '-b 16384 -D DEVICES', '-b 16384 -N 4000 -m 0',
    '-b 16384 -i 2048 -U', '-b 16384 -q -f', '-b 16384 -o hurd', '-b 16384 -L label-of-16-byte', '-b 60000 -e 255', '-B 1024 -b 9000 -P')
DEVICES = """/dev d 755 0 0 - - - - -
/dev/null c 666 0 0 1 3 0 0 -
/dev/tty c 666 0 5 4 0 0 1 8
/dev/loop b 640 0 6 7 0 0 1 4
/dev/pipe p 600 1 1 - - - - -
"""
REQUESTS = """mkdir d
mkdir d/e
mkdir d/e/f
write SMALL d/small
write LARGE large
write EMPTY d/e/empty
write HOLES holes
symlink fast target
symlink slow SLOW
mknod pipe p
mknod char c 1 3
mknod block b 7 0
ln large d/second
sif d/second links_count 2
ea_set d/small user.one value
ea_set d/e user.two longer-value-of-a-directory
ea_set d/small -f SMALL user.many
ea_rm d/small user.one
write SMALL gone
rm gone
mkdir empty
rmdir empty
fallocate large 100 200
punch large 10 20
mkdir many
"""


def fill(tree):
    """A tree of files of many sizes, a directory of many names, links, devices, attributes where they can be."""
    for folder in ('few', 'many', 'deep/er/still'):
        os.makedirs(os.path.join(tree, folder))
    for i in range(300):
        with open('%s/many/%s%d' % (tree, 'n' * (i % 90), i), 'wb') as file:
            file.write(b'x' * (i % 7 * 300))
    for size in (0, 1, 60, 160, 1000, 5000, 13 * 1024, 300000, 1100000):
        with open('%s/few/%d' % (tree, size), 'wb') as file:
            file.write(bytes(i % 251 for i in range(997)) * (size // 997) + b'e' * (size % 997))
    with open(tree + '/holes', 'wb') as file:
        for at in (0, 100000, 900000, 5000000):
            file.seek(at)
            file.write(b'here')
    os.symlink('few/1', tree + '/fast')
    os.symlink('t' * 200, tree + '/slow')
    os.link(tree + '/few/5000', tree + '/deep/er/linked')
    os.mkfifo(tree + '/deep/pipe')
    os.mknod(tree + '/deep/null', 0o20666, os.makedev(1, 3))
    for name in ('few/1', 'few', 'few/300000'):
        try:
            os.setxattr(os.path.join(tree, name), 'user.note', b'v' * 40)
        except OSError:
            pass


def run(*command, **more):
    return subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=120, **more)


def by_mke2fs(tree, image, options):
    judge.make_sparse(image, 24 << 20)
    return run('mke2fs', '-q', '-F', *options.split(), '-d', tree, image)


def by_genext2fs(tree, image, options):
    devices = os.path.join(os.path.dirname(image), 'devices')
    with open(devices, 'w', encoding='utf-8') as file:
        file.write(DEVICES)
    return run('genext2fs', '-d', tree, *options.replace('DEVICES', devices).split(), image)


def by_debugfs(tree, image, options):
    judge.make_sparse(image, 24 << 20)
    made = run('mke2fs', '-q', '-F', *options.split(), image)
    if made.returncode != 0:
        return made
    words = {'SMALL': tree + '/few/160', 'LARGE': tree + '/few/1100000', 'EMPTY': tree + '/few/0', 'HOLES': tree + '/holes',
             'SLOW': 't' * 150}
    requests = REQUESTS
    for word, value in words.items():
        requests = requests.replace(word, value)
    requests += ''.join('symlink many/%s%d target\n' % ('m' * (i % 60), i) for i in range(120))
    script = image + '.requests'
    with open(script, 'w', encoding='utf-8') as file:
        file.write(requests)
    done = run('debugfs', '-w', '-f', script, image)
    os.unlink(script)
    return done


WRITERS = {'mke2fs': (by_mke2fs, FEATURES), 'genext2fs': (by_genext2fs, GENERATED), 'debugfs': (by_debugfs, FEATURES)}


def judge_writer(name, folder, tree, failures):
    write, rows = WRITERS[name]
    if not shutil.which(name):
        print('SKIP: needs ' + name)
        return
    for options in rows:
        image = os.path.join(folder, 'image')
        if os.path.exists(image):
            os.unlink(image)
        done = write(tree, image, options)
        verdict = run('e2fsck', '-fn', image)
        if done.returncode != 0 or verdict.returncode != 0:
            said = (done.stdout if done.returncode else verdict.stdout).decode('utf-8', 'replace').split('\n')
            print('not judged: %s %s: %s' % (name, options, ' | '.join(line for line in said[:6] if line)[:200]))
            continue
        with judge.Unchanged(image) as unchanged:
            result = unchanged.run('check', '--json', '--max-findings=50', ..., timeout=60)
        failures.equal('%s %s' % (name, options), 'verdict, status, findings', (
            result.json['verdict'], result.status,
            [f['code'] + ': ' + f['message'] for f in result.json['findings'] if f['severity'] != 'info'][:5]), ('clean', 0, []))


def main():
    judge.need('e2fsck', 'debugfs', 'mke2fs')
    judge.tool()
    failures = judge.Failures(limit=200)
    with judge.scratch() as folder:
        tree = os.path.join(folder, 'tree')
        os.mkdir(tree)
        fill(tree)
        for name in sys.argv[1:] or WRITERS:
            judge_writer(name, folder, tree, failures)
    failures.end('writers agree')


if __name__ == '__main__':
    main()
