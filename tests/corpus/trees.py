# SPDX-License-Identifier: MIT
"""The tree of every image of the corpus that e2fsck calls clean, or clean once its journal has been
replayed, against the tree that the oracle found there: path, type, mode, size, content, link target."""

import hashlib
import os
import re
import subprocess
import sys

import corpus

LARGE = 1 << 28     # files that take long to hash: their images only when named
TYPES = {'char': 'chr', 'block': 'blk', 'socket': 'sock'}


def unescape(text):
    return re.sub(rb'%([0-9A-Fa-f]{2})', lambda m: bytes([int(m.group(1), 16)]), text)


def oracle_tree(oracle):
    """The tree to agree with, or None: a repair would have changed it."""
    if oracle['needs_recovery']:
        replay = oracle['replay']
        # Where the replay asked questions it repaired, too: the tree is another one then.
        is_plain = replay and not any(c['kind'] == 'question' for c in replay['run']['codes'])
        return replay['tree'] if is_plain else None
    return oracle['repair']['tree'] if oracle['verdict'] == 'clean' and oracle['repair']['runs'][0]['exit'] == 0 else None


def our_tree(tool, image, journal):
    command = [tool] + (['-j', journal] if journal else []) + [image]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=120)
    walk = {}
    for line in done.stdout.splitlines():
        if line.startswith(b'df '):
            continue
        fields = line.split(b' ')
        if len(fields) < 12:
            walk[unescape(fields[0])] = ('unreadable', None, None, None)
            continue
        path, _, kind, mode, _, _, _, size, _, _, _, content = fields[:12]
        kind = TYPES.get(kind.decode(), kind.decode())
        sha256 = None
        if kind == 'file':
            sha256 = content.decode()
        elif kind == 'symlink':
            sha256 = hashlib.sha256(unescape(content)).hexdigest()
        walk[unescape(path)] = (kind, int(mode, 8), int(size), sha256)
    return walk


def their_tree(tree):
    walk = {}
    for entry in tree['manifest']:
        path = unescape(entry['path'].encode('utf-8', 'surrogateescape'))
        if 'error' in entry:
            walk[path] = None
        else:
            walk[path] = (entry['type'], int(entry['mode'], 8) & 0o7777, entry['size'], entry['sha256'])
    return walk


def compare(ours, theirs, method, is_replay):
    """What disagrees, in words."""
    wrong = []
    for path in sorted(set(ours) | set(theirs)):
        mine, other = ours.get(path), theirs.get(path)
        if path in theirs and other is None:
            continue
        if method == 'debugfs':
            # Its rdump makes no special files.
            if mine and other is None and mine[0] not in ('file', 'dir', 'symlink'):
                continue
            if path == b'/':
                continue
        keep = 4
        if mine and other and mine[0] == other[0]:
            if mine[0] == 'dir' and (not is_replay or method == 'debugfs' or other[2] is None):
                keep = 2        # e2fsck -fy packs directories anew; rdump tells no sizes
            elif mine[0] == 'file' and other[3] is None:
                keep = 3        # too large to be read
        mine, other = mine and mine[:keep], other and other[:keep]
        if mine != other:
            wrong.append('%r: ours %s, oracle %s' % (path, mine, other))
    return wrong


def main():
    tool = os.environ.get('TREE', 'tests/tools/tree')
    if not os.access(tool, os.X_OK):
        print('SKIP: no tests/tools/tree: make check builds it')
        sys.exit(corpus.SKIP)
    folder = corpus.unpacked()
    compared = bad = 0
    for item in corpus.items(sys.argv[1:]):
        tree = oracle_tree(item.oracle)
        if not tree or not tree['manifest']:
            continue
        if any((entry.get('size') or 0) >= LARGE for entry in tree['manifest']) and not sys.argv[1:]:
            continue
        image, journal = item.unpack(folder)
        wrong = compare(our_tree(tool, image, journal), their_tree(tree), tree['method'],
                        item.oracle['needs_recovery'])
        compared += 1
        bad += bool(wrong)
        for line in wrong[:4]:
            print('%s: %s' % (item.id, line))
        if len(wrong) > 4:
            print('%s: ... and %d more' % (item.id, len(wrong) - 4))
    print('%d trees compared, %d disagree' % (compared, bad))
    sys.exit(1 if bad or not compared else 0)


if __name__ == '__main__':
    main()
