# SPDX-License-Identifier: MIT
"""`check` where one allocation fails, each in its turn: it says that memory is lacking, or it finds
what it finds with enough. What was not judged is never called clean.

Needs a compiler that makes shared objects, and a loader that preloads them: skipped where not."""
import json
import os
import subprocess
import sys
import tempfile

SKIP = 77
CANNOT_RUN, USAGE = 8, 16
SETTLED = 12    # so many allocations in a row that were never made end it
# What several families of checks have something to say about.
RECIPE = '''title   a quota, a hashed directory, attributes and a symlink, none of them right
image   8192 blocks of 1024, type ext4, features quota
dir     /d 200 entries
file    /a 8 blocks, owner 1000:100
symlink /l "%s"
damage  quota user id 1000 : dqb_curspace = 1024
damage  index /d 0 2 : hash = 0x10, checksum fixed
damage  inode /l : i_size_lo = 200, checksum fixed
''' % ('target' * 12)

# Preloaded: the allocation that FAIL_AT counts to gets no memory, others do.
FAILS = r'''#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>

static atomic_long count;

static int fails(void)
{
	static long at = -1;

	if (at < 0) {
		const char *text = getenv("FAIL_AT");

		at = text ? atol(text) : 0;
	}
	if (atomic_fetch_add(&count, 1) + 1 != at)
		return 0;
	errno = ENOMEM;
	return 1;
}

void *malloc(size_t size)
{
	static void *(*next)(size_t);

	if (!next)
		*(void **)&next = dlsym(RTLD_NEXT, "malloc");
	return fails() ? NULL : next(size);
}

void *realloc(void *memory, size_t size)
{
	static void *(*next)(void *, size_t);

	if (!next)
		*(void **)&next = dlsym(RTLD_NEXT, "realloc");
	return fails() ? NULL : next(memory, size);
}

void *calloc(size_t number, size_t size)
{
	static void *(*next)(size_t, size_t);

	if (!next)
		*(void **)&next = dlsym(RTLD_NEXT, "calloc");
	return fails() ? NULL : next(number, size);
}
'''


def run(preloaded, image, at):
    done = subprocess.run([os.environ['FSCK_LITE'], 'check', '--threads=1', '--json', image],
                          env=dict(os.environ, LD_PRELOAD=preloaded, FAIL_AT=str(at)),
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=60)
    return done.returncode, done.stdout, done.stderr.decode('utf-8', 'replace')


def found(out):
    return set(json.loads(out)['summary'])


def main():
    failed = runs = 0
    with tempfile.TemporaryDirectory() as folder:
        preloaded = os.path.join(folder, 'fails.so')
        made = subprocess.run(os.environ.get('CC', 'cc').split() +
                              ['-shared', '-fPIC', '-o', preloaded, '-xc', '-', '-ldl'], input=FAILS.encode(),
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        if made.returncode != 0:
            print('SKIP: the compiler makes no shared object')
            sys.exit(SKIP)
        recipe, image = os.path.join(folder, 'recipe'), os.path.join(folder, 'image')
        with open(recipe, 'w', encoding='utf-8') as file:
            file.write(RECIPE)
        subprocess.run([os.environ['MKFIXTURE'], recipe, image], check=True)
        whole, out, _ = run(preloaded, image, 0)
        if not out or run(preloaded, image, 1)[0] == whole:
            print('SKIP: allocations of this program cannot be made to fail')
            sys.exit(SKIP)
        wanted, same = found(out), 0
        if not {'quota-usage', 'htree-order', 'symlink-invalid'} <= wanted:
            failed += 1
            print('FAIL: with memory, %s' % wanted)
        while same < SETTLED:
            runs += 1
            status, said, complaint = run(preloaded, image, runs)
            same = same + 1 if (status, said) == (whole, out) else 0
            if status in (CANNOT_RUN, USAGE):
                if 'memory' not in complaint:
                    failed += 1
                    print('FAIL: allocation %d: %s' % (runs, complaint.strip()))
            elif status != whole or not wanted <= found(said):
                failed += 1
                print('FAIL: allocation %d: exit status %d, expected %d, without %s; %s' % (
                    runs, status, whole, wanted - found(said) if said else 'all', complaint.strip()))
    print('%d runs without memory, %d failures' % (runs, failed))
    sys.exit(failed > 0)


main()
