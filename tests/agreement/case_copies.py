# SPDX-License-Identifier: MIT
"""Cases of superblock copies: found wherever they lie, and generations told apart."""

import json
import re
import struct
import subprocess

from case_place import case, fill, is_clean, names, working


def wipe_primary(place):
    place.write(0, bytes(4096 if place.header()['Block size'] != '1024' else 2048))


@case(3)
def a_damaged_first_backup_does_not_end_the_search(place):
    place.make(64 << 20, '-t', 'ext4', '-b', '1024')
    with working(place.image) as root:
        fill(root)
    healthy, _ = place.json('df')
    listing = names(place, '/', '-R')
    wipe_primary(place)
    # s_inodes_per_group of the first backup: the magic stays.
    place.write(8193 * 1024 + 0x28, struct.pack('<I', 77))
    document, status = place.json('df')
    assert status in (0, 4), 'exit status %d' % status
    assert document['superblock']['source'] == 'backup', document['superblock']
    assert document['superblock']['block'] in (24577, 40961, 57345), document['superblock']
    assert document['df'] == healthy['df'], '%r, expected %r' % (document['df'], healthy['df'])
    assert document['owners'] == healthy['owners'], '%r, expected %r' % (document['owners'], healthy['owners'])
    assert names(place, '/', '-R') == listing, 'another tree through the backup'


@case(3)
def backups_are_found_where_e2fsck_never_looks(place):
    for size, arguments in ((48 << 20, ['-t', 'ext4', '-b', '1024', '-g', '4096']),
                            (512 << 20, ['-t', 'ext4', '-b', '1024', '-O', 'bigalloc,^resize_inode', '-C', '4096']),
                            (256 << 20, ['-t', 'ext4', '-b', '4096', '-g', '4096']),
                            (9 << 30, ['-t', 'ext4', '-b', '65536', '-N', '4096', '-J', 'size=64']),
                            (48 << 20, ['-t', 'ext4', '-b', '1024', '-O', 'sparse_super2,^resize_inode'])):
        place.make(size, *arguments)
        healthy, _ = place.json('df')
        with open(place.image, 'r+b') as file:
            file.write(bytes(65536 if '65536' in arguments else 4096))
        document, status = place.json('df')
        assert status in (0, 4), '%s: exit status %d' % (arguments, status)
        assert document['superblock']['source'] != 'primary', '%s: %r' % (arguments, document['superblock'])
        assert document['df'] == healthy['df'], '%s: %r, expected %r' % (arguments, document['df'], healthy['df'])


@case(4)
def the_list_of_backups_needs_no_primary_and_no_options(place):
    for arguments in (['-b', '1024', '-g', '1024'], ['-b', '4096', '-g', '2048'],
                      ['-b', '1024', '-O', 'bigalloc,^resize_inode', '-C', '4096'],
                      ['-b', '1024', '-O', 'sparse_super2,^resize_inode']):
        place.make(160 << 20, '-t', 'ext4', *arguments)
        text = subprocess.run(['dumpe2fs', place.image], check=True, stdout=subprocess.PIPE,
                              stderr=subprocess.DEVNULL).stdout.decode('utf-8', 'replace')
        expected = re.findall(r'Backup superblock at (\d+)', text)
        place.write(1024, bytes(1024))
        result = place.text('backups', '--list')
        found = re.findall(r'\d+', result.out.decode())
        assert found == expected, '%s: %s, expected %s' % (arguments, found, expected)


@case(15)
def an_older_filesystem_leftovers_do_not_mislead(place):
    place.make(1 << 30, '-t', 'ext4', '-b', '4096', '-L', 'older')
    subprocess.run(['mke2fs', '-q', '-F', '-t', 'ext4', '-b', '4096', '-g', '16384', '-L', 'younger', '-E', 'nodiscard',
                    place.image], check=True, stdin=subprocess.DEVNULL)
    with working(place.image) as root:
        fill(root)
    healthy, _ = place.json('df')
    uuid = healthy['filesystem']['uuid']
    place.write(0, bytes(4096))
    document, status = place.json('df')
    assert status in (0, 4), 'exit status %d' % status
    assert document['filesystem']['uuid'] == uuid, 'read as %r' % document['filesystem'].get('label')
    assert document['df'] == healthy['df'], document['df']
    result = place.text('backups', '--scan', '--json')
    text = result.out.decode()
    assert 'older' in text and 'younger' in text, 'a generation is missing from the scan'


@case(17)
def two_generations_are_both_shown(place):
    place.make(160 << 20, '-t', 'ext4', '-b', '1024', '-L', 'first-one')
    subprocess.run(['mke2fs', '-q', '-F', '-t', 'ext4', '-b', '4096', '-L', 'second-one', '-E', 'nodiscard', place.image],
                   check=True, stdin=subprocess.DEVNULL)
    document, _ = place.json('backups', '--scan')
    text = json.dumps(document)
    for label in ('first-one', 'second-one'):
        assert label in text, label + ' is not shown'
    document, status = place.json('df')
    is_clean(document, status)
    assert document['filesystem']['label'] == 'second-one'
