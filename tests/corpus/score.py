# SPDX-License-Identifier: MIT
"""Holds `check --json` against what e2fsck says of every image of the corpus: the verdict, how many
of e2fsck's problem codes our findings name (recall) and how many of the codes that they name e2fsck
confirms (precision). With --command, runs other commands over the corpus instead: no crash, no hang,
no sanitizer report, no undocumented exit status, no change of the image.

    score.py [--json FILE] [--only ID,...] [--top N] [--require] [--jobs N]
    score.py --command 'df' --command 'ls -R' ... [--quick]
"""

import argparse
import concurrent.futures
import json
import os
import subprocess
import sys
import time

import corpus

HERE = os.path.dirname(os.path.abspath(__file__))
TIMEOUT = 20 * int(os.environ.get('FSCK_LITE_SLOWER', '1'))
SANITIZER_EXIT = 99
DOCUMENTED = (0, 1, 4, 8, 16, 32)
COMMANDS = ('df --json', 'ls -lR', 'backups --json', 'show super --hex', 'show group 0', 'show inode 2',
            'show dir 2 --hex', 'show journal', 'check --json', 'backups --scan --json',
            'restore --tar=/dev/null', 'restore --deleted --tar=/dev/null')
# In `make check`: small, and of as many kinds as possible.
QUICK = 40


def tool():
    for path in (os.environ.get('FSCK_LITE'), 'fsck-lite/fsck-lite', './fsck-lite'):
        if path and os.path.isfile(path) and os.access(path, os.X_OK):
            return os.path.abspath(path)
    print('SKIP: no fsck-lite binary: set FSCK_LITE')
    sys.exit(corpus.SKIP)


class Run:
    """One run of the tool: exit status (None: killed after the timeout), output, time, or a fault."""

    def __init__(self, arguments, image, journal):
        command = [tool(), arguments[0]] + (['-j', journal] if journal else [])
        options = [a for a in arguments[1:] if a.startswith('-')]
        rest = [a for a in arguments[1:] if not a.startswith('-')]
        command += options + [image] + rest
        environment = dict(os.environ, ASAN_OPTIONS='exitcode=%d' % SANITIZER_EXIT,
                           UBSAN_OPTIONS='halt_on_error=1:exitcode=%d' % SANITIZER_EXIT)
        before = os.stat(image).st_mtime_ns
        start = time.monotonic()
        try:
            done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                  stderr=subprocess.PIPE, timeout=TIMEOUT, env=environment)
            self.status, self.out, self.err = done.returncode, done.stdout, done.stderr.decode('utf-8', 'replace')
        except subprocess.TimeoutExpired:
            self.status, self.out, self.err = None, b'', ''
        self.seconds = time.monotonic() - start
        self.command = ' '.join(command)
        self.fault = None
        if self.status is None:
            self.fault = 'takes more than %d s' % TIMEOUT
        elif self.status < 0:
            self.fault = 'killed by signal %d' % -self.status
        elif self.status not in DOCUMENTED or 'runtime error:' in self.err or 'AddressSanitizer' in self.err:
            self.fault = 'exit status %d: %s' % (self.status, first_line(self.err))
        elif os.stat(image).st_mtime_ns != before:
            self.fault = 'the image was written to'


def first_line(text):
    lines = [line for line in text.splitlines() if 'ERROR' in line or 'error:' in line] or text.splitlines() or ['']
    return lines[0][:160]


# ---- what the oracle says ----

def oracle_run(oracle):
    """The run that is to be agreed with, and whether the tool is to be given the external journal."""
    if oracle['needs_recovery'] and oracle['replay']:
        return oracle['replay']['fsck_n_after'], True
    if oracle['fsck_n_plain']:
        return oracle['fsck_n_plain'], False
    return oracle['fsck_n'], True


def codes(run, kinds=('question', 'message', 'fatal')):
    return {c['code'] for c in (run or {}).get('codes') or [] if c['kind'] in kinds}


def gave_up(run):
    return run['aborted'] or run.get('hang') or run['exit'] is None or run['exit'] & 8


def expected_codes(oracle):
    """The questions that e2fsck asks, in the first repair run too where -fn gave up early."""
    run, _ = oracle_run(oracle)
    found = codes(run, ('question',))
    if oracle['needs_recovery'] and oracle['replay']:
        found |= codes(oracle['replay']['run'], ('question',))     # where the replay itself repaired
    if gave_up(run) and oracle['repair']['runs']:
        found |= codes(oracle['repair']['runs'][0], ('question',))
    return found


def confirmed_codes(oracle):
    """Every code that any run of the oracle names."""
    found = set()
    for name in ('fsck_n', 'fsck_n_plain', 'fsck_n_now'):
        found |= codes(oracle.get(name))
    if oracle['replay']:
        found |= codes(oracle['replay']['run']) | codes(oracle['replay']['fsck_n_after'])
    for run in oracle['repair']['runs']:
        found |= codes(run)
    return found | codes(oracle['repair'].get('fsck_n_after'))


# ---- one image ----

def score_one(item, folder):
    oracle = item.oracle
    image, journal = item.unpack(folder)
    run, with_journal = oracle_run(oracle)
    result = Run(['check', '--json', '--max-findings=100'], image, journal if with_journal else None)
    score = {'id': item.id, 'oracle': run['verdict'], 'ours': None, 'fault': result.fault, 'status': result.status,
             'seconds': round(result.seconds, 2), 'expected': sorted(expected_codes(oracle)),
             'confirmed': sorted(confirmed_codes(oracle)), 'slugs': {}, 'errors': [], 'gave_up': bool(gave_up(run)),
             'stderr': first_line(result.err)}
    if result.fault:
        return score
    try:
        document = json.loads(result.out)
    except ValueError as error:
        score['fault'] = 'no JSON (%s), exit status %s: %s' % (error, result.status, first_line(result.err))
        return score
    score['ours'] = document.get('verdict')
    findings = document.get('findings', [])
    for finding in findings:
        codes = score['slugs'].setdefault(finding['code'], [])
        codes.extend(code for code in finding.get('e2fsck', []) if code not in codes)
        if finding['severity'] == 'error':
            score['errors'].append(finding['code'] + ': ' + finding.get('message', ''))
    wanted = {'clean': 0, 'errors': 4, 'unusable': 8}.get(score['ours'])
    if wanted != result.status:
        score['fault'] = 'verdict %s with exit status %s' % (score['ours'], result.status)
    return score


def robust_one(item, folder, commands):
    image, journal = item.unpack(folder)
    faults = []
    for command in commands:
        for given in (None, journal) if journal else (None,):
            result = Run(command.split(), image, given)
            # Only check must have something to say about what is no filesystem.
            if not result.fault and '--json' in command and (result.out or result.status != 8):
                try:
                    json.loads(result.out)
                except ValueError as error:
                    result.fault = 'no JSON (%s), exit status %s' % (error, result.status)
            if result.fault:
                faults.append((result.command, result.fault))
    return item.id, faults


# ---- tables ----

def explained():
    rows = {}
    with open(os.path.join(HERE, 'disagreements.tsv'), encoding='utf-8') as file:
        for line in file:
            if line.strip() and not line.startswith('#'):
                columns = line.rstrip('\n').split('\t')
                rows[columns[0]] = columns[1:]
    return rows


def table(title, rows, top):
    print('\n%s (%d)' % (title, len(rows)))
    for row in rows[:top]:
        print('  ' + row)
    if len(rows) > top:
        print('  ... and %d more' % (len(rows) - top))


def some(ids, count=6):
    ids = sorted(ids)
    return ' '.join(ids[:count]) + (' +%d' % (len(ids) - count) if len(ids) > count else '')


def percent(part, whole):
    return 100.0 * part / whole if whole else 100.0


def report(scores, top):
    names = corpus.code_names()
    known = explained()

    def named(code):
        return '%s %s' % (code, names.get(code, ('?', '?'))[0])

    faults = [s for s in scores if s['fault']]
    wrong = [s for s in scores if s['ours'] != s['oracle']]
    proved = [s for s in wrong if s['id'] in known and known[s['id']][0] == s['ours']]
    unexplained = [s for s in wrong if s not in proved]
    missed, extra, recalls, precisions, silent = {}, {}, [], [], []
    hits = claims = 0
    for s in scores:
        ours = {code for codes in s['slugs'].values() for code in codes}
        expected, confirmed = set(s['expected']), set(s['confirmed'])
        if expected:
            recalls.append(percent(len(expected & ours), len(expected)))
            s['recall'] = round(recalls[-1], 1)
        if ours:
            precisions.append(percent(len(ours & confirmed), len(ours)))
            s['precision'] = round(precisions[-1], 1)
        hits += len(ours & confirmed)
        claims += len(ours)
        for code in expected - ours:
            missed.setdefault(code, set()).add(s['id'])
        for slug, codes in s['slugs'].items():
            for code in codes:
                if code not in confirmed:
                    extra.setdefault((slug, code), set()).add(s['id'])
        if s['oracle'] == 'clean' and s['errors'] and s not in proved:
            silent.append(s)

    table('Crashes, hangs and broken promises', ['%-32s %s' % (s['id'], s['fault']) for s in faults], top)
    table('Verdicts that disagree, unexplained', [
        '%-30s ours %-9s oracle %-9s %s | ours: %s' % (
            s['id'], s['ours'], s['oracle'], ' '.join(names.get(c, (c,))[0] for c in s['expected'][:4]),
            ' '.join(sorted(s['slugs'])[:4]) or s['stderr'])
        for s in sorted(unexplained, key=lambda s: (s['oracle'] or '', s['ours'] or '', s['id']))], top)
    table('Verdicts that disagree, explained in disagreements.tsv', [
        '%-30s ours %-9s oracle %-9s right: %s' % (s['id'], s['ours'], s['oracle'], known[s['id']][2])
        for s in proved], top)
    table('Errors on images that the oracle calls clean', [
        '%-30s %s' % (s['id'], ' | '.join(s['errors'][:2])) for s in silent], top)
    table('Codes that we do not name, by images', [
        '%3d  %-44s %s' % (len(ids), named(code), some(ids))
        for code, ids in sorted(missed.items(), key=lambda kv: (-len(kv[1]), kv[0]))], top)
    table('Codes that the oracle does not confirm, by images', [
        '%3d  %-28s %-44s %s' % (len(ids), key[0], named(key[1]), some(ids, 4))
        for key, ids in sorted(extra.items(), key=lambda kv: (-len(kv[1]), kv[0]))], top)
    table('Images by lost recall (each line: recall, images, what is missing)', [
        '%5.1f  %-30s %s' % (s['recall'], s['id'], ' '.join(
            named(c)[9:] for c in sorted(set(s['expected']) - {c for cs in s['slugs'].values() for c in cs})))
        for s in sorted(scores, key=lambda s: s.get('recall', 100)) if s.get('recall', 100) < 100], top)

    mean = sum(recalls) / len(recalls) if recalls else 100.0
    totals = {
        'images': len(scores), 'faults': len(faults),
        'verdict_agreement': round(percent(len(scores) - len(wrong), len(scores)), 2),
        'verdict_agreement_or_explained': round(percent(len(scores) - len(unexplained), len(scores)), 2),
        'mean_recall': round(mean, 2), 'images_with_questions': len(recalls),
        'precision': round(percent(hits, claims), 2),
        'mean_precision': round(sum(precisions) / len(precisions) if precisions else 100.0, 2),
        'errors_on_clean': len(silent), 'slowest': max((s['seconds'], s['id']) for s in scores),
    }
    print('\n%(images)d images, %(faults)d faults; verdicts agree on %(verdict_agreement).2f %% '
          '(%(verdict_agreement_or_explained).2f %% with the explained ones)\n'
          'mean recall of questions %(mean_recall).2f %% over %(images_with_questions)d images; precision of codes '
          '%(precision).2f %% (mean by image %(mean_precision).2f %%)\n'
          'errors on %(errors_on_clean)d clean images; slowest %(slowest)s' % totals)
    return totals


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--json', metavar='FILE', help='write scores and totals there')
    parser.add_argument('--only', default='', help='ids, commas between them')
    parser.add_argument('--top', type=int, default=40, help='lines of each table')
    parser.add_argument('--jobs', type=int, default=os.cpu_count())
    parser.add_argument('--require', action='store_true', help='fail below 99 %% verdicts, 90 %% recall and precision')
    parser.add_argument('--command', action='append', help='robustness of this command instead; `all` for all')
    parser.add_argument('--quick', action='store_true', help='the %d smallest images of different tests' % QUICK)
    arguments = parser.parse_args()
    tool()
    wanted = [i for i in arguments.only.split(',') if i]
    items = list(corpus.items(wanted))
    if arguments.quick:
        items = sorted((i for i in items if '.s' not in i.id), key=lambda i: i.oracle['image']['size'])
        items = items[:QUICK] + [i for i in items[QUICK:] if i.id.startswith('j_')][:5]
    folder = corpus.unpacked()
    pool = concurrent.futures.ThreadPoolExecutor(arguments.jobs)
    if arguments.command:
        commands = COMMANDS if 'all' in arguments.command else arguments.command
        bad = 0
        for name, faults in pool.map(lambda i: robust_one(i, folder, commands), items):
            for command, fault in faults:
                print('%-30s %s\n    %s' % (name, fault, command))
            bad += bool(faults)
        print('%d images, %d commands each: faults on %d images' % (len(items), len(commands), bad))
        sys.exit(1 if bad or not items else 0)
    scores = list(pool.map(lambda i: score_one(i, folder), items))
    totals = report(scores, arguments.top)
    if arguments.json:
        with open(arguments.json, 'w') as file:
            json.dump({'totals': totals, 'images': scores}, file, indent=1)
    good = not totals['faults'] and not totals['errors_on_clean']
    good = good and totals['verdict_agreement_or_explained'] >= 99 and totals['mean_recall'] >= 90
    good = good and totals['precision'] >= 90
    sys.exit(0 if good or not arguments.require else 1)


if __name__ == '__main__':
    main()
