# SPDX-License-Identifier: MIT
"""A restore that is ended in its middle, by SIGINT or by SIGKILL, and goes on with --resume: what stands under its name is
whole at any time, and in the end everything is there."""

import fcntl
import os
import signal
import subprocess
import tempfile

from tally import end, ok

PROGRAM = os.environ['FSCK_LITE']
MKFIXTURE = os.environ['MKFIXTURE']
TIMEOUT = 60 * int(os.environ.get('FSCK_LITE_SLOWER', '1'))
FILES = 600
PIPE = 4096


def contents(folder):
    found = {}
    for name in os.listdir(folder):
        path = os.path.join(folder, name)
        if os.path.isfile(path):
            with open(path, 'rb') as file:
                found[name] = file.read()
    return found


def interrupted(folder, image, number):
    """The manifest goes into a pipe that holds a few lines. Once the first have come, some files are out and
    the last cannot be: the lines of all are several times what the pipe and a buffer hold."""
    out = os.path.join(folder, 'out-%d' % number)
    manifest = os.path.join(folder, 'manifest-%d' % number)
    os.mkfifo(manifest)
    child = subprocess.Popen([PROGRAM, 'restore', image, '--output', out, '--manifest', manifest],
                             stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    with open(manifest, 'rb', buffering=0) as lines:
        if hasattr(fcntl, 'F_SETPIPE_SZ'):
            fcntl.fcntl(lines, fcntl.F_SETPIPE_SZ, PIPE)
        ok('signal %d: it began' % number, lines.read(1) != b'')
        child.send_signal(number)
        while lines.read(65536):
            pass
    err = child.communicate(timeout=TIMEOUT)[1]
    ok('signal %d: how it ended' % number, child.returncode == (32 if number == signal.SIGINT else -number),
       child.returncode, err)
    return out


def main():
    expected = {'file-%04d' % i: b'content of %d' % i for i in range(FILES)}
    with tempfile.TemporaryDirectory() as folder:
        recipe, image = os.path.join(folder, 'recipe'), os.path.join(folder, 'image')
        with open(recipe, 'w') as file:
            file.write('image 16384 blocks of 1024, type ext4, inodes 1024\n')
            for name, content in expected.items():
                file.write('file /%s "%s"\n' % (name, content.decode()))
        subprocess.run([MKFIXTURE, recipe, image], check=True)
        for number in (signal.SIGINT, signal.SIGKILL):
            out = interrupted(folder, image, number)
            there = contents(out)
            there.pop('.fsck-lite.partial', None)
            ok('signal %d: some are there' % number, 0 < len(there) < FILES, len(there))
            ok('signal %d: those are whole' % number, all(expected.get(n) == c for n, c in there.items()))
            if number == signal.SIGINT:
                ok('signal %d: nothing unfinished is left' % number, '.fsck-lite.partial' not in os.listdir(out))
            done = subprocess.run([PROGRAM, 'restore', image, '--output', out, '--resume'], stdin=subprocess.DEVNULL,
                                  stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=TIMEOUT)
            ok('signal %d: --resume' % number, done.returncode == 0, done.returncode, done.stdout, done.stderr)
            ok('signal %d: it found what was there' % number, b'%d were there already' % (len(there) + 1) in done.stdout or
               b'%d were there already' % len(there) in done.stdout, len(there), done.stdout)
            ok('signal %d: all of them' % number, contents(out) == expected)
    end()


if __name__ == '__main__':
    main()
