# SPDX-License-Identifier: MIT
"""`check` against e2fsck on every recipe of fixtures/recipes: what e2fsck -fn asks, check finds, and what check
finds, e2fsck confirms (in -fn, or in the repair, which sees what -fn gives up before). By codes: each row of
problem.def names those of e2fsck that report the same fault, e2fsck tells its own in its problem log.

    recipes_agree.py [--claims] [NAME ...]

A line says `asked` (e2fsck asks, check does not find) or `claimed` (check finds, e2fsck does not say so)."""

import argparse
import concurrent.futures
import os
import re
import shutil
import subprocess

import judge

TOP = os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '..')
RECIPES = os.path.join(TOP, 'fixtures', 'recipes')
CODES = os.path.join(TOP, 'tests', 'cli', 'e2fsck-codes.tsv')
# What both take for now.
NOW = '1750000000'
# e2fsck's exit status has this bit where it gave up.
GAVE_UP = 8


def mkfixture():
    for path in (os.environ.get('MKFIXTURE'), 'fixtures/mkfixture'):
        if path and os.path.isfile(path) and os.access(path, os.X_OK):
            return os.path.abspath(path)
    judge.skip('no mkfixture: set MKFIXTURE')


def e2fsck(folder, image, journal, *options):
    """(exit status, codes) of one run, out of its problem log."""
    log = os.path.join(folder, 'log')
    config = os.path.join(folder, 'e2fsck.conf')
    if os.path.exists(log):
        os.unlink(log)
    with open(config, 'w') as file:
        file.write('[options]\nlog_dir = %s\nproblem_log_filename = log\n' % folder)
    external = ['-j', journal] if os.path.exists(journal) else []
    try:
        done = subprocess.run(['e2fsck', *options, *external, image], stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=60,
                              env=dict(os.environ, E2FSCK_CONFIG=config, E2FSCK_TIME=NOW, LC_ALL='C'))
        status = done.returncode
    except subprocess.TimeoutExpired:
        status = None
    text = open(log, encoding='utf-8', errors='replace').read() if os.path.exists(log) else ''
    return status, set(re.findall(r'<problem code="(0x[0-9a-f]+)"', text))


def copied(folder, image, journal):
    target = os.path.join(folder, 'repaired')
    for path in (target, target + '.journal'):
        if os.path.exists(path):
            os.unlink(path)
    subprocess.run(['cp', '--sparse=always', image, target], check=True)
    if os.path.exists(journal):
        shutil.copy(journal, target + '.journal')
    return target, target + '.journal'


def looked_at(name):
    """(codes of -fn, codes of any run, {code that check claims: rows}), or None where e2fsck cannot know."""
    with judge.scratch() as folder:
        image, journal = os.path.join(folder, 'image'), os.path.join(folder, 'image.journal')
        recipe = os.path.join(RECIPES, name + '.recipe')
        unreadable = os.path.join(folder, 'map')
        subprocess.run([mkfixture(), recipe, image, os.path.join(folder, 'names'), unreadable], check=True)
        if os.path.exists(unreadable):
            return None
        document = checked(image, journal)
        status, asked = e2fsck(folder, image, journal, '-fn')
        confirmed = set(asked)
        repaired, its_journal = copied(folder, image, journal)
        replayed = document.get('journal', {}).get('state') == 'replayed'
        if replayed:
            # What is judged is the filesystem after the replay.
            confirmed |= e2fsck(folder, repaired, its_journal, '-y', '-E', 'journal_only')[1]
            status, asked = e2fsck(folder, repaired, its_journal, '-fn')
            confirmed |= asked
        if asked or status != 0:
            for _ in range(2):
                status, more = e2fsck(folder, repaired, its_journal, '-fy')
                confirmed |= more
                if status is None or status & GAVE_UP:
                    break
        claimed = {}
        for finding in document.get('findings', []):
            for code in finding.get('e2fsck', []):
                claimed.setdefault(code, set()).add(finding['code'])
        return asked, confirmed, claimed


def checked(image, journal):
    external = ['-j', journal] if os.path.exists(journal) else []
    with judge.Unchanged(image) as unchanged:
        result = unchanged.run('check', '--json', *external, ..., timeout=60)
    return result.json


def table(path):
    """The lines of a table as lists of columns, without comments."""
    with open(path, encoding='utf-8') as lines:
        return [line.rstrip('\n').split('\t') for line in lines if line.strip() and not line.startswith('#')]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--claims', action='store_true', help='which row was confirmed in which code, and which never')
    parser.add_argument('recipes', nargs='*')
    arguments = parser.parse_args()
    judge.need('e2fsck')
    judge.tool()
    mkfixture()
    os.environ['E2FSCK_TIME'] = NOW
    codes = {code: (name, kind) for code, name, kind, *_ in table(CODES)}
    names = arguments.recipes or sorted(n[:-len('.recipe')] for n in os.listdir(RECIPES) if n.endswith('.recipe'))
    failures = judge.Failures(limit=400)
    rows = {}
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for name, seen in zip(names, pool.map(looked_at, names)):
            if seen is None:
                continue
            failures.judged += 1
            asked, confirmed, claimed = seen
            faults = [('asked', code, '') for code in sorted(asked - set(claimed))
                      if codes.get(code, ('', 'question'))[1] == 'question']
            faults += [('claimed', code, ' '.join(sorted(claimed[code]))) for code in sorted(set(claimed) - confirmed)]
            for code, slugs in claimed.items():
                for slug in slugs:
                    rows.setdefault((slug, code), set()).add(code in confirmed)
            for kind, code, slugs in faults:
                failures.add(name, kind, code, codes.get(code, ('?',))[0], slugs)
    if arguments.claims:
        for (slug, code), seen in sorted(rows.items()):
            print('%-32s %s %s' % (slug, code, 'confirmed' if True in seen else 'never confirmed'))
    failures.end('recipes agree')


if __name__ == '__main__':
    main()
