# SPDX-License-Identifier: MIT
"""The habits of fsck(8): the options that it and systemd-fsck pass, progress to a file descriptor, signals, mounted
devices, standard files that are closed. What needs root is skipped aloud without it."""

import contextlib
import fcntl
import os
import re
import signal
import subprocess
import tempfile
import time

from tally import end, ok, skip

PROGRAM = os.environ['FSCK_LITE']
MKFIXTURE = os.environ['MKFIXTURE']
RECIPES = os.path.join(os.environ['top_srcdir'], 'fixtures', 'recipes')
TIMEOUT = 60 * int(os.environ.get('FSCK_LITE_SLOWER', '1'))


def make(recipe, path):
    subprocess.run([MKFIXTURE, os.path.join(RECIPES, recipe + '.recipe'), path], check=True)
    return path


def run(program, *arguments, **keywords):
    """(status, stdout, stderr) of one run."""
    done = subprocess.run([program, *arguments], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, timeout=TIMEOUT, **keywords)
    return done.returncode, done.stdout.decode('utf-8', 'replace'), done.stderr.decode('utf-8', 'replace')


def read(path):
    with open(path, 'rb') as file:
        return file.read()


def options_of_fsck(folder, clean, broken):
    """fsck.ext4 takes what fsck(8), an initramfs and systemd-fsck pass; the status is that of check."""
    link = os.path.join(folder, 'fsck.ext4')
    os.symlink(PROGRAM, link)
    before = read(broken)
    for arguments in (['-a'], ['-p'], ['-n'], ['-y'], ['-f'], ['-v'], ['-a', '-f'], ['-fy'], ['-n', '-f', '-v'],
                      ['-a', '-C0'], ['-p', '-C', '0']):
        status, out, err = run(link, *arguments, clean)
        ok('clean %s' % arguments, status == 0, status, out, err)
        ok('clean %s: one line says so' % arguments, re.match(r'[^\n]*: clean, \d+/\d+ files, \d+/\d+ blocks', out), out)
        status, out, err = run(link, *arguments, broken)
        ok('broken %s' % arguments, status == 4, status, out, err)
        ok('broken %s: it says that it only checks' % arguments, 'only checks, nothing was changed' in out, out)
    status, out, err = run(link, '-n', '-b', '8193', '-B', '1024', broken)
    ok('-b and -B', status == 4 and 'superblock copy at block 8193' in err, status, err)
    ok('the image is as it was', read(broken) == before)
    status, out, err = run(link, '-V')
    ok('-V', status == 0 and out.startswith('fsck-lite '), status, out, err)
    ok('-V of what it is called', run(link, '-V', clean)[0] == 0)
    ok('no image', run(link, '-a')[0] == 16)
    ok('an option that it has not', run(link, '-D', clean)[0] == 16)
    ok('no such device', run(link, '-a', os.path.join(folder, 'none'))[0] == 8)


def progress(folder, broken):
    """-C FD: `pass done all device` a line, passes in order, as e2fsck writes them."""
    link = os.path.join(folder, 'fsck.ext4')
    for spelled in ('-C%d', '-C %d'):
        here, there = os.pipe()
        status, out, err = run(link, '-n', *(spelled % there).split(), broken, pass_fds=[there])
        os.close(there)
        with os.fdopen(here) as file:
            lines = file.read().split('\n')
        ok('progress: a last line end', lines.pop() == '')
        fields = [re.fullmatch(r'([1-5]) (\d+) (\d+) (.*)', line) for line in lines]
        ok('progress: every line as e2fsck has it', lines and all(fields), lines[:5])
        passes = [int(field.group(1)) for field in fields if field]
        ok('progress: passes in order', passes == sorted(passes) and set(passes) >= {1, 2, 5}, passes)
        ok('progress: never more than all', all(int(f.group(2)) <= int(f.group(3)) for f in fields if f), lines)
        ok('progress: the device', all(f.group(4) == broken for f in fields if f), lines[:1])
        ok('progress is not on stdout', not re.search(r'^\d \d+ \d+ ', out, re.M), out)
    status, out, err = run(link, '-n', '-C', '77', broken)
    ok('progress: nobody listens', status == 4, status, err)


def signals(folder, broken):
    """SIGINT and SIGTERM: 32, nothing on stdout, no report left half written."""
    if not os.path.exists('/proc/self/syscall'):
        skip('signals: nothing tells here when the check waits')
        return
    for number in (signal.SIGINT, signal.SIGTERM):
        for form in ([], ['--json'], ['--jsonl'], ['--threads=3']):
            # A full pipe holds the check at its first line of progress until it has had the signal.
            here, there = os.pipe()
            flags = fcntl.fcntl(there, fcntl.F_GETFL)
            fcntl.fcntl(there, fcntl.F_SETFL, flags | os.O_NONBLOCK)
            with contextlib.suppress(BlockingIOError):
                while True:
                    os.write(there, bytes(1))
            fcntl.fcntl(there, fcntl.F_SETFL, flags)
            sarif = os.path.join(folder, 'cancelled.sarif')
            with open(os.path.join(folder, 'out'), 'w+b') as out:
                child = subprocess.Popen([PROGRAM, 'check', '-C%d' % there, '--sarif', sarif, *form, broken],
                                         stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.PIPE,
                                         pass_fds=[there])
                os.close(there)
                wait_until_it_writes(child.pid, there)
                child.send_signal(number)
                while os.read(here, 65536):
                    pass
                err = child.communicate(timeout=TIMEOUT)[1]
                os.close(here)
                out.seek(0)
                ok('signal %d %s: 32' % (number, form), child.returncode == 32, child.returncode, err)
                ok('signal %d %s: nothing on stdout' % (number, form), out.read() == b'')
                ok('signal %d %s: no report' % (number, form), not os.path.exists(sarif))


def wait_until_it_writes(pid, there):
    """Until one of its threads waits in a call on the pipe: by then the signals have their handlers."""
    for _ in range(100 * TIMEOUT):
        for task in os.listdir('/proc/%d/task' % pid):
            # The number of the call, its arguments in hex, or "running"; a thread may have gone meanwhile.
            with contextlib.suppress(OSError), open('/proc/%d/task/%s/syscall' % (pid, task)) as file:
                words = file.read().split()
                if len(words) > 1 and int(words[1], 16) == there:
                    return
        time.sleep(0.01)


def closed_files(folder, clean, broken):
    """A standard file that is closed must not become the image: repair would write its words into that."""
    command = 'exec "$@" <&- >&- 2>&-'
    done = subprocess.run(['sh', '-c', command, 'sh', PROGRAM, 'check', clean], timeout=TIMEOUT)
    ok('all closed: stdout cannot be written', done.returncode == 8, done.returncode)
    done = subprocess.run(['sh', '-c', 'exec "$@" 2>&-', 'sh', PROGRAM, 'check', broken], timeout=TIMEOUT,
                          stdout=subprocess.PIPE)
    ok('stderr closed: the report is whole', done.returncode == 4 and b'What to do next' in done.stdout)
    image = os.path.join(folder, 'repaired')
    whole = read(clean)
    wiped = whole[:1024] + bytes(1024) + whole[2048:]
    results = []
    for end in ('', ' <&- >&- 2>&-'):
        with open(image, 'wb') as file:
            file.write(wiped)
        subprocess.run(['sh', '-c', 'exec "$@"' + end, 'sh', PROGRAM, 'repair', '--superblock', '-y', '-z',
                        image + '.undo', image], timeout=TIMEOUT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        results.append(read(image))
        with contextlib.suppress(FileNotFoundError):
            os.unlink(image + '.undo')
    ok('repair did something', results[0] != wiped)
    ok('repair writes the same with every standard file closed', results[1] in (results[0], wiped))


def mounted(folder):
    """An image behind a loop device, and that device, are said to be mounted, with the place, and checked all the same."""
    if os.geteuid() != 0:
        skip('mounting needs root: what check says of a mounted image is not seen')
        return
    image = make('founding-story', os.path.join(folder, 'image'))
    with open(image, 'r+b') as file:
        # Something that repair would mend: the superblock copy of group 1.
        file.seek(8193 * 1024)
        file.write(bytes(1024))
    point = os.path.join(folder, 'a point')
    os.mkdir(point)
    script = r'''
        set -e
        mount --make-rprivate /
        mount -o loop,"$1" "$2" "$3" || exit 77
        trap 'umount "$3"' EXIT
        device=$(losetup -j "$2" -n -O NAME | head -n 1)
        "$4" check "$2" 2>"$5" >/dev/null || [ $? -eq 4 ]
        [ -b "$device" ] || mknod "$device" b 7 "${device#/dev/loop}"
        "$4" check "$device" 2>"$6" >/dev/null || [ $? -eq 4 ]
        "$4" repair --superblock -y "$2" 2>"$7" >/dev/null && exit 1
        exit 0'''
    for option, words in (('ro', 'read-only'), ('rw', 'for writing')):
        files = [os.path.join(folder, name) for name in ('of-image', 'of-device', 'of-repair')]
        status, out, err = run('unshare', '-m', 'sh', '-c', script, 'sh', option, image, point, PROGRAM, *files)
        if status == 77:
            skip('no loop device can be mounted here:', err.strip())
            return
        ok('mounted %s: runs' % option, status == 0, status, out, err)
        for file in files[:2]:
            text = read(file).decode()
            ok('mounted %s: %s says so' % (option, os.path.basename(file)),
               'is mounted on %s' % point in text and words in text, text)
        ok('mounted %s: no repair' % option, b'is mounted; nothing is written' in read(files[2]), read(files[2]))
    ok('no mount is seen where there is none', 'mounted' not in run(PROGRAM, 'check', image)[2])


def main():
    with tempfile.TemporaryDirectory(prefix='fsck-lite-') as folder:
        clean = make('dirent-type-missing', os.path.join(folder, 'clean.img'))
        broken = make('founding-story', os.path.join(folder, 'broken.img'))
        options_of_fsck(folder, clean, broken)
        progress(folder, broken)
        signals(folder, broken)
        closed_files(folder, clean, broken)
        mounted(folder)
    end()


main()
