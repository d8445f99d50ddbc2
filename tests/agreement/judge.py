# SPDX-License-Identifier: MIT
"""What every judge of this folder needs: to find the tool, to skip aloud where the machine cannot
judge, to run a command and prove that the image did not change by a bit, to mount an image and to
walk a tree as the kernel shows it. The judges themselves know what has to agree with what."""

import atexit
import base64
import contextlib
import ctypes
import hashlib
import json
import os
import shutil
import stat
import subprocess
import sys
import tempfile

SKIP = 77
SANITIZER_EXIT = 99     # ASan, UBSan and friends end with this, so that no documented status hides them
DOCUMENTED = (0, 1, 4, 8, 16, 32)


def skip(why):
    """Ends the test as skipped, and says why."""
    print('SKIP:', why)
    sys.exit(SKIP)


def tool():
    """The binary under test: FSCK_LITE, or the one of this build tree."""
    for path in (os.environ.get('FSCK_LITE'), 'fsck-lite/fsck-lite', './fsck-lite'):
        if path and os.path.isfile(path) and os.access(path, os.X_OK):
            return os.path.abspath(path)
    skip('no fsck-lite binary: set FSCK_LITE')


def need(*programs):
    """Skips unless every program is there; the sbin folders count even when PATH lacks them."""
    os.environ['PATH'] += ':/usr/sbin:/sbin'
    for program in programs:
        if not shutil.which(program):
            skip('needs ' + program)


def need_root():
    if os.geteuid() != 0:
        skip('needs root (loop mounts)')


def private_mounts():
    """Moves this process into a mount namespace of its own: whatever happens, no mount outlives it."""
    need_root()
    need('mount', 'umount', 'mke2fs')
    libc = ctypes.CDLL(None, use_errno=True)
    CLONE_NEWNS, MS_REC, MS_PRIVATE = 0x20000, 0x4000, 0x40000
    if libc.unshare(CLONE_NEWNS) != 0 or libc.mount(None, b'/', None, MS_REC | MS_PRIVATE, None) != 0:
        skip('cannot make a mount namespace')
    with scratch() as folder:
        image = os.path.join(folder, 'probe.img')
        make_sparse(image, 1 << 20)
        subprocess.run(['mke2fs', '-q', '-F', image], check=True, stdin=subprocess.DEVNULL)
        try:
            with mounted(image):
                pass
        except subprocess.CalledProcessError:
            skip('cannot mount a loop device')


@contextlib.contextmanager
def scratch(**arguments):
    folder = tempfile.mkdtemp(prefix='fsck-lite-', **arguments)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def make_sparse(path, size):
    with open(path, 'wb') as image:
        image.truncate(size)


@contextlib.contextmanager
def mounted(image, options='ro', write=False, kind='auto'):
    """Mounts a copy-free loop of `image`; read-only unless `write`. Gives the mount point. As kind ext4, Linux takes
    what ext2 has, too, and the options of ext4."""
    folder = tempfile.mkdtemp(prefix='fsck-lite-mount-')
    what = 'loop,rw,noatime' if write else 'loop,' + options
    if write and options != 'ro':
        what += ',' + options
    try:
        subprocess.run(['mount', '-t', kind, '-o', what, image, folder], check=True,
                       stdin=subprocess.DEVNULL, stderr=subprocess.PIPE)
        try:
            yield folder
        finally:
            subprocess.run(['umount', folder], check=True)
    finally:
        os.rmdir(folder)


def fingerprint(path):
    """sha256 over size, and place and content of all that is not zero: the file's content, and fast
    on holes. The pieces are aligned, so that what the host does to its holes does not matter."""
    piece = 1 << 16
    total = hashlib.sha256()
    with open(path, 'rb', buffering=0) as image:
        fd, size, at = image.fileno(), os.fstat(image.fileno()).st_size, 0
        total.update(b'%d' % size)
        while at < size:
            try:
                start = os.lseek(fd, at, os.SEEK_DATA)
            except OSError:
                break
            end = os.lseek(fd, start, os.SEEK_HOLE)
            at = max(at, start // piece * piece)
            while at < end:
                data = os.pread(fd, piece, at)
                if data.count(0) != len(data):
                    total.update(b'@%d' % at)
                    total.update(data)
                at += piece
    return total.hexdigest()


class Failures:
    """Collects what disagrees; a judge goes on after the first disagreement and counts at the end."""

    def __init__(self, limit=40):
        self.count = 0
        self.judged = 0
        self.limit = limit

    def add(self, *words):
        self.count += 1
        if self.count <= self.limit:
            print('DISAGREE:', *words, flush=True)

    def equal(self, where, what, ours, theirs):
        """One comparison; True when both are the same."""
        self.judged += 1
        if ours == theirs:
            return True
        self.add('%s: %s is %r, expected %r' % (where, what, ours, theirs))
        return False

    def true(self, where, what, condition):
        self.judged += 1
        if not condition:
            self.add('%s: %s' % (where, what))
        return bool(condition)

    def end(self, title):
        print('%s: %d comparisons, %d disagreements' % (title, self.judged, self.count))
        if not self.judged:
            print('nothing was compared')
            sys.exit(1)
        sys.exit(1 if self.count else 0)


class Result:
    def __init__(self, status, out, err, command):
        self.status, self.out, self.err, self.command = status, out, err, command

    @property
    def json(self):
        return json.loads(self.out)


def run(arguments, timeout=120, stdout=subprocess.PIPE, env=None):
    """Runs the tool with `arguments` (a list). A sanitizer's report or a signal is an exception."""
    command = [tool()] + list(arguments)
    environment = dict(os.environ if env is None else env)
    timeout *= int(environment.get('FSCK_LITE_SLOWER', '1'))
    environment.setdefault('ASAN_OPTIONS', 'exitcode=%d' % SANITIZER_EXIT)
    environment.setdefault('UBSAN_OPTIONS', 'halt_on_error=1:exitcode=%d' % SANITIZER_EXIT)
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=stdout,
                          stderr=subprocess.PIPE, timeout=timeout, env=environment)
    result = Result(done.returncode, done.stdout, done.stderr, command)
    if result.status not in DOCUMENTED:
        raise RuntimeError('%s: exit status %d\n%s' % (
            ' '.join(map(str, command)), result.status,
            result.err.decode('utf-8', 'replace')[-2000:]))
    return result


class Unchanged:
    """A context within which an image must not change: proves it after every command run in it."""

    def __init__(self, image):
        self.image = image

    def __enter__(self):
        self.before = fingerprint(self.image)
        return self

    def run(self, command, *arguments, **keywords):
        """COMMAND [options] IMAGE [arguments]: the image goes where `...` (Ellipsis) stands."""
        arguments = [self.image if a is Ellipsis else a for a in arguments]
        result = run([command] + arguments, **keywords)
        self.prove(' '.join(map(str, result.command)))
        return result

    def prove(self, after):
        if fingerprint(self.image) != self.before:
            raise RuntimeError('the image changed: ' + after)

    def __exit__(self, *exception):
        if exception[0] is None:
            self.prove('end of test')


def decode_name(value, name='name'):
    """The bytes of a name in JSON: `name_base64` where the name is no UTF-8."""
    if name + '_base64' in value:
        return base64.b64decode(value[name + '_base64'])
    return value[name].encode('utf-8', 'surrogateescape')


TYPES = {stat.S_IFREG: 'file', stat.S_IFDIR: 'directory', stat.S_IFLNK: 'symlink', stat.S_IFCHR: 'character_device',
         stat.S_IFBLK: 'block_device', stat.S_IFIFO: 'fifo', stat.S_IFSOCK: 'socket'}


def content_hash(path):
    """sha256 of a file's content, or the word `unreadable` (an encrypted file without its key)."""
    total = hashlib.sha256()
    try:
        with open(path, 'rb', buffering=0) as file:
            while data := file.read(1 << 20):
                total.update(data)
    except OSError:
        return 'unreadable'
    return total.hexdigest()


def kernel_walk(root, contents=True, largest=1 << 30):
    """{path from the root, bytes: attributes} of everything below and including `root`, as the
    kernel shows it. Times are in nanoseconds; xattrs a dict of bytes; inode numbers included."""
    root = os.fsencode(root)
    found = {}
    todo = [b'']
    while todo:
        path = todo.pop()
        full = root + path
        info = os.lstat(full)
        kind = stat.S_IFMT(info.st_mode)
        entry = {
            'type': TYPES[kind], 'mode': stat.S_IMODE(info.st_mode), 'uid': info.st_uid, 'gid': info.st_gid,
            'size': info.st_size, 'links': info.st_nlink, 'inode': info.st_ino, 'mtime': info.st_mtime_ns,
            'atime': info.st_atime_ns, 'ctime': info.st_ctime_ns, 'xattrs': {},
        }
        for name in os.listxattr(full, follow_symlinks=False):
            entry['xattrs'][os.fsencode(name)] = os.getxattr(full, name, follow_symlinks=False)
        if kind == stat.S_IFLNK:
            entry['target'] = os.readlink(full)
        elif kind in (stat.S_IFCHR, stat.S_IFBLK):
            entry['device'] = (os.major(info.st_rdev), os.minor(info.st_rdev))
        elif kind == stat.S_IFREG and contents and info.st_size <= largest:
            entry['sha256'] = content_hash(full)
        elif kind == stat.S_IFDIR:
            todo += [path + b'/' + name for name in os.listdir(full)]
        found[path or b'/'] = entry
    return found


def statfs(path):
    """The members of INTERFACE.md's `df` from statfs(2)."""
    v = os.statvfs(path)
    return {'block_size': v.f_bsize, 'blocks': v.f_blocks, 'used': v.f_blocks - v.f_bfree, 'free': v.f_bfree,
            'available': v.f_bavail, 'inodes': v.f_files, 'inodes_used': v.f_files - v.f_ffree,
            'inodes_free': v.f_ffree}


def say_where():
    """Failure output names the directory of the images, for a look at what disagreed."""
    atexit.register(sys.stdout.flush)
