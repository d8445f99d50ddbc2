# SPDX-License-Identifier: MIT
"""Who is right where `check` finds an error on an image that e2fsck has repaired and calls clean. Told
by witnesses, finding by finding, and by no list of images: Linux, which calls the very file that the
finding names damaged, or the filesystem; debugfs, which counts what e2fsck does not; and, where the
problem is one that only later versions of e2fsck know, the later one that made the oracle."""

import contextlib
import errno
import os
import re
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, '..', 'agreement'))

import damage_agrees    # noqa: E402
import damage_proofs    # noqa: E402
import judge            # noqa: E402

INODES = 4096           # as many as debugfs is asked about


def is_damage(error):
    """Linux says EUCLEAN of what contradicts the format, and other words of what it does not support."""
    if isinstance(error, subprocess.CalledProcessError):
        return os.strerror(errno.EUCLEAN) in (error.stderr or b'').decode('utf-8', 'replace')
    return error.errno == errno.EUCLEAN


def linux(image, finding):
    """What Linux says of the path of the finding, or of the whole image."""
    try:
        with judge.mounted(image, 'ro,noload') as root:
            if 'path' not in finding['where']:
                return None
            path = os.fsencode(root) + judge.decode_name(finding['where'], 'path')
            with contextlib.suppress(PermissionError):
                if os.path.isdir(path):
                    os.listdir(path)
                elif os.lstat(path) and os.path.isfile(path):
                    with open(path, 'rb') as file:
                        while file.read(1 << 20):
                            pass
    except (subprocess.CalledProcessError, OSError) as error:
        return 'Linux calls it damaged' if is_damage(error) else None
    return None


def owners(image, finding):
    """Of an attribute block whose owners are miscounted: debugfs names each inode that has it."""
    if finding['code'] != 'xattr-reference-count':
        return None
    status, said = damage_proofs.run('debugfs', '-R', 'stats -h', image)
    count = re.search(r'Inode count: +([0-9]+)', said)
    if status != 0 or not count or int(count.group(1)) > INODES:
        return None
    requests = os.path.join(os.path.dirname(image), 'requests')
    with open(requests, 'w', encoding='ascii') as file:
        file.writelines('stat <%d>\n' % ino for ino in range(1, int(count.group(1)) + 1))
    status, said = damage_proofs.run('debugfs', '-f', requests, image)
    found = 0
    for one in said.split('debugfs: stat ')[1:]:
        block = re.search(r'File ACL: ([0-9]+)', one)
        links = re.search(r'Links: ([0-9]+)', one)
        found += bool(block and links and int(links.group(1)) and int(block.group(1)) == finding['where']['block'])
    # The field has not this value, or e2fsck did not count.
    return 'debugfs counts %d' % found if found == finding['expected'] != finding['found'] else None


def version():
    """Of the e2fsck here: (1, 47, 0)."""
    _, said = damage_proofs.run('e2fsck', '-V')
    numbers = re.search(r'e2fsck ([0-9]+)\.([0-9]+)\.?([0-9]*)', said)
    return tuple(int(n or 0) for n in numbers.groups()) if numbers else (0, 0, 0)


def later_version(finding, oracle):
    """A problem that e2fsck knows from 1.47.1 on: the later one asks about it in this image."""
    unknown = [code for code in finding['e2fsck'] if code in damage_agrees.NEWER]
    if not unknown or version() >= (1, 47, 1):
        return None
    for run in [oracle['fsck_n']] + oracle['repair']['runs']:
        for code in unknown:
            if any(c['code'] == code and c['kind'] == 'question' for c in run['codes']):
                return '%s asks about %s, which this version does not know' % (oracle['tool'], code)
    return None


def witness(image, finding, oracle):
    """Why the finding is right, or None. The image is read alone."""
    return linux(image, finding) or owners(image, finding) or later_version(finding, oracle)
