# SPDX-License-Identifier: MIT
"""Cases of loss and of damage: what is gone is counted and named, what is not gone comes back."""

import json
import os
import re

import judge
from case_place import case, codes, fill, is_clean, is_error, working
from judge import Unchanged


def hidden_tree(place, kind):
    """Case 1's image with its healthy account, before the damage."""
    place.make(16 << 20, '-t', kind, '-b', '1024')
    with working(place.image) as root:
        fill(root)
    healthy, status = place.json('df')
    is_clean(healthy, status, 'before the damage:')
    return healthy


def judge_hidden(place, healthy, command):
    document, status = place.json(command)
    is_error(document, status, command)
    usage = document.get('usage', document)
    reached_before = healthy['reachable']
    # folders, files, lost+found; the root itself is not lost but broken
    lost = usage['lost']['inodes']
    expected = reached_before['inodes'] - 1
    assert abs(lost - expected) <= 1, '%s: %d inodes lost, expected %d' % (command, lost, expected)
    assert usage['lost']['blocks'] >= 10 * 30 // 2, '%s: %d blocks lost' % (command, usage['lost']['blocks'])
    assert usage['owners']['lost'] == usage['lost']['blocks'], command + ': owners and lost disagree'
    assert sum(usage['owners'].values()) == document['filesystem']['blocks'], command + ': owners do not add up'
    assert usage['reachable']['inodes'] <= 2, '%s: %d inodes reached' % (command, usage['reachable']['inodes'])
    assert usage['df']['used'] == healthy['df']['used'], command + ': df used changed'
    advice = ' '.join(a['command'] for a in document['advice'])
    assert 'restore' in advice, '%s: no advice to restore: %r' % (command, advice)
    return document


@case(1)
def a_zeroed_root_block_is_an_error_and_all_is_counted_as_lost(place):
    for kind in ('ext4', 'ext3'):
        healthy = hidden_tree(place, kind)
        block = int(place.debugfs('bmap <2> 0').split()[0])
        place.write(block * 1024, bytes(1024))
        for command in ('df', 'check'):
            judge_hidden(place, healthy, command)


@case(1)
def a_zeroed_root_inode_is_an_error_and_all_is_counted_as_lost(place):
    for kind in ('ext4', 'ext3'):
        healthy = hidden_tree(place, kind)
        block, _ = place.inode_at(2)
        place.write(block * 1024, bytes(1024))
        document, status = place.json('check')
        is_error(document, status, 'check')
        usage = document['usage']
        assert usage['lost']['inodes'] + usage['reachable']['inodes'] >= healthy['reachable']['inodes'] - 2, \
            'inodes lost and reached: %r %r' % (usage['lost'], usage['reachable'])
        assert sum(usage['owners'].values()) == document['filesystem']['blocks'], 'owners do not add up'


@case(2)
def every_lost_subtree_is_listed_and_comes_back_with_its_names(place):
    hidden_tree(place, 'ext4')
    with judge.mounted(place.image) as root:
        before = judge.kernel_walk(root)
    block = int(place.debugfs('bmap <2> 0').split()[0])
    place.write(block * 1024, bytes(1024))
    document, status = place.json('check', '--max-findings=100000')
    is_error(document, status)
    told = {f['where'].get('inode') for f in document['findings']} | set(
        re.findall(r'\d+', json.dumps(document.get('lost_subtrees', []))))
    told = {int(n) for n in told if n is not None}
    missing = [path for path, entry in before.items()
               if path.count(b'/') == 1 and path != b'/' and entry['type'] == 'directory'
               and entry['inode'] not in told]
    assert not missing, 'lost subtrees that no finding names: %r' % missing
    target = os.path.join(place.folder, 'out')
    with Unchanged(place.image) as unchanged:
        unchanged.run('restore', ..., '--output', target)
    after = judge.kernel_walk(target)
    contents = {entry['sha256']: path for path, entry in after.items() if 'sha256' in entry}
    gone = [path for path, entry in before.items() if 'sha256' in entry and entry['sha256'] not in contents]
    assert not gone, 'files whose content did not come back: %r' % gone[:5]
    inner = {path.rsplit(b'/', 1)[1] for path in after}
    gone = [path for path in before if path.count(b'/') == 2 and path.rsplit(b'/', 1)[1] not in inner]
    assert not gone, 'names that did not come back: %r' % gone[:5]
    assert b'hard' in inner, 'the second name of hello.txt did not come back'


@case(8)
def a_truncated_image_is_an_error_and_names_what_is_cut_off(place):
    place.make(64 << 20, '-t', 'ext4', '-b', '1024')
    with working(place.image) as root:
        fill(root)
        for i in range(40):
            with open(root + '/big%d' % i, 'wb') as file:
                file.write(os.urandom(1 << 20))
    os.truncate(place.image, 30 << 20)
    for command in ('df', 'check'):
        document, status = place.json(command)
        is_error(document, status, command)
        assert {'image-truncated', 'blocks-beyond-end'} & set(codes(document)), '%s: %s' % (command, codes(document))
    hit = [f for f in document['findings'] if f['where'].get('inode', 0) > 10 or 'big' in f['where'].get('path', '')]
    assert hit, 'no file that is hit is named'


@case(10)
def an_unreadable_sector_is_named_and_all_else_is_checked(place):
    place.make(16 << 20, '-t', 'ext4', '-b', '1024')
    with working(place.image) as root:
        fill(root)
    block, _ = place.inode_at(100)
    map_file = os.path.join(place.folder, 'map')
    at, size = block * 1024, 16 << 20
    with open(map_file, 'w') as file:
        file.write('# Mapfile\n0x0 + 1\n0x0 0x%x +\n0x%x 0x400 -\n0x%x 0x%x +\n' % (
            at, at, at + 1024, size - at - 1024))
    # What the map calls unread is zero in such an image.
    place.write(at, bytes(1024))
    document, status = place.json('check', '--map', map_file)
    # What was not looked at is not called clean.
    is_error(document, status, 'check')
    unread = [f for f in document['findings'] if 'unreadable' in f['code']]
    assert unread, 'the unread block is not named: %s' % codes(document)
    corrupt = [f for f in document['findings'] if 'checksum' in f['code'] and f['where'].get('block') == block]
    assert not corrupt, 'what was not read is called corrupt: %r' % corrupt
    # What only the unread inodes own looks leaked; to call that an error would be a guess.
    guesses = {f['code'] for f in document['findings'] if f['severity'] == 'error'} - {'unreadable', 'inodes-unreadable'}
    assert not guesses, 'errors where something was only not read: %s' % sorted(guesses)
    assert document['usage']['reachable']['inodes'] > 250, document['usage']['reachable']


@case(14)
def the_json_of_a_ruined_image_is_whole(place):
    hidden_tree(place, 'ext4')
    block = int(place.debugfs('bmap <2> 0').split()[0])
    place.write(block * 1024, bytes(1024))
    for command in ('check', 'df', 'backups'):
        document, _ = place.json(command)
        assert document['schema'] == 'fsck-lite/%s/1' % command, document['schema']
