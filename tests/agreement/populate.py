# SPDX-License-Identifier: MIT
"""Fills a mounted filesystem with everything a tree can hold, the same for the same seed. What the
filesystem under test cannot take (xattrs, large files, no space) is left out in silence: the judges
compare with what the kernel shows afterwards, never with a list made here."""

import contextlib
import ctypes
import errno
import fcntl
import os
import random
import stat
import struct

FS_IOC_SETFLAGS, FS_IOC_GETFLAGS = 0x40086602, 0x80086601
FS_IMMUTABLE, FS_APPEND, FS_NODUMP, FS_PROJINHERIT = 0x10, 0x20, 0x40, 0x20000000
FS_IOC_ADD_KEY, FS_IOC_SET_POLICY = 0xC0506617, 0x800C6613
FALLOC_KEEP_SIZE, FALLOC_PUNCH_HOLE, FALLOC_ZERO_RANGE = 1, 2, 16

TOLERATED = (errno.ENOSPC, errno.EOPNOTSUPP, errno.ENOTSUP, errno.E2BIG, errno.EFBIG, errno.EINVAL, errno.ERANGE,
             errno.ENOTTY, errno.EMLINK, errno.EOVERFLOW, errno.ENAMETOOLONG, errno.EPERM, errno.ENODATA)


@contextlib.contextmanager
def tolerate():
    try:
        yield
    except OSError as error:
        if error.errno not in TOLERATED:
            raise


def acl(*entries):
    """A POSIX ACL as the kernel's xattr interface takes it: version 2, then (tag, permissions, id)."""
    return struct.pack('<I', 2) + b''.join(struct.pack('<HHI', *entry) for entry in entries)


USER_OBJ, USER, GROUP_OBJ, GROUP, MASK, OTHER, NO_ID = 1, 2, 4, 8, 16, 32, 0xFFFFFFFF
CAPABILITY = struct.pack('<IIIII', 0x02000001, 0x2000, 0, 0, 0)     # cap_net_raw=ep


class Populator:
    """`scale` shrinks the large things; `limit` bounds xattrs and symlinks, in bytes: mke2fs -d gives
    up on the long ones."""

    def __init__(self, root, seed, scale=1.0, limit=1 << 20, giant=False):
        self.root = root
        self.limit, self.giant = limit, giant
        self.random = random.Random(seed)
        self.scale = scale
        self.noise = self.random.randbytes(1 << 20)

    def at(self, name):
        return os.path.join(os.fsencode(self.root), os.fsencode(name))

    def bytes(self, size):
        start = self.random.randrange(1 << 12)
        whole, rest = divmod(size, len(self.noise) - (1 << 12))
        return self.noise[start:start + len(self.noise) - (1 << 12)] * whole + self.noise[start:start + rest]

    def write(self, name, data, at=0):
        with tolerate():
            fd = os.open(self.at(name), os.O_WRONLY | os.O_CREAT, 0o644)
            try:
                os.pwrite(fd, data, at)
            finally:
                os.close(fd)

    def make_directory(self, name):
        with tolerate():
            os.mkdir(self.at(name))

    def xattr(self, name, attribute, value):
        if len(value) > self.limit:
            return
        with tolerate():
            os.setxattr(self.at(name), attribute, value, follow_symlinks=False)

    def flags(self, name, flags):
        with tolerate():
            fd = os.open(self.at(name), os.O_RDONLY)
            try:
                old = struct.unpack('L', fcntl.ioctl(fd, FS_IOC_GETFLAGS, struct.pack('L', 0)))[0]
                fcntl.ioctl(fd, FS_IOC_SETFLAGS, struct.pack('L', old | flags))
            finally:
                os.close(fd)

    # ---- one family of things each ----

    def small_files(self):
        self.make_directory('small')
        for size in (0, 1, 59, 60, 61, 100, 155, 156, 157, 200, 600, 1023, 1024, 1025, 4095, 4096, 4097, 12288, 13000,
                     50000, 65536, 65537):
            self.write('small/%d' % size, self.bytes(size))

    def large_files(self):
        self.make_directory('large')
        self.write('large/plain', self.bytes(int(2_500_000 * self.scale)))
        self.write('large/tail-hole', self.bytes(20_000))
        with tolerate():
            os.truncate(self.at('large/tail-hole'), 5_242_880)
        self.write('large/hole-first', self.bytes(5000), at=3_000_000)
        # One extent a block: with 800 of them the tree grows to depth 1 or 2.
        with tolerate():
            fd = os.open(self.at('large/comb'), os.O_WRONLY | os.O_CREAT, 0o600)
            try:
                block = os.fstatvfs(fd).f_bsize
                for i in range(int(800 * self.scale)):
                    os.pwrite(fd, self.noise[i:i + min(block, 1024)], 2 * i * block)
            finally:
                os.close(fd)
        # Beyond what double indirection reaches with 1k blocks.
        self.write('large/triple', self.bytes(3000), at=70_000_000)
        if self.giant:      # larger than 32 bits count
            self.write('large/giant', b'end', at=(4 << 30) + 4711)

    def unwritten_files(self):
        self.make_directory('unwritten')
        for name, mode, start, length in (('tail', FALLOC_KEEP_SIZE, 0, 300_000), ('all', 0, 0, 200_000),
                                          ('punched', FALLOC_PUNCH_HOLE | FALLOC_KEEP_SIZE, 10_000, 30_000),
                                          ('zeroed', FALLOC_ZERO_RANGE, 5_000, 40_000)):
            path = 'unwritten/' + name
            self.write(path, self.bytes(1000 if name in ('tail', 'all') else 80_000))
            with tolerate():
                fd = os.open(self.at(path), os.O_RDWR)
                try:
                    self.fallocate(fd, mode, start, length)
                    if name == 'all':
                        os.pwrite(fd, b'in the middle', 100_000)
                finally:
                    os.close(fd)

    @staticmethod
    def fallocate(fd, mode, start, length):
        libc = ctypes.CDLL(None, use_errno=True)
        result = libc.fallocate(fd, mode, ctypes.c_longlong(start), ctypes.c_longlong(length))
        if result:
            raise OSError(ctypes.get_errno(), 'fallocate')

    def directories(self):
        self.make_directory('empty')
        path = 'deep'
        for level in range(40):
            self.make_directory(path)
            if level % 7 == 0:
                self.write(path + '/file', self.bytes(level * 11))
            path += '/d%d' % level
        self.make_directory('wide')
        for i in range(int(3000 * self.scale)):
            with tolerate():
                os.close(os.open(self.at('wide/name_%05d_%x' % (i, self.random.getrandbits(48))),
                                 os.O_CREAT | os.O_WRONLY, 0o644))
        # A directory that was large once: blocks of nothing but free entries stay behind.
        self.make_directory('shrunk')
        names = ['shrunk/' + 'x' * 100 + str(i) for i in range(int(400 * self.scale))]
        for name in names:
            self.write(name, b'')
        for name in names[3:]:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(self.at(name))

    def names(self):
        self.make_directory('names')
        for name in (b'n' * 255, 'grüße-Ω-日本語'.encode(), b'latin1-\xe4\xf6\xfc', b'not utf-8 \xff\xfe', b'new\nline',
                     b'tab\t and "quotes" \\', b'-rf', b' leading and trailing ', b'...', b'..x', b'\x01\x7f', b'$HOME;*?',
                     'e\u0301 decomposed'.encode(), ('ü' * 127).encode()):
            self.write(b'names/' + name, name)
            self.make_directory(b'names/' + name[:200] + b'.d')

    def links(self):
        self.make_directory('links')
        self.write('links/one', self.bytes(3000))
        for i in range(5):
            with tolerate():
                os.link(self.at('links/one'), self.at('links/hard%d' % i))
        with tolerate():
            os.link(self.at('links/one'), self.at('hard-at-root'))
        for length in (1, 58, 59, 60, 61, 155, 156, 157, 300, 1023, 1024, 4094):
            if length > self.limit:
                continue
            target = (b'../' * 2000)[:length - 1] + b'z'
            with tolerate():
                os.symlink(target, self.at('links/symlink%d' % length))
        with tolerate():
            os.symlink(b'\xff not utf-8', self.at('links/odd'))
        with tolerate():
            os.lchown(self.at('links/symlink58'), 70000, 70001)

    def special(self):
        self.make_directory('special')
        for name, mode, device in (('fifo', stat.S_IFIFO, 0), ('socket', stat.S_IFSOCK, 0),
                                   ('null', stat.S_IFCHR, os.makedev(1, 3)),
                                   ('char-big', stat.S_IFCHR, os.makedev(259, 65539)),
                                   ('block', stat.S_IFBLK, os.makedev(8, 17)),
                                   ('block-big', stat.S_IFBLK, os.makedev(1000, 300000))):
            with tolerate():
                os.mknod(self.at('special/' + name), mode | 0o640, device)
        for mode in (0o4755, 0o2755, 0o1777, 0o0, 0o7777):
            self.write('special/mode%o' % mode, b'mode')
            with tolerate():
                os.chown(self.at('special/mode%o' % mode), mode, 100000 + mode)
            with tolerate():
                os.chmod(self.at('special/mode%o' % mode), mode)
        self.make_directory('special/sticky')
        with tolerate():
            os.chmod(self.at('special/sticky'), 0o3777)

    def xattrs(self):
        self.make_directory('xattrs')
        for name, values in (('tiny', {'user.a': b'1'}), ('empty', {'user.empty': b''}),
                             ('several', {'user.%02d' % i: self.bytes(i) for i in range(12)}),
                             ('block', {'user.long': self.bytes(700)}),
                             ('more', {'user.body': self.bytes(300), 'user.block': self.bytes(400), 'trusted.t': b't'}),
                             ('large', {'user.large': self.bytes(3000), 'user.small': b'x'}),
                             ('huge', {'user.huge': self.bytes(20000)}),
                             ('same1', {'user.shared': b's' * 500}), ('same2', {'user.shared': b's' * 500}),
                             ('same3', {'user.shared': b's' * 500}),
                             ('named', {'user.' + 'n' * 240: b'long name', 'user.ü': b'utf-8'}),
                             ('secure', {'security.capability': CAPABILITY, 'security.selinux': b'system_u:object_r:t\0'}),
                             ('trusted', {'trusted.overlay.opaque': b'y'})):
            self.write('xattrs/' + name, self.bytes(100))
            for attribute, value in values.items():
                self.xattr('xattrs/' + name, attribute, value)
        access = acl((USER_OBJ, 6, NO_ID), (USER, 4, 1001), (USER, 7, 1002), (GROUP_OBJ, 4, NO_ID), (GROUP, 6, 2001),
                     (MASK, 6, NO_ID), (OTHER, 0, NO_ID))
        self.write('xattrs/acl', b'acl')
        self.xattr('xattrs/acl', 'system.posix_acl_access', access)
        self.make_directory('xattrs/acl.d')
        self.xattr('xattrs/acl.d', 'system.posix_acl_access', access)
        self.xattr('xattrs/acl.d', 'system.posix_acl_default', access)
        self.write('xattrs/acl.d/inherits', b'x')
        self.make_directory('xattrs/acl.d/sub')
        with tolerate():
            os.symlink('nowhere', self.at('xattrs/symlink'))
        self.xattr('xattrs/symlink', 'trusted.on-a-symlink', b'yes')
        with tolerate():
            os.mknod(self.at('xattrs/fifo'), stat.S_IFIFO | 0o600)
        self.xattr('xattrs/fifo', 'trusted.on-a-fifo', b'yes')
        self.xattr('', 'user.root', b'the root has one too')

    def deleted(self):
        self.make_directory('deleted')
        for i in range(60):
            self.write('deleted/file%d' % i, self.bytes(i * 200))
        for i in range(0, 60, 2):
            with contextlib.suppress(FileNotFoundError):
                os.unlink(self.at('deleted/file%d' % i))

    def projects(self):
        """A project number on a directory that hands it down; only with the project feature."""
        FS_IOC_FSGETXATTR, FS_IOC_FSSETXATTR = 0x801C581F, 0x401C5820
        self.make_directory('project')
        with tolerate():
            fd = os.open(self.at('project'), os.O_RDONLY)
            try:
                value = bytearray(fcntl.ioctl(fd, FS_IOC_FSGETXATTR, bytes(28)))
                struct.pack_into('<I', value, 12, 4711)
                struct.pack_into('<I', value, 0, struct.unpack_from('<I', value)[0] | 0x200)
                fcntl.ioctl(fd, FS_IOC_FSSETXATTR, bytes(value))
            finally:
                os.close(fd)
        self.write('project/file', self.bytes(9000))

    def encrypted(self):
        """A directory whose names and contents are encrypted; the key goes with the mount."""
        self.make_directory('encrypted')
        fd = os.open(self.root, os.O_RDONLY)
        try:
            key = struct.pack('<II32sII32s', 2, 0, bytes(32), 64, 0, bytes(32)) + self.random.randbytes(64)
            argument = bytearray(key)
            try:
                fcntl.ioctl(fd, FS_IOC_ADD_KEY, argument, True)
            except OSError:
                return      # no encrypt feature, or a kernel without fscrypt
            policy = struct.pack('<BBBBB3s', 2, 1, 4, 3, 0, bytes(3)) + bytes(argument[8:24])
            folder = os.open(self.at('encrypted'), os.O_RDONLY)
            try:
                fcntl.ioctl(folder, FS_IOC_SET_POLICY, policy)
            finally:
                os.close(folder)
        finally:
            os.close(fd)
        for i in range(200):
            self.write('encrypted/a name of some length, number %d' % i, self.bytes(i * 37))
        self.write('encrypted/' + 'e' * 250, b'long')
        self.write('encrypted/x', b'')
        self.make_directory('encrypted/sub')
        self.write('encrypted/sub/inner', self.bytes(5000))
        with tolerate():
            os.symlink('a target that nobody can read', self.at('encrypted/symlink'))

    def times(self):
        self.make_directory('times')
        for seconds in (-2147483648, -2000000000, -1, 0, 1, 1000000000, 2147483647, 2147483648, 4102444800, 4294967295,
                        4294967296, 6442450943, 10000000000, 15032385535):
            for nanoseconds in (0, 1, 999999999):
                name = 'times/%d.%09d' % (seconds, nanoseconds)
                self.write(name, b'time')
                self.set_time(name, seconds * 10**9 + nanoseconds)

    def set_time(self, name, nanoseconds):
        with tolerate():
            os.utime(self.at(name), ns=(nanoseconds - 7 * 10**9, nanoseconds), follow_symlinks=False)

    def all_times(self):
        """Every remaining time comes from the seed too (children first, as they touch their parent)."""
        for folder, directories, files in os.walk(os.fsencode(self.root), topdown=False):
            for name in sorted(directories) + sorted(files):
                path = os.path.join(folder, name)
                if b'/times/' not in path:
                    self.set_time(path, self.random.randrange(10**9 * 1_200_000_000, 10**9 * 1_700_000_000))

    def everything(self):
        for family in (self.small_files, self.directories, self.names, self.links, self.special, self.xattrs,
                       self.large_files, self.unwritten_files, self.deleted, self.projects, self.encrypted, self.times,
                       self.all_times):
            family()
        self.write('immutable', b'cannot change')
        self.flags('immutable', FS_IMMUTABLE)
        self.write('append', b'grows only')
        self.flags('append', FS_APPEND | FS_NODUMP)
