# SPDX-License-Identifier: MIT
"""Cases of features, of numbers and of habits: whatever the filesystem is made of is read or named."""

import os
import struct

import judge
from case_place import case, codes, fill, is_clean, names, top_names, working


@case(7)
def what_mke2fs_truncated_is_shown_as_it_is(place):
    source = os.path.join(place.folder, 'source')
    os.mkdir(source)
    with open(source + '/tail-hole', 'wb') as file:
        file.write(b'x' * 4000000)
        file.truncate(5242880)
    place.make(32 << 20, '-t', 'ext4', '-O', 'inline_data', '-b', '4096', '-d', source)
    with judge.mounted(place.image) as root:
        size = os.path.getsize(root + '/tail-hole')
    text = place.text('cat', after=('/tail-hole',))
    assert len(text.out) == size, '%d bytes, the kernel shows %d' % (len(text.out), size)


@case(9)
def exit_statuses_tell_the_truth(place):
    place.make(8 << 20, '-t', 'ext4', '-b', '1024')
    garbage = os.path.join(place.folder, 'garbage')
    with open(garbage, 'wb') as file:
        file.write(b'\x5a' * 300000)
    empty = os.path.join(place.folder, 'empty')
    open(empty, 'wb').close()
    for expected, arguments in ((8, ['cat', place.image, '/nope']), (8, ['ls', place.image, '/nope']),
                                (8, ['df', garbage]), (8, ['df', empty]), (8, ['df', '/nonexistent']),
                                (8, ['check', garbage]), (8, ['check', empty]), (8, ['df', place.folder]),
                                (16, ['df', '--no-such-option', place.image]), (16, ['df']), (16, ['no-such-command']),
                                (0, ['df', place.image]), (0, ['check', place.image])):
        result = judge.run(arguments)
        assert result.status == expected, '%s: exit status %d, expected %d' % (arguments, result.status, expected)
        if expected:
            assert result.err.strip(), '%s: silence on stderr' % arguments
            assert not result.out.strip() or arguments[0] == 'check', '%s: %r on stdout' % (arguments, result.out[:80])
    result = judge.run(['check', '--json', garbage])
    assert result.json['verdict'] == 'unusable', result.out[:200]


@case(13)
def df_says_what_the_kernel_says(place):
    place.make(64 << 20, '-t', 'ext4', '-b', '1024')
    document, status = place.json('df')
    is_clean(document, status)
    assert document['df']['blocks'] == 56037, document['df']


@case(18)
def bigalloc_is_read_and_not_shown_empty(place):
    place.make(96 << 20, '-t', 'ext4', '-O', 'bigalloc,^resize_inode', '-C', '16384', '-b', '4096')
    with working(place.image) as root:
        fill(root)
        walk = judge.kernel_walk(root)
    listed = [n for n in names(place) if n not in ('.', '..')]
    assert listed == top_names(walk), listed
    text = place.text('cat', after=('/folder01/file002',))
    assert judge.hashlib.sha256(text.out).hexdigest() == walk[b'/folder01/file002']['sha256']


@case(19)
def an_unknown_feature_is_named_and_the_tree_is_read(place):
    place.make(16 << 20, '-t', 'ext4', '-b', '1024', '-O', '^metadata_csum,^uninit_bg')
    with working(place.image) as root:
        fill(root)
    for at, name in ((0x5c, 'compat'), (0x60, 'incompat'), (0x64, 'ro_compat')):
        old = place.read(1024 + at, 4)
        place.write(1024 + at, struct.pack('<I', struct.unpack('<I', old)[0] | 0x40000000))
        document, status = place.json('check')
        found = [f for f in document['findings'] if f['code'] == 'feature-unknown']
        assert found, '%s: %s, exit status %d' % (name, codes(document), status)
        assert '0x40000000' in found[0]['message'] or found[0].get('found') in (0x40000000, '0x40000000'), found[0]
        assert 'folder03' in names(place), name + ': an empty answer'
        place.write(1024 + at, old)


@case(20)
def a_huge_directory_takes_no_quadratic_time(place):
    count = 100_000
    place.make(256 << 20, '-t', 'ext4', '-b', '4096', '-N', str(count + 1000))
    with working(place.image) as root:
        folder = os.open(root, os.O_RDONLY)
        for i in range(count):
            os.close(os.open('name-%08d' % i, os.O_CREAT | os.O_WRONLY, 0o644, dir_fd=folder))
        os.close(folder)
    result = place.text('ls', '-R')
    assert result.out.count(b'name-') == count, '%d names' % result.out.count(b'name-')
    document, status = place.json('check')
    is_clean(document, status)
