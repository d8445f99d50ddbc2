# SPDX-License-Identifier: MIT
"""Every path, type, mode, owner, link count, size, nanosecond time, xattr, link target, device number
and content of every image, as tests/tools/tree prints them, against the kernel's own mount. Images
that no kernel mounts are held against the tree from which mke2fs -d made them. The image is proved
unchanged."""

import os
import re
import subprocess

import images
import judge

TYPES = {'dir': 'directory', 'char': 'character_device', 'block': 'block_device'}


def tree_tool():
    path = os.environ.get('TREE', 'tests/tools/tree')
    if not os.access(path, os.X_OK):
        judge.skip('no tests/tools/tree: make check builds it')
    return os.path.abspath(path)


def unescape(text):
    return re.sub(rb'%([0-9A-F]{2})', lambda m: bytes([int(m.group(1), 16)]), text)


def nanoseconds(text):
    seconds, rest = text.split(b'.')
    return int(seconds) * 10**9 + int(rest)


def parse(line):
    """(path, attributes) of one line of the tool."""
    path, _, kind, mode, links, uid, gid, size, _, mtime, ctime, content, xattrs = line.split(b' ')
    kind = TYPES.get(kind.decode(), kind.decode())
    entry = {'type': kind, 'mode': int(mode, 8), 'links': int(links), 'uid': int(uid), 'gid': int(gid),
             'size': int(size), 'mtime': nanoseconds(mtime), 'ctime': nanoseconds(ctime), 'xattrs': {}}
    if kind == 'file':
        entry['sha256'] = content.decode()
    elif kind == 'symlink':
        entry['target'] = unescape(content)
    elif kind.endswith('_device'):
        entry['device'] = tuple(map(int, content.split(b':')))
    if xattrs != b'-':
        for pair in xattrs.split(b','):
            name, value = unescape(pair).rsplit(b'=', 1)
            if name == b'encryption.c':
                continue        # on the disk, but the kernel shows it to nobody
            entry['xattrs'][name] = bytes.fromhex(value.decode())
    return unescape(path), entry


def walk_of_tool(failures, image):
    command = [tree_tool(), *images.journal_option(image), image.path]
    with judge.Unchanged(image.path):
        done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              timeout=300)
    failures.equal(image.name, 'exit status of tree', done.returncode, 0)
    said = [line for line in done.stderr.decode('utf-8', 'replace').splitlines()]
    failures.equal(image.name, 'findings', said, [])
    walk = {}
    for line in done.stdout.splitlines():
        if line.startswith(b'df '):
            continue
        try:
            path, entry = parse(line)
        except ValueError:
            failures.add(image.name, 'cannot read the line %r' % line[:120])
            continue
        failures.true(image.name, '%r is shown twice' % path, path not in walk)
        walk[path] = entry
    return walk


def without_encrypted(walk):
    """Names below /encrypted are bytes on the disk; what stands for them without the key is for `ls` to
    say (ls_agrees.py)."""
    return {path: entry for path, entry in walk.items() if not path.startswith(b'/encrypted/')}


def compare(failures, name, ours, theirs, members_off=()):
    failures.equal(name, 'paths that only we show', sorted(set(ours) - set(theirs))[:5], [])
    failures.equal(name, 'paths that we do not show', sorted(set(theirs) - set(ours))[:5], [])
    for path in sorted(set(ours) & set(theirs)):
        for member, expected in theirs[path].items():
            if member in members_off or member not in ours[path]:
                continue
            if member == 'sha256' and expected == 'unreadable':
                continue        # encrypted: the kernel wants the key even to read what is there
            failures.equal('%s %r' % (name, path), member, ours[path][member], expected)


def source_walk(image):
    """The tree that mke2fs -d was given, with what it does to it: whole seconds, a lost+found, no sockets' sizes."""
    walk = judge.kernel_walk(image.source)
    for entry in walk.values():
        entry['mtime'] = entry['mtime'] // 10**9 * 10**9
    return walk


def judge_one(failures, image):
    ours = walk_of_tool(failures, image)
    if image.mount:
        with images.kernel_view(image) as root:
            theirs = judge.kernel_walk(root)
        compare(failures, image.name, without_encrypted(ours), without_encrypted(theirs), ('atime', 'inode'))
        failures.equal(image.name, 'entries in all', len(ours), len(theirs))
    else:
        theirs = source_walk(image)
        ours.pop(b'/lost+found', None)
        for walk in (ours, theirs):
            walk[b'/'] = {}
            for path in walk:
                if walk[path].get('type') == 'file':
                    continue
                walk[path].pop('size', None)
        compare(failures, image.name, ours, theirs, ('atime', 'ctime', 'inode', 'links'))


def main():
    judge.private_mounts()
    judge.need('tune2fs', 'e2fsck', 'debugfs')
    tree_tool()
    failures = judge.Failures()
    for image in images.chosen():
        try:
            judge_one(failures, image)
        except Exception as error:
            failures.add(image.name, type(error).__name__, str(error))
    failures.end('tree agrees')


if __name__ == '__main__':
    main()
