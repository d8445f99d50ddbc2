# SPDX-License-Identifier: MIT
"""`check` against e2fsck on images that a seed has damaged (damage.py): the verdict is that of
e2fsck -fn; of the problems that it asks about, how many codes our findings name (recall), and how many
of the codes that we name it confirms (precision); and what e2fsck -fy has repaired is clean for
`check`. Where verdicts differ, or something is found after a repair, a witness is looked for that says
who is right (damage_proofs.py). Tables at the end say which codes are worst.

    damage_agrees.py [--count N] [--seed N] [--only NUMBER,...] [--subject NAME,...] [--jobs N]
                     [--top N] [--keep FOLDER] [--json FILE] [--require]"""

import argparse
import concurrent.futures
import json
import os
import re
import shutil
import struct
import subprocess
import sys

import damage
import damage_proofs
import judge
import subjects

TIMEOUT = 20 * int(os.environ.get('FSCK_LITE_SLOWER', '1'))
PROBLEM = re.compile(r'<problem code="(0x[0-9a-f]{6})"')
# What e2fsck says without asking: by pass, the rest of the code.
REMARKS = {
    '000': '004 006 007 008 009 00a 00b 00c 010 011 012 013 018 020 021 022 023 024 028 029 02a 02c 02d 034 03a'
           ' 03c 03d 03f 040 041 044 045 04c 050 052 053 054 055',
    '010': '000 014 017 019 01a 01b 01c 01d 01e 01f 020 021 022 023 024 025 026 027 028 029 02a 02b 02c 038 03b'
           ' 03d 03f 061 071 074 07c 07e 08c',
    '011': '000 001 002 003 004 005 006 007 008',
    '012': '000',
    '013': '000 001 002 003 004 005 008',
    '014': '000 001 002 003 004 005',
    '020': '000 01c 01e 01f 022 023 027 034 035 036 037 03b 040 043',
    '030': '000 006 007 008 009 00a 00b 00c 00d 00e 00f 010 011 012 013 014 015 016 01a',
    '031': '000 001 002 003 004 005',
    '040': '000 004',
    '050': '000 003 004 005 007 008 009 010 011 012 013 014 015 016 017',
    '060': '003 004 005 008 00a 00b 00f 010',
}
# e2fsck 1.47.0 falls over its own problem log where it makes lost+found anew. What it says from there on, without
# a log: the code by the beginning of the line.
SAID = (("'..' in ", '0x030005'), ('Unconnected directory inode ', '0x030003'), ('/lost+found not found', '0x030004'),
        ('Unattached zero-length inode ', '0x040001'), ('Unattached inode ', '0x040002'), ('Inode \\d+ ref count is ', '0x040003'),
        ('Padding at end of inode bitmap ', '0x050001'), ('Padding at end of block bitmap ', '0x050002'),
        ('Block bitmap differences: ', '0x050006'), ('Inode bitmap differences: ', '0x05000a'),
        ('Free inodes count wrong for group', '0x05000b'), ('Directories count wrong for group', '0x05000c'),
        ('Free inodes count wrong \\(', '0x05000d'), ('Free blocks count wrong for group', '0x05000e'),
        ('Free blocks count wrong \\(', '0x05000f'), ('Update quota info for quota type', '0x060002'))
# Codes that e2fsck has only from 1.47.1 on: an older one cannot confirm them.
NEWER = {'0x010091', '0x010092'}
# With --require: what a run must reach, in percent; and how many images may still have an error after
# e2fsck -fy, of a hundred: it overlooks a journal shorter than its superblock says, and absurd depths.
VERDICTS, RECALL, PRECISION, AFTER = 99, 88, 85, 2


class Judge:
    """e2fsck, with its problem log."""

    def __init__(self, folder):
        self.folder = folder
        self.config = os.path.join(folder, 'e2fsck.conf')
        with open(self.config, 'w', encoding='utf-8') as file:
            file.write('[options]\n\tlog_dir = %s\n\tproblem_log_filename = problems.xml\n' % folder)

    def run(self, image, *options):
        """(exit status or None, output, codes asked about, all codes)"""
        before = image + '.before'
        if '-y' in options:
            shutil.copy(image, before)
        status, said, codes = self.run_once(image, self.config, *options)
        if '-y' in options and 'Signal (11)' in said:
            shutil.copy(before, image)
            status, said, _ = self.run_once(image, os.devnull, *options)
            codes |= {code for line, code in SAID if re.search('^' + line, said, re.M)}
        return status, said, {code for code in codes if code[5:] not in REMARKS.get(code[2:5], '').split()}, codes

    def run_once(self, image, config, *options):
        log = os.path.join(self.folder, 'problems.xml')
        with open(log, 'w', encoding='utf-8'):
            pass
        try:
            done = subprocess.run(['e2fsck', '-f', *options, image], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                  stderr=subprocess.STDOUT, timeout=60, env=dict(os.environ, E2FSCK_CONFIG=config))
            status, said = done.returncode, done.stdout.decode('utf-8', 'replace')
        except subprocess.TimeoutExpired:
            status, said = None, 'e2fsck hangs'
        with open(log, encoding='utf-8', errors='replace') as file:
            return status, said, set(PROBLEM.findall(file.read()))


def verdict_of(status, said):
    if status == 0:
        return 'clean'
    return 'errors' if 'Pass 1' in said or status & 8 == 0 else 'unusable'


def check(image, options=()):
    with judge.Unchanged(image) as unchanged:
        result = unchanged.run('check', '--json', '--max-findings=50', *options, ..., timeout=TIMEOUT)
    return result.json, result.status


def judge_one(number, seed, subject, folder, keep):
    """One damage: a record, or None where e2fsck gives no verdict."""
    work = os.path.join(folder, str(number))
    os.makedirs(work, exist_ok=True)
    image = os.path.join(work, 'image')
    how = damage.Damager('%d-%d' % (seed, number), subjects.made(subject)).run(image)
    record = {'number': number, 'subject': subject.name, 'how': how, 'fault': None, 'after': [], 'slugs': {},
              'findings': [], 'ours': None, 'theirs': None, 'asked': [], 'confirmed': [], 'proof': None,
              'after_proof': None}
    e2fsck = Judge(work)
    status, said, asked, confirmed = e2fsck.run(image, '-n')
    if status is None or status < 0:
        return None
    record['theirs'] = verdict_of(status, said)
    record['said'] = [line for line in said.splitlines()[1:] if line.strip() and not line.startswith('Pass ')][:8]
    if keep:
        shutil.copy(image, os.path.join(keep, '%d.img' % number))
    try:
        document, ours = check(image)
        record['ours'] = document['verdict']
        for finding in document.get('findings', []):
            codes = record['slugs'].setdefault(finding['code'], [])
            codes.extend(code for code in finding.get('e2fsck', []) if code not in NEWER and code not in codes)
            record['findings'].append('%s %s: %s' % (finding['severity'], finding['code'], finding['message']))
        if ours != {'clean': 0, 'errors': 4, 'unusable': 8}[document['verdict']]:
            record['fault'] = 'verdict %s with status %d' % (document['verdict'], ours)
    except Exception as error:
        record['fault'] = '%s: %s' % (type(error).__name__, str(error)[:400])
    if record['ours'] != record['theirs'] and record['fault'] is None:
        record['proof'] = damage_proofs.witness(image, subjects.made(subject), dict(record, asked=sorted(asked)), document, e2fsck, work)
    repaired = None
    for i in range(3):
        repaired, _, questions, codes = e2fsck.run(image, '-y')
        if i == 0 and status & 8:
            asked = asked | questions
        confirmed |= codes
        if repaired is None or repaired & 8 or repaired == 0:
            break
    after, _, _, codes = e2fsck.run(image, '-n')
    confirmed |= codes
    if after == 0 and repaired == 0 and record['fault'] is None:
        try:
            document, ours = check(image)
            record['after'] = [finding['code'] + ': ' + finding['message'] for finding in document.get('findings', [])
                               if finding['severity'] == 'error'] + ([] if ours == 0 else ['status %d' % ours])
        except Exception as error:
            record['after'] = ['%s: %s' % (type(error).__name__, str(error)[:400])]
        if record['after']:
            record['after_proof'] = damage_proofs.kernel_refuses(image, subjects.made(subject))
            if not record['after_proof'] and any(text.startswith('journal-') for text in record['after']):
                record['after_proof'] = damage_proofs.journal_aborts(image, work)
    shutil.rmtree(work)
    record['asked'], record['confirmed'] = sorted(asked), sorted(confirmed)
    return record


# ---- what came of it ----

def code_names():
    """{code: name} from pr-codes.tsv of the corpus, where it is; the codes alone do as well."""
    path = os.path.join(os.environ.get('FSCK_LITE_CORPUS', ''), 'pr-codes.tsv')
    if not os.path.exists(path):
        return {}
    with open(path, encoding='utf-8') as file:
        return {line.split('\t')[0]: line.split('\t')[1] for line in file}


def table(title, rows, top):
    print('\n%s (%d)' % (title, len(rows)))
    for row in rows[:top]:
        print('  ' + row)
    if len(rows) > top:
        print('  ... and %d more' % (len(rows) - top))


def some(numbers, count=8):
    numbers = sorted(numbers)
    return ' '.join('#%d' % n for n in numbers[:count]) + (' +%d' % (len(numbers) - count) if len(numbers) > count else '')


def percent(part, whole):
    return 100.0 * part / whole if whole else 100.0


def report(records, top):
    names = code_names()
    missed, extra, recalls = {}, {}, []
    hits = claims = 0
    for record in records:
        ours = {code for codes in record['slugs'].values() for code in codes}
        asked, confirmed = set(record['asked']), set(record['confirmed'])
        if asked:
            recalls.append(percent(len(asked & ours), len(asked)))
        hits += len(ours & confirmed)
        claims += len(ours)
        for code in asked - ours:
            missed.setdefault(code, set()).add(record['number'])
        for slug, codes in record['slugs'].items():
            for code in set(codes) - confirmed:
                extra.setdefault((slug, code), set()).add(record['number'])
    differ = [r for r in records if r['ours'] != r['theirs'] and not r['fault']]
    wrong = [r for r in differ if not r['proof']]
    table('Crashes, hangs, broken promises', ['#%(number)d %(subject)s: %(how)s\n      %(fault)s' % r
                                              for r in records if r['fault']], top)
    table('Verdicts that differ, and the witness for ours', ['#%d %s: ours %s, e2fsck %s: %s' % (
        r['number'], r['subject'], r['ours'], r['theirs'], r['proof']) for r in differ if r['proof']], top)
    table('Verdicts that disagree', ['#%d %s: %s\n      ours %s %s\n      e2fsck %s %s' % (
        r['number'], r['subject'], r['how'], r['ours'], ' | '.join(r['findings'])[:300], r['theirs'],
        ' | '.join(r['said'])[:300]) for r in wrong], top)
    table('Findings after e2fsck -fy', ['#%d %s: %s\n      %s%s' % (
        r['number'], r['subject'], r['how'], ' | '.join(r['after'])[:300],
        '\n      ' + r['after_proof'] if r['after_proof'] else '') for r in records if r['after']], top)
    table('Codes that we do not name', ['%3d  %s %-36s %s' % (len(ids), code, names.get(code, ''), some(ids))
                                        for code, ids in sorted(missed.items(), key=lambda kv: (-len(kv[1]), kv[0]))], top)
    table('Codes that e2fsck does not confirm', [
        '%3d  %-30s %s %-34s %s' % (len(ids), key[0], key[1], names.get(key[1], ''), some(ids))
        for key, ids in sorted(extra.items(), key=lambda kv: (-len(kv[1]), kv[0]))], top)
    totals = {'damages': len(records), 'faults': sum(bool(r['fault']) for r in records), 'after': sum(bool(r['after']) for r in records),
              'after_unproved': sum(bool(r['after'] and not r['after_proof']) for r in records),
              'verdicts': round(percent(len(records) - len(differ), len(records)), 2),
              'proved': round(percent(len(records) - len(wrong), len(records)), 2),
              'recall': round(sum(recalls) / len(recalls) if recalls else 100.0, 2), 'questioned': len(recalls),
              'precision': round(percent(hits, claims), 2)}
    print('\n%(damages)d damaged images, %(faults)d faults; the same verdict on %(verdicts).2f %% (%(proved).2f %% with those that a witness confirms); mean recall of codes '
          '%(recall).2f %% over %(questioned)d images, precision %(precision).2f %%; findings after repair on %(after)d, %(after_unproved)d without a witness' % totals)
    return totals


def run(count, seed, jobs, only=(), chosen=(), keep=None, start=0, corpus=False):
    rows = [s for s in (subjects.repaired() if corpus else subjects.SUBJECTS) if not chosen or s.name in chosen]
    usable = []
    for row in rows:
        try:
            if corpus:
                damage.structures.Map(subjects.made(row))
                if check(subjects.made(row))[1] != 0:
                    raise subjects.images.NotMade('check does not like it: see repaired.py')
            subjects.made(row)
            usable.append(row)
        except (subjects.images.NotMade, struct.error) as why:
            # Of the corpus, what e2fsck cannot repair, or cuts short, is no subject: nothing to speak of.
            if not corpus:
                print('SKIP: %s: %s' % (row.name, why), flush=True)
    if not usable:
        judge.skip('no image could be made')
    with judge.scratch(dir=subjects.images.folder()) as folder, concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        # Each subject in turn; the number alone decides. Those with an MMP block go first: e2fsck sleeps over
        # each for half a minute, during which the others are judged.
        numbers = [n for n in range(start, start + count) if not only or n in only]
        work = {n: pool.submit(judge_one, n, seed, usable[n % len(usable)], folder, keep)
                for n in sorted(numbers, key=lambda n: 'mmp' not in usable[n % len(usable)].name)}
        return [r for r in (work[n].result() for n in numbers) if r]


def reached(totals):
    return not totals['faults'] and 100 * totals['after_unproved'] <= AFTER * totals['damages'] and totals['proved'] >= VERDICTS and \
        totals['recall'] >= RECALL and totals['precision'] >= PRECISION


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--count', type=int, default=600)
    parser.add_argument('--seed', type=int, default=1)
    parser.add_argument('--from', type=int, default=0, dest='start', help='the first number')
    parser.add_argument('--only', default='', help='numbers, commas between them')
    parser.add_argument('--subject', default='', help='names of subjects.py')
    parser.add_argument('--corpus', action='store_true', help="damage e2fsprogs' test images, repaired, instead")
    parser.add_argument('--jobs', type=int, default=os.cpu_count())
    parser.add_argument('--top', type=int, default=60, help='lines of each table')
    parser.add_argument('--keep', help='keep the damaged images there')
    parser.add_argument('--json', metavar='FILE', help='write all records there')
    parser.add_argument('--require', action='store_true', help='fail below %d %%%% verdicts, %d %%%% recall, %d %%%% precision' % (
        VERDICTS, RECALL, PRECISION))
    arguments = parser.parse_args()
    judge.private_mounts()
    judge.need('e2fsck', 'debugfs', 'mke2fs')
    judge.tool()
    only = {int(n) for n in arguments.only.split(',') if n}
    if arguments.keep:
        os.makedirs(arguments.keep, exist_ok=True)
    records = run(arguments.count, arguments.seed, arguments.jobs, only,
                  {s for s in arguments.subject.split(',') if s}, arguments.keep, arguments.start,
                  arguments.corpus)
    totals = report(records, arguments.top)
    if arguments.json:
        with open(arguments.json, 'w', encoding='utf-8') as file:
            json.dump({'totals': totals, 'records': records}, file, indent=1)
    sys.exit(0 if reached(totals) or not arguments.require else 1)


if __name__ == '__main__':
    main()
