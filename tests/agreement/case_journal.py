# SPDX-License-Identifier: MIT
"""Cases of the journal: what is pending, what was deleted, what was open in a crash."""

import os
import shutil
import subprocess

import judge
from case_place import Skip, case, fill, is_clean, names, sync_path, top_names, working
from judge import Unchanged


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


def raw_names(image):
    """The names of the root directory without the journal, by debugfs, which never replays one to read."""
    done = subprocess.run(['debugfs', '-n', '-R', 'ls -p /', image], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL, check=True)
    entries = [line.split('/') for line in done.stdout.decode().splitlines() if line.startswith('/')]
    return sorted(entry[5] for entry in entries if entry[1] != '0' and entry[5] not in ('.', '..'))


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
        # What lies in place: mostly the old names, unless the kernel has already written that block back.
        lies_there = raw_names(image)
        assert sorted(ignored) == lies_there, where + 'the journal was not ignored: %r, debugfs %r' % (ignored, lies_there)


@case(6)
def no_reading_command_changes_a_byte(place):
    image, _, _ = snapshot(place, 'dirty', 32 << 20, ['-t', 'ext4', '-b', '1024'], pending_work)
    os.chmod(image, 0o444)
    before = os.stat(image)
    for command in (['check'], ['check', '-f', '-y'], ['df'], ['backups'], ['backups', '--scan'], ['ls', '-lR'],
                    ['ls', '--deleted'], ['ls', '--lost'], ['restore', '--dry-run'], ['repair', '--superblock', '-n'],
                    ['restore', '--output', os.path.join(place.folder, 'out')],
                    ['restore', '--deleted', '--tar', os.path.join(place.folder, 'tar')]):
        # Unchanged compares every byte.
        result = place.text(*command, image=image)
        assert result.status in (0, 4), '%s: exit status %d: %r' % (command, result.status, result.err[-300:])
    for what in (['super'], ['group', '0'], ['inode', '/'], ['dir', '/'], ['extents', '/folder01'], ['xattrs', '/'],
                 ['journal'], ['block', '1']):
        result = place.text('show', image=image, after=what)
        assert result.status == 0, '%s: exit status %d: %r' % (what, result.status, result.err[-300:])
    place.text('cat', image=image, after=('/new-directory/inside',))
    after = os.stat(image)
    assert (before.st_mtime_ns, before.st_size) == (after.st_mtime_ns, after.st_size), 'it was opened for writing'


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


@case(12)
def names_that_the_directory_has_no_more_come_back(place):
    place.make(64 << 20, '-t', 'ext4', '-b', '4096')
    with working(place.image) as root:
        fill(root)
    wanted = {'file%03d' % i for i in range(30)}
    with working(place.image) as root:
        for name in wanted:
            os.unlink(root + '/folder05/' + name)
        os.sync()
        inode = os.stat(root + '/folder05').st_ino
    # Only where the kernel wiped the entries is the journal the one place that has the names.
    blocks = [int(block) for block in place.debugfs('blocks <%d>' % inode).split()]
    left = b''.join(place.read(block * 4096, 4096) for block in blocks)
    if any(name.encode() in left for name in wanted):
        raise Skip('this kernel leaves names in the directory')
    listed = {line.rsplit('/', 1)[-1] for line in names(place, '/folder05', '--deleted')}
    assert len(listed & wanted) >= 0.9 * len(wanted), '%d of %d names are listed: %r' % (
        len(listed & wanted), len(wanted), sorted(listed)[:5])


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
