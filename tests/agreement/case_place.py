# SPDX-License-Identifier: MIT
"""Where a case is made, and what the cases say of a result: a folder with an image, and the tools at hand."""

import contextlib
import os
import re
import subprocess

import judge
from judge import Unchanged

CASES = []


def case(number):
    """A case is a function named as a sentence; its number is that of the list it comes from."""
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


def sync_path(path):
    fd = os.open(path, os.O_RDONLY)
    os.fsync(fd)
    os.close(fd)


def top_names(walk, folder=b'/'):
    prefix = folder.rstrip(b'/') + b'/'
    return sorted(os.fsdecode(path[len(prefix):]) for path in walk
                  if path.startswith(prefix) and b'/' not in path[len(prefix):] and path != folder)
