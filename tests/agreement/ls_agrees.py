# SPDX-License-Identifier: MIT
"""`ls -lR --json` and `cat` against the kernel's own mount: every name (those of encrypted directories
as the kernel shows them without the key), type, mode, owner, link count, size, nanosecond times, link
target, device number; the content of a seeded choice of files of each image."""

import hashlib
import random

import images
import judge

TYPES = {'regular': 'file', 'character': 'character_device', 'block': 'block_device'}
CAT = 25


def nanoseconds(time):
    return time['seconds'] * 10**9 + time['nanoseconds']


def attributes(entry):
    ours = {'type': TYPES.get(entry['type'], entry['type']), 'mode': entry['mode'] & 0o7777}
    for name in ('inode', 'links', 'uid', 'gid', 'size'):
        ours[name] = entry[name]
    for name in ('mtime', 'atime', 'ctime'):
        ours[name] = nanoseconds(entry[name])
    if 'target' in entry:
        ours['target'] = judge.decode_name(entry, 'target')
    if 'device_major' in entry:
        ours['device'] = (entry['device_major'], entry['device_minor'])
    return ours


def listed(document):
    walk = {}
    for directory in document['directories']:
        path = judge.decode_name(directory, 'path').rstrip(b'/')
        for entry in directory['entries']:
            name = judge.decode_name(entry)
            if name not in (b'.', b'..'):
                walk[path + b'/' + name] = attributes(entry)
    return walk


def judge_one(failures, image):
    with images.kernel_view(image) as root:
        theirs = judge.kernel_walk(root)
    options = images.journal_option(image)
    theirs.pop(b'/')
    with judge.Unchanged(image.path) as unchanged:
        result = unchanged.run('ls', '-lR', '--json', *options, ...)
        failures.equal(image.name, 'exit status of ls', result.status, 0)
        ours = listed(result.json)
        failures.equal(image.name, 'paths that only we show', sorted(set(ours) - set(theirs))[:5], [])
        failures.equal(image.name, 'paths that we do not show', sorted(set(theirs) - set(ours))[:5], [])
        for path in sorted(set(ours) & set(theirs)):
            for member, value in ours[path].items():
                hidden = path.startswith(b'/encrypted/') and ours[path]['type'] == 'symlink'
                if hidden and member in ('target', 'size'):
                    continue    # the kernel shows the cipher text in a form of its own
                failures.equal('%s %r' % (image.name, path), member, value, theirs[path][member])
        files = sorted(p for p, e in theirs.items() if e.get('sha256', 'unreadable') != 'unreadable')
        for path in random.Random(image.name).sample(files, min(CAT, len(files))):
            text = unchanged.run('cat', *options, ..., path)
            failures.equal('%s %r' % (image.name, path), 'exit status of cat', text.status, 0)
            failures.equal('%s %r' % (image.name, path), 'content', hashlib.sha256(text.out).hexdigest(),
                           theirs[path]['sha256'])


def main():
    judge.private_mounts()
    judge.need('tune2fs', 'e2fsck', 'debugfs')
    judge.tool()
    failures = judge.Failures()
    for image in images.chosen():
        if not image.mount:
            continue
        try:
            judge_one(failures, image)
        except Exception as error:
            failures.add(image.name, type(error).__name__, str(error))
    failures.end('ls agrees')


if __name__ == '__main__':
    main()
