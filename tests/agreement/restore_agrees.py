# SPDX-License-Identifier: MIT
"""`restore` of intact images against the kernel's own mount: what is copied out into a folder, as root,
is the same in every attribute, or stands in the sidecar; the pax archive that an ordinary user makes
holds the same, as Python's tarfile reads it, and as GNU tar and bsdtar unpack it, where they are."""

import copy
import fcntl
import hashlib
import json
import os
import shutil
import struct
import subprocess
import tarfile

import images
import judge

NOBODY = 65534
# Each image is walked four times: a run of `make check` takes what differs in attributes and content.
USUAL = ['ext2-rev0', 'ext3-4k', 'ext4-1k', 'ext4-inline', 'ext4-external-journal', 'ext4-everything']
# The copy has inodes, change times and directory sizes of its own.
SIDECAR = b'/fsck-lite-attributes.jsonl'
ITS_OWN = ('inode', 'ctime', 'flags')
FLAGS_CHOSEN = 0x628340ff       # those that chattr(1) sets
TAR_TYPES = {tarfile.REGTYPE: 'file', tarfile.DIRTYPE: 'directory', tarfile.SYMTYPE: 'symlink',
             tarfile.CHRTYPE: 'character_device', tarfile.BLKTYPE: 'block_device', tarfile.FIFOTYPE: 'fifo',
             tarfile.GNUTYPE_SPARSE: 'file', tarfile.AREGTYPE: 'file', tarfile.CONTTYPE: 'file'}


def readable(walk):
    """Without what the kernel itself does not read, and without the folder that mke2fs makes."""
    return {path: entry for path, entry in walk.items() if not path.startswith(b'/encrypted/') and
            path not in (b'/', b'/lost+found', SIDECAR)}


def without_huge(walk):
    """An xattr that only ea_inode can hold fits into few filesystems; it stands in the sidecar."""
    for entry in walk.values():
        entry['xattrs'] = {name: value for name, value in entry['xattrs'].items() if len(value) < 3500}
    return walk


def compare(failures, name, ours, theirs, off=()):
    failures.equal(name, 'paths that only we have', sorted(set(ours) - set(theirs))[:5], [])
    failures.equal(name, 'paths that we do not have', sorted(set(theirs) - set(ours))[:5], [])
    for path in sorted(set(ours) & set(theirs)):
        for member, expected in theirs[path].items():
            if member in ITS_OWN or member in off or member not in ours[path]:
                continue
            if theirs[path]['type'] == 'directory' and member in ('size', 'links'):
                continue
            # Looking at the first name of a file moves the time that its other names show.
            if member == 'atime' and theirs[path]['links'] > 1:
                continue
            failures.equal('%s %r' % (name, path), member, ours[path][member], expected)


def expected_status(walk):
    """Files that are encrypted cannot be had without their key: that much fails."""
    return 4 if any(path.startswith(b'/encrypted/') for path in walk) else 0


def sidecar(path):
    """{path: its lines} of what the target could not take."""
    said = {}
    with open(path, encoding='utf-8') as lines:
        for line in lines:
            entry = json.loads(line)
            said.setdefault(b'/' + judge.decode_name(entry, 'path'), []).append(entry)
    return said


def judge_sidecar(failures, name, said, ours, theirs):
    """Nothing stands there without need, and nothing that is missing is missing there."""
    for path, entry in theirs.items():
        if path.startswith(b'/encrypted') or path not in ours:
            continue
        lines = said.pop(path, [])
        told = {judge.decode_name(line, 'xattr'): bytes.fromhex(line['value_hex']) for line in lines if 'value_hex' in line}
        missing = {key: value for key, value in entry['xattrs'].items() if key not in ours[path]['xattrs']}
        failures.equal('%s %r' % (name, path), 'xattrs', told, missing)
        flags = [int(line['flags'], 0) for line in lines if 'flags' in line]
        failures.equal('%s %r' % (name, path), 'flags', flags, [entry['flags']] if entry.get('flags') else [])
        other = [line for line in lines if not {'value_hex', 'flags', 'project'} & set(line)]
        failures.equal('%s %r' % (name, path), 'other lines', other, [])
    rest = {path for path in said if not path.startswith(b'/encrypted') and path not in (b'/', b'/lost+found')}
    failures.equal(name, 'lines about what is not there', sorted(rest), [])


def copied_out(failures, image, theirs, folder):
    target = os.path.join(folder, 'out')
    with judge.Unchanged(image.path) as unchanged:
        result = unchanged.run('restore', '--preserve-privileged', *images.journal_option(image), ..., '--output',
                               target)
    failures.equal(image.name, 'exit status of restore', result.status, expected_status(theirs))
    ours = judge.kernel_walk(target)
    said = sidecar(os.fsencode(target) + SIDECAR) if SIDECAR in ours else {}
    judge_sidecar(failures, image.name + ' sidecar', said, ours, theirs)
    # Where the folder lies may not take every xattr or time; that is no fault of ours.
    compare(failures, image.name + ' copied out', readable(without_huge(ours)), readable(without_huge(copy.deepcopy(theirs))))
    holes = [path for path, entry in theirs.items() if entry['type'] == 'file' and entry['size'] > 1 << 20]
    for path in holes:
        used = os.stat(os.fsencode(target) + path).st_blocks * 512 if path in ours else 0
        failures.true('%s %r' % (image.name, path), 'holes were filled: %d bytes for %d' % (used, theirs[path]['size']),
                      used <= max(theirs[path]['sectors'] * 512 * 3, 1 << 20))
    shutil.rmtree(target, ignore_errors=True)


def member_path(name):
    name = os.path.normpath(b'/' + name.encode('utf-8', 'surrogateescape'))
    return b'/' + name.lstrip(b'/')


def of_archive(path):
    """({path: attributes}, count of members) of a pax archive; hard links have the attributes of what they name."""
    walk, members = {}, 0
    with tarfile.open(path) as archive:
        for member in archive:
            members += 1
            name = member_path(member.name)
            if member.type == tarfile.LNKTYPE:
                walk[name] = walk[member_path(member.linkname)]
                continue
            entry = {'type': TAR_TYPES[member.type], 'mode': member.mode & 0o7777, 'uid': member.uid,
                     'gid': member.gid, 'xattrs': {}}
            entry['mtime'] = exact_time(member)
            if entry['type'] == 'file':
                entry['size'] = member.size
                total = hashlib.sha256()
                with archive.extractfile(member) as file:
                    while data := file.read(1 << 20):
                        total.update(data)
                entry['sha256'] = total.hexdigest()
            elif entry['type'] == 'symlink':
                entry['target'] = member.linkname.encode('utf-8', 'surrogateescape')
            elif entry['type'].endswith('_device'):
                entry['device'] = (member.devmajor, member.devminor)
            for key, value in member.pax_headers.items():
                if key.startswith('SCHILY.xattr.'):
                    entry['xattrs'][key[13:].encode('utf-8', 'surrogateescape')] = value.encode(
                        'utf-8', 'surrogateescape')
            walk[name] = entry
    return walk, members


def exact_time(member):
    """Nanoseconds of a member: tarfile makes a float of the header, which holds too few digits."""
    text = member.pax_headers.get('mtime')
    if text is None:
        return int(member.mtime) * 10**9
    sign = -1 if text.startswith('-') else 1
    whole, _, part = text.lstrip('-').partition('.')
    return sign * (int(whole) * 10**9 + int((part + '0' * 9)[:9]))


def archived(failures, image, theirs, folder):
    archive = os.path.join(folder, 'out.tar')
    os.chmod(folder, 0o777)
    with judge.Unchanged(image.path):
        with open(archive, 'wb') as out:
            done = subprocess.run(
                [judge.tool(), 'restore', '--tar', '-', *images.journal_option(image), image.path], stdout=out,
                stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, timeout=300,
                preexec_fn=lambda: (os.setgroups([]), os.setgid(NOBODY), os.setuid(NOBODY)))
    failures.equal(image.name, 'exit status of restore --tar', done.returncode, expected_status(theirs))
    ours, members = of_archive(archive)
    wanted = readable(copy.deepcopy(theirs))
    for entry in wanted.values():
        # ACLs stand in the archive as text, under keys of their own; sockets fit into none.
        entry['xattrs'] = {k: v for k, v in entry['xattrs'].items() if not k.startswith(b'system.')}
    for entry in ours.values():
        entry['xattrs'] = {k: v for k, v in entry['xattrs'].items() if not k.startswith(b'system.')}
    wanted = {path: entry for path, entry in wanted.items() if entry['type'] != 'socket'}
    ours = {path: entry for path, entry in readable(ours).items() if path in wanted or entry['type'] != 'socket'}
    compare(failures, image.name + ' archived', ours, wanted, ('links',))
    for reader, unpack in READERS.items():
        if shutil.which(reader):
            listed = subprocess.run([reader, '-tf', archive], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                    env=dict(os.environ, LC_ALL='C.UTF-8'))
            # bsdtar complains of names that are no UTF-8, and goes on.
            # GNU tar says that it does not know a record that bsdtar needs.
            said = [line for line in listed.stderr.splitlines() if b'be converted' not in line and
                    b'delayed from previous' not in line and b'hdrcharset' not in line]
            failures.equal(image.name, 'complaints of ' + reader, said[:3], [])
            failures.equal(image.name, 'members that %s lists' % reader, listed.stdout.count(b'\n'), members)
            unpacked(failures, image, archive, theirs, os.path.join(folder, reader), unpack)
    os.unlink(archive)


READERS = {'tar': ['tar', '--xattrs', '--xattrs-include=*', '--acls', '--numeric-owner', '-xpf'],
           'bsdtar': ['bsdtar', '--xattrs', '--acls', '--numeric-owner', '-xpf']}


def unpacked(failures, image, archive, theirs, target, unpack):
    """What another program makes of the archive, as root."""
    os.mkdir(target)
    subprocess.run(unpack + [archive, '-C', target], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                   env=dict(os.environ, LC_ALL='C.UTF-8'))
    ours = readable(without_huge(judge.kernel_walk(target)))
    wanted = readable(without_huge(copy.deepcopy(theirs)))
    wanted = {path: entry for path, entry in wanted.items() if entry['type'] != 'socket'}
    if unpack[0] == 'bsdtar':   # it takes the sign for that of the seconds alone
        for path in [path for path, entry in wanted.items() if entry['mtime'] < 0 and entry['mtime'] % 10**9]:
            ours.pop(path, None)
            del wanted[path]
    # They give no access times back unless asked to in ways of their own; the header has them.
    compare(failures, '%s unpacked by %s' % (image.name, unpack[0]), ours, wanted, ('atime',))
    shutil.rmtree(target, ignore_errors=True)


def add_sectors(root, walk):
    for path, entry in walk.items():
        entry['sectors'] = os.lstat(os.fsencode(root) + path).st_blocks
        if entry['type'] in ('file', 'directory') and not path.startswith(b'/encrypted'):
            fd = os.open(os.fsencode(root) + path, os.O_RDONLY)
            try:
                flags = struct.unpack('I', fcntl.ioctl(fd, 0x80086601, bytes(8))[:4])[0]
            except OSError:
                flags = 0
            os.close(fd)
            entry['flags'] = flags & FLAGS_CHOSEN


def main():
    judge.private_mounts()
    judge.need('tune2fs', 'e2fsck', 'debugfs')
    judge.tool()
    os.umask(0)
    failures = judge.Failures()
    for image in images.chosen(USUAL):
        if not image.mount:
            continue
        try:
            with images.kernel_view(image) as root:
                theirs = judge.kernel_walk(root)
                add_sectors(root, theirs)
            with judge.scratch(dir=images.folder()) as folder:
                copied_out(failures, image, theirs, folder)
                archived(failures, image, theirs, folder)
        except Exception as error:
            failures.add(image.name, type(error).__name__, str(error)[:500])
    failures.end('restore agrees')


if __name__ == '__main__':
    main()
