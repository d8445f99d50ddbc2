# SPDX-License-Identifier: MIT
"""Who is right where `check` and e2fsck -fn give an image different verdicts, told by witnesses and
by no list: the kernel that refuses to mount it or to read from it, e2fsck itself where it may repair,
debugfs where e2fsck does not begin, the undamaged image's names. A disagreement without a witness stays one."""

import errno
import os
import re
import shutil
import subprocess

import judge

TIMEOUT = 60


def run(*command):
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              timeout=TIMEOUT)
        return done.returncode, done.stdout.decode('utf-8', 'replace')
    except subprocess.TimeoutExpired:
        return None, ''


def kernel_refuses(image, original):
    """What Linux does not read of it, though it reads the undamaged image; or None."""
    said = kernel_says(image)
    return said if said and not kernel_says(original) else None


def kernel_says(image):
    """What Linux does not read of it, or None."""
    try:
        with judge.mounted(image, 'ro,noload', kind='ext4') as root:
            for folder, names, files in os.walk(root, onerror=raise_it):
                if len(set(names + files)) < len(names + files):
                    return 'Linux lists a name twice'
                for name in names + files:
                    path = os.path.join(folder, name)
                    os.lstat(path)
                    if os.path.islink(path):
                        os.readlink(path)
                    elif os.path.isfile(path):
                        try:
                            with open(path, 'rb') as file:
                                while file.read(1 << 20):
                                    pass
                        except PermissionError:     # encrypted, without the key
                            pass
    except subprocess.CalledProcessError as error:
        return 'Linux does not mount it: ' + (error.stderr or b'').decode('utf-8', 'replace').strip()[:120]
    except OSError as error:
        return 'Linux does not read it: %s' % (error.strerror,)
    return None


def journal_aborts(image, work):
    """That Linux gives up the journal when it has to write to it, or None. Not a question of one write: the log is
    filled from its beginning on."""
    copy = os.path.join(work, 'written')
    shutil.copy(image, copy)
    try:
        with judge.mounted(copy, 'errors=remount-ro', write=True) as root:
            for i in range(2000):
                with open(os.path.join(root, 'journal-witness'), 'w', encoding='ascii') as file:
                    file.write('%d' % i)
                    file.flush()
                    os.fsync(file.fileno())
    except OSError as error:
        return 'Linux cannot write its journal: %s' % error.strerror if error.errno in (errno.EIO, errno.EROFS) else None
    except subprocess.CalledProcessError:
        return None
    finally:
        os.unlink(copy)
    return None


def raise_it(error):
    if error.errno != 126:      # ENOKEY
        raise error


def repair_finds(image, e2fsck):
    """What e2fsck asks about and mends when it may, or None."""
    status, _, asked, _ = e2fsck.run(image, '-y')
    if status is not None and status & 1 and asked:
        return 'e2fsck -y mends ' + ' '.join(sorted(asked)[:6])
    return None


def begins(image, document):
    """That there is a filesystem with a root behind what e2fsck does not begin with, or None."""
    copy, size = document['superblock']['block'], document['filesystem']['block_size']
    for options in (['-n'], ['-n', '-c'], ['-n', '-c', '-b', str(size), '-s', str(copy or 1)]):
        status, said = run('debugfs', *options, '-R', 'stat <2>', image)
        if status == 0 and re.search(r'Type: directory', said):
            return 'debugfs %s sees the root' % ' '.join(options)
    return None


def still_holds(image, original):
    """That most of the names of the undamaged image are read from the damaged one, or None."""
    before, now = (set(judge.run(['ls', '-R', path]).out.splitlines()) for path in (original, image))
    if 2 * len(before & now) > len(before):
        return '%d of %d names of the undamaged image are there' % (len(before & now), len(before))
    return None


def witness(image, original, record, document, e2fsck, work):
    """Why our verdict is the right one, or None. `image` as it was damaged; it is not changed."""
    copy = os.path.join(work, 'witness')
    shutil.copy(image, copy)
    try:
        ours, theirs = record['ours'], record['theirs']
        if ours == 'errors' and theirs == 'clean':
            asks = 'e2fsck -n itself asks ' + ' '.join(record['asked'][:6]) if record['asked'] else None
            return kernel_refuses(copy, original) or repair_finds(copy, e2fsck) or asks or (
                journal_aborts(copy, work) if any(slug.startswith('journal-') for slug in record['slugs']) else None)
        if ours == 'errors' and theirs == 'unusable':
            status, said, asked, _ = e2fsck.run(copy, '-y')
            if status is not None and 'Pass 1' in said and asked:
                return 'e2fsck -y begins and asks ' + ' '.join(sorted(asked)[:6])
            shutil.copy(image, copy)
            return begins(copy, document) or still_holds(copy, original)
        if ours == 'clean' and theirs == 'errors' and not record['asked']:
            status, _, asked, _ = e2fsck.run(copy, '-y')
            if status in (0, 1) and not asked:
                return 'e2fsck -y finds nothing to ask about'
        return None
    finally:
        os.unlink(copy)
