# SPDX-License-Identifier: MIT
"""The situations that other tools get wrong, each made here with the real mke2fs, mount and a few
bytes of damage, and the right answer asserted. A case is a function named as a sentence; its number
is that of the list it comes from.

    cases.py [NAME-OR-NUMBER ...]"""

import contextlib
import json
import os
import re
import shutil
import struct
import subprocess
import sys

import judge
from judge import Unchanged

CASES = []
# Right answers that the tool does not give yet: they run, and say so, but fail nothing.
NOT_YET = {
    'a_truncated_image_is_an_error_and_names_what_is_cut_off',
    'an_unreadable_sector_is_named_and_all_else_is_checked',
    'deleted_files_of_a_default_ext4_come_back_with_their_names',
    'an_unknown_feature_is_named_and_the_tree_is_read',
}


def case(number):
    def register(function):
        CASES.append((number, function))
        return function
    return register


class Skip(Exception):
    pass


class Place:
    """A folder of its own for a case, and what a case does there."""

    def __init__(self, folder):
        self.folder = folder
        self.image = os.path.join(folder, 'image')

    def make(self, size, *arguments, name='image'):
        path = os.path.join(self.folder, name)
        judge.make_sparse(path, size)
        done = subprocess.run(['mke2fs', '-q', '-F', *arguments, path], stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        if done.returncode:
            raise Skip(done.stdout.decode('utf-8', 'replace').strip())
        return path

    def copy(self, name, source=None):
        path = os.path.join(self.folder, name)
        subprocess.run(['cp', '--sparse=always', source or self.image, path], check=True)
        return path

    def debugfs(self, request, write=False):
        command = ['debugfs'] + (['-w'] if write else []) + ['-R', request, self.image]
        return subprocess.run(command, check=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.DEVNULL).stdout.decode('utf-8', 'replace')

    def write(self, at, data):
        with open(self.image, 'r+b') as file:
            file.seek(at)
            file.write(data)

    def read(self, at, size):
        with open(self.image, 'rb') as file:
            file.seek(at)
            return file.read(size)

    def header(self, image=None):
        text = subprocess.run(['dumpe2fs', '-h', image or self.image], check=True, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout.decode('utf-8', 'replace')
        return dict(re.findall(r'^([^:\n]+):[ \t]+(.*)$', text, flags=re.M))

    def block_size(self):
        return int(self.header()['Block size'])

    def inode_at(self, inode):
        """(block, byte within it) of an inode, as debugfs's imap says."""
        text = self.debugfs('imap <%d>' % inode)
        block, offset = re.search(r'located at block (\d+), offset (0x[0-9a-f]+)', text).groups()
        return int(block), int(offset, 16)

    def json(self, command, *arguments, image=None):
        """(document, exit status), the image proved unchanged."""
        with Unchanged(image or self.image) as unchanged:
            result = unchanged.run(command, '--json', *arguments, ...)
        try:
            return result.json, result.status
        except ValueError as error:
            raise AssertionError('%s: no JSON: %s: %s' % (command, error, result.err.decode('utf-8', 'replace')))

    def text(self, command, *arguments, image=None, after=()):
        with Unchanged(image or self.image) as unchanged:
            result = unchanged.run(command, *arguments, ..., *after)
        return result


def fill(root, folders=10, files=30, size=700):
    """A tree with a known number of inodes: folders, and files in each."""
    for d in range(folders):
        folder = os.path.join(root, 'folder%02d' % d)
        os.mkdir(folder)
        for f in range(files):
            with open(os.path.join(folder, 'file%03d' % f), 'wb') as file:
                file.write(b'%d/%d\n' % (d, f) * (1 + size // 6))
    with open(os.path.join(root, 'hello.txt'), 'w') as file:
        file.write('hello\n')
    os.link(os.path.join(root, 'hello.txt'), os.path.join(root, 'folder03', 'hard'))


@contextlib.contextmanager
def working(image, options='rw'):
    """A read-write mount over a loop device, for a snapshot of a filesystem in mid-work."""
    with judge.mounted(image, options if options != 'rw' else 'ro', write=True) as root:
        yield root


def codes(document):
    return sorted({f['code'] for f in document['findings'] if f['severity'] != 'info'})


def is_error(document, status, say=''):
    assert status == 4, '%s exit status %d, expected 4; findings %s' % (say, status, codes(document))
    assert any(f['severity'] == 'error' for f in document['findings']), say + ' no finding of severity error'


def is_clean(document, status, say=''):
    assert not codes(document), '%s findings %s' % (say, [
        f['code'] + ': ' + f['message'] for f in document['findings'] if f['severity'] != 'info'])
    assert status == 0, '%s exit status %d' % (say, status)


def names(place, path='/', *options, image=None):
    result = place.text('ls', *options, image=image, after=(path,))
    return sorted(result.out.decode('utf-8', 'surrogateescape').split('\n')[:-1])


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


def snapshot(place, name, size, arguments, work, options='rw'):
    """A copy of the backing file while `work(root)` has just ended and the filesystem is mounted; and
    (walk, statfs) of what the kernel makes of a copy of that."""
    source = place.make(size, *arguments, name=name + '.live')
    with working(source, options) as root:
        work(root)
        image = place.copy(name, source)
    os.unlink(source)
    replayed = place.copy(name + '.replayed', image)
    with judge.mounted(replayed, write=True) as root:
        walk, numbers = judge.kernel_walk(root), judge.statfs(root)
    os.unlink(replayed)
    return image, walk, numbers


def sync_path(path):
    fd = os.open(path, os.O_RDONLY)
    os.fsync(fd)
    os.close(fd)


def top_names(walk, folder=b'/'):
    prefix = folder.rstrip(b'/') + b'/'
    return sorted(os.fsdecode(path[len(prefix):]) for path in walk
                  if path.startswith(prefix) and b'/' not in path[len(prefix):] and path != folder)


def pending_work(root):
    fill(root)
    os.sync()
    os.unlink(root + '/hello.txt')
    os.mkdir(root + '/new-directory')
    with open(root + '/new-directory/inside', 'w') as file:
        file.write('from the journal')
    sync_path(root + '/new-directory/inside')
    sync_path(root + '/new-directory')
    sync_path(root)


@case(5)
def a_pending_journal_is_replayed_in_memory(place):
    for kind, block in (('ext4', '1024'), ('ext4', '4096'), ('ext3', '1024'), ('ext3', '4096')):
        image, walk, numbers = snapshot(place, 'dirty', 48 << 20, ['-t', kind, '-b', block], pending_work)
        where = '%s %s: ' % (kind, block)
        assert 'needs_recovery' in place.header(image)['Filesystem features'], where + 'the snapshot is not dirty'
        document, status = place.json('check', image=image)
        is_clean(document, status, where)
        assert document['journal']['state'] == 'replayed', where + repr(document['journal'])
        assert document['usage']['df'] == numbers, where + '%r, expected %r' % (document['usage']['df'], numbers)
        listed = [n for n in names(place, '/', image=image) if n not in ('.', '..')]
        assert listed == top_names(walk), where + '%r, expected %r' % (listed, top_names(walk))
        text = place.text('cat', image=image, after=('/new-directory/inside',))
        assert text.out == b'from the journal', where + repr(text.out)
        ignored = names(place, '/', '--journal=ignore', image=image)
        assert 'new-directory' not in ignored or 'hello.txt' in ignored, where + 'the journal was not ignored'


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
    assert status in (0, 4), 'exit status %d' % status
    unread = [f for f in document['findings'] if 'unreadable' in f['code']]
    assert unread, 'the unread block is not named: %s' % codes(document)
    corrupt = [f for f in document['findings'] if 'checksum' in f['code'] and f['where'].get('block') == block]
    assert not corrupt, 'what was not read is called corrupt: %r' % corrupt
    # What only the unread inodes own looks leaked; to call that an error would be a guess.
    guesses = {f['code'] for f in document['findings'] if f['severity'] == 'error'} - {'unreadable', 'inodes-unreadable'}
    assert not guesses, 'errors where something was only not read: %s' % sorted(guesses)
    assert document['usage']['reachable']['inodes'] > 250, document['usage']['reachable']


@case(11)
def deleted_files_of_a_default_ext4_come_back_with_their_names(place):
    place.make(64 << 20, '-t', 'ext4', '-b', '4096')
    with working(place.image) as root:
        fill(root)
        os.sync()
        kept = judge.kernel_walk(root)
    with working(place.image) as root:
        shutil.rmtree(root + '/folder05')
        os.unlink(root + '/hello.txt')
        os.sync()
    target = os.path.join(place.folder, 'out')
    with Unchanged(place.image) as unchanged:
        unchanged.run('restore', '--deleted', ..., '--output', target)
    after = judge.kernel_walk(target)
    wanted = {path: entry['sha256'] for path, entry in kept.items() if path.startswith(b'/folder05/') and
              'sha256' in entry and entry['links'] == 1}
    contents = {entry.get('sha256') for entry in after.values()}
    back = [path for path, content in wanted.items() if content in contents]
    assert len(back) >= 0.9 * len(wanted), '%d of %d deleted files came back' % (len(back), len(wanted))
    found = {path.rsplit(b'/', 1)[1] for path in after}
    named = [path for path in wanted if path.rsplit(b'/', 1)[1] in found]
    assert len(named) >= 0.9 * len(wanted), '%d of %d names came back' % (len(named), len(wanted))
    places = [path for path in wanted if any(p.endswith(path) for p in after)]
    assert len(places) >= 0.9 * len(wanted), '%d of %d paths came back' % (len(places), len(wanted))


@case(13)
def df_says_what_the_kernel_says(place):
    place.make(64 << 20, '-t', 'ext4', '-b', '1024')
    document, status = place.json('df')
    is_clean(document, status)
    assert document['df']['blocks'] == 56037, document['df']


@case(14)
def the_json_of_a_ruined_image_is_whole(place):
    hidden_tree(place, 'ext4')
    block = int(place.debugfs('bmap <2> 0').split()[0])
    place.write(block * 1024, bytes(1024))
    for command in ('check', 'df', 'backups'):
        document, _ = place.json(command)
        assert document['schema'] == 'fsck-lite/%s/1' % command, document['schema']


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


def open_and_deleted(root):
    fill(root)
    os.sync()
    held = os.open(root + '/held', os.O_RDWR | os.O_CREAT)
    os.write(held, b'h' * 5_000_000)
    os.fsync(held)
    os.unlink(root + '/held')
    with open(root + '/after', 'w') as file:
        file.write('after')
    sync_path(root + '/after')
    sync_path(root)
    open_and_deleted.held = held


@case(16)
def a_healthy_crash_image_has_no_finding_but_an_info_for_the_orphan(place):
    for features in ('orphan_file', '^orphan_file'):
        def work(root):
            open_and_deleted(root)
        source = place.make(64 << 20, '-t', 'ext4', '-b', '4096', '-O', features, name='live')
        point = None
        with working(source) as root:
            work(root)
            point = place.copy('crashed', source)
            os.close(open_and_deleted.held)
        document, status = place.json('check', image=point)
        is_clean(document, status, features)
        info = [f for f in document['findings'] if f['code'] == 'orphan-pending']
        assert info, '%s: no info about the orphan: %r' % (features, [f['code'] for f in document['findings']])
        replayed = place.copy('replayed', point)
        with judge.mounted(replayed, write=True) as root:
            numbers = judge.statfs(root)
        assert document['usage']['df'] == numbers, '%s: %r, expected %r' % (features, document['usage']['df'], numbers)


@case(16)
def fast_commits_are_replayed(place):
    def work(root):
        fill(root)
        os.sync()
        for name in ('one', 'two'):
            with open(root + '/' + name, 'w') as file:
                file.write('fast ' + name)
            sync_path(root + '/' + name)
    image, walk, numbers = snapshot(place, 'fast', 64 << 20, ['-t', 'ext4', '-b', '4096', '-O', 'fast_commit'], work)
    document, status = place.json('check', image=image)
    is_clean(document, status)
    for name in ('one', 'two'):
        assert b'/' + name.encode() in walk, 'the kernel itself lost it'
        text = place.text('cat', image=image, after=('/' + name,))
        assert text.out == b'fast ' + name.encode(), repr(text.out)
    assert document['usage']['df'] == numbers, '%r, expected %r' % (document['usage']['df'], numbers)


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


@case(21)
def a_wrapped_fast_commit_log_loses_no_transaction(place):
    def work(root):
        for round in range(16):
            for i in range(40):
                name = '%s/r%02d-%02d' % (root, round, i)
                os.mkdir(name)
                with open(name + '/file', 'wb') as file:
                    file.write(os.urandom(3000))
                if i % 10 == 0:
                    sync_path(name + '/file')
            sync_path(root)
            if round % 4 == 1:
                os.sync()
    image, walk, numbers = snapshot(place, 'wrapped', 64 << 20,
                                    ['-t', 'ext4', '-b', '1024', '-O', 'fast_commit', '-J', 'size=4'], work)
    listed = [n for n in names(place, image=image) if n not in ('.', '..')]
    assert listed == top_names(walk), 'the kernel shows %d names, we %d' % (len(top_names(walk)), len(listed))
    document, status = place.json('check', image=image)
    is_clean(document, status)
    assert document['usage']['df'] == numbers, '%r, expected %r' % (document['usage']['df'], numbers)


def main():
    judge.private_mounts()
    judge.need('mke2fs', 'debugfs', 'dumpe2fs')
    judge.tool()
    wanted = sys.argv[1:]
    only = os.environ.get('AGREEMENT_CASES', '').split()
    wanted = wanted or only
    failed = ran = 0
    for number, function in CASES:
        if wanted and str(number) not in wanted and function.__name__ not in wanted:
            continue
        sentence = '%d. %s' % (number, function.__name__.replace('_', ' '))
        with judge.scratch() as folder:
            try:
                function(Place(folder))
                print('ok    ', sentence, flush=True)
            except Skip as why:
                print('skip  ', sentence, '(%s)' % why, flush=True)
                continue
            except Exception as error:
                is_expected = function.__name__ in NOT_YET
                failed += not is_expected
                print('not yet' if is_expected else 'FAILED', sentence, '\n      ', type(error).__name__, str(error)[:1500], flush=True)
            ran += 1
    print('%d cases, %d failed' % (ran, failed))
    sys.exit(1 if failed or not ran else 0)


if __name__ == '__main__':
    main()
