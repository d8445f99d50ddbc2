# SPDX-License-Identifier: MIT
"""What programs read: JSON, JSON lines, SARIF and JUnit of sound, damaged, hostile and unusable images, member by
member; images in every wrapping; and a run as CI or a rescue shell makes it, with pipes and files that fail."""

import base64
import gzip
import json
import os
import re
import shutil
import struct
import subprocess
import tempfile
import xml.etree.ElementTree as xml

from tally import end, ok, skip

PROGRAM = os.environ['FSCK_LITE']
MKFIXTURE = os.environ['MKFIXTURE']
RECIPES = os.path.join(os.environ['top_srcdir'], 'fixtures', 'recipes')
TIMEOUT = 60 * int(os.environ.get('FSCK_LITE_SLOWER', '1'))

# Names that end a string, an element or a line of a terminal, where they are not escaped.
FIRST = b'\xff"&\\\n<\x1b]'
SECOND = b'\xc3\xa9"\xe2\x80\xa8\x00\x01'.replace(b'\x00', b'\x7f')
HOSTILE = '''image 4096 blocks of 1024, type ext4
file /aaaaaaaa 2 blocks
dir /dddddddd
file /dddddddd/x 1 blocks
damage dirent /aaaaaaaa : inode = 99999
damage dirent /aaaaaaaa : name = %s
damage inode /dddddddd : i_links_count = 9
damage dirent /dddddddd : name = %s
''' % (FIRST.hex(), SECOND.hex())


def run(*arguments, **keywords):
    keywords.setdefault('stdin', subprocess.DEVNULL)
    keywords.setdefault('stdout', subprocess.PIPE)
    return subprocess.run([PROGRAM, *arguments], stderr=subprocess.PIPE, timeout=TIMEOUT, **keywords)


def built(text, path):
    """The image of a recipe, given as text or by its name."""
    if '\n' not in text:
        subprocess.run([MKFIXTURE, os.path.join(RECIPES, text + '.recipe'), path], check=True)
        return path
    with open(path + '.recipe', 'w') as file:
        file.write(text)
    subprocess.run([MKFIXTURE, path + '.recipe', path], check=True)
    return path


# INTERFACE of JSON: a member is a type, a list of one shape, a dict of members, or a set of words. Names with a `?`
# may be absent.
COUNT = int
SHAPES = {}
SHAPES['filesystem'] = {
    'type': {'ext2', 'ext3', 'ext4'}, 'uuid': str, 'label': str, 'block_size': COUNT, 'blocks': COUNT, 'inodes': COUNT,
    'groups': COUNT, 'features': [str]}
SHAPES['head'] = {
    'schema': str, 'image': str, 'filesystem': SHAPES['filesystem'],
    'superblock': {'block': COUNT, 'offset': COUNT, 'source': {'primary', 'backup', 'scan'}},
    'journal': {'state': {'none', 'clean', 'replayed', 'ignored', 'damaged'}, 'transactions': COUNT}}
SHAPES['usage'] = {
    'df': dict.fromkeys(('block_size', 'blocks', 'used', 'free', 'available', 'inodes', 'inodes_used', 'inodes_free'),
                        COUNT),
    'owners': dict.fromkeys(
        ('boot', 'superblocks', 'group_descriptors', 'reserved_gdt', 'block_bitmaps', 'inode_bitmaps', 'inode_tables',
         'mmp', 'journal', 'quota', 'other_reserved', 'directories', 'files', 'orphans', 'lost', 'leaked', 'free'),
        COUNT),
    'reachable': dict.fromkeys(('inodes', 'directories', 'files', 'blocks'), COUNT),
    'lost': dict.fromkeys(('inodes', 'blocks'), COUNT),
    'counts': {place + kind: COUNT for place in ('superblock', 'descriptors', 'bitmaps')
               for kind in ('_free_blocks', '_free_inodes')},
    'shared_blocks': COUNT, 'used_but_marked_free': COUNT}
SHAPES['finding'] = {
    'code': str, 'severity': {'error', 'warning', 'info'}, 'message': str,
    'where': {'structure?': str, 'group?': COUNT, 'inode?': COUNT, 'block?': COUNT, 'offset?': COUNT,
              'logical?': COUNT, 'field?': str, 'path?': str},
    'found?': COUNT, 'expected?': COUNT, 'fix': str, 'e2fsck': [str]}
SHAPES['advice'] = {'message': str, 'command': str}
SHAPES['check'] = {**SHAPES['head'], 'usage': SHAPES['usage'], 'verdict': {'clean', 'errors'},
                   'findings': [SHAPES['finding']], 'summary': dict, 'advice': [SHAPES['advice']]}
SHAPES['df'] = {**SHAPES['head'], **SHAPES['usage'], 'findings': [SHAPES['finding']], 'summary': dict,
                'advice': [SHAPES['advice']]}
SHAPES['backups'] = {
    **SHAPES['head'], 'layout': {'sparse_super', 'sparse_super2', 'all_groups', 'meta_bg'},
    'copies': [{'group': COUNT, 'block': COUNT, 'offset': COUNT, 'state': {'valid', 'damaged', 'missing', 'foreign'},
                'checksum?': {'ok', 'bad', 'none'}, 'descriptors?': {'valid', 'damaged', 'missing'},
                'differences?': [{'field': str, 'primary': object, 'copy': object, 'expected': bool}],
                'view?': {'directories': COUNT, 'files': COUNT, 'blocks': COUNT}}],
    'best': {'block': COUNT, 'reason': str}}
SHAPES['restore'] = {
    **SHAPES['head'], 'restored': dict.fromkeys(('files', 'directories', 'symlinks', 'other', 'bytes'), COUNT),
    'lost_restored': COUNT, 'failed': [{'path': str, 'inode?': COUNT, 'reason': str}]}

# The objects of SARIF 2.1.0 that are written, with all that the schema lets them have of it; it allows no others.
TEXT = {'text': str}
URI = {'uri': str, 'index?': COUNT}
SHAPES['sarif'] = {
    '$schema': str, 'version': {'2.1.0'},
    'runs': [{
        'tool': {'driver': {'name': str, 'version': str, 'rules': [{
            'id': str, 'shortDescription': TEXT, 'fullDescription': TEXT, 'help': TEXT,
            'defaultConfiguration': {'level': {'error', 'warning', 'note', 'none'}}, 'properties?': dict}]}},
        'invocations': [{'executionSuccessful': bool, 'toolExecutionNotifications?': [
            {'level': {'error'}, 'message': TEXT}]}],
        'artifacts': [{'location': URI}],
        'results': [{
            'ruleId': str, 'ruleIndex': COUNT, 'level': {'error', 'warning', 'note'}, 'message': TEXT,
            'locations': [{
                'physicalLocation': {'artifactLocation': URI, 'region?': {'byteOffset': COUNT, 'byteLength': COUNT}},
                'logicalLocations?': [{'fullyQualifiedName': str, 'kind': str}]}]}]}]}


def shape(value, wanted, where, exact=False):
    """What does not fit, in words."""
    if isinstance(wanted, list):
        if not isinstance(value, list):
            return ['%s is no array' % where]
        return [fault for i, one in enumerate(value) for fault in shape(one, wanted[0], '%s[%d]' % (where, i), exact)]
    if isinstance(wanted, set):
        return [] if value in wanted else ['%s is %r' % (where, value)]
    if isinstance(wanted, type):
        fits = isinstance(value, wanted) and (wanted is not int or (not isinstance(value, bool) and value >= 0))
        return [] if fits else ['%s is %r' % (where, value)]
    if not isinstance(value, dict):
        return ['%s is no object' % where]
    faults = []
    for name, inner in wanted.items():
        plain = name.rstrip('?')
        if plain in value:
            faults += shape(value[plain], inner, '%s.%s' % (where, plain), exact)
        elif name == plain:
            faults.append('%s.%s is missing' % (where, plain))
    known = {name.rstrip('?') for name in wanted}
    if exact:
        faults += ['%s.%s is not in the schema' % (where, name) for name in value if name not in known]
    return faults


def loads(data):
    """Strict JSON: no member twice, no NaN."""
    def members(pairs):
        assert len({name for name, _ in pairs}) == len(pairs), 'a member twice'
        return dict(pairs)

    def no_constant(name):
        raise ValueError(name)
    return json.loads(data.decode('utf-8'), object_pairs_hook=members, parse_constant=no_constant)


def documents(image, name, status):
    """Every command's JSON against the interface."""
    for command in ('check', 'df', 'backups', 'restore'):
        more = ['--dry-run'] if command == 'restore' else []
        done = run(command, '--json', *more, image)
        try:
            document = loads(done.stdout)
        except (ValueError, AssertionError) as error:
            ok('%s %s: JSON' % (command, name), False, error)
            continue
        faults = shape(document, SHAPES[command], command)
        ok('%s %s: as the interface has it' % (command, name), not faults, faults[:5])
        ok('%s %s: schema' % (command, name), document['schema'] == 'fsck-lite/%s/1' % command)
        if command in ('check', 'df'):
            ok('%s %s: status' % (command, name), done.returncode == status, done.returncode, done.stderr)
            usage = document.get('usage', document)
            ok('%s %s: owners add up' % (command, name),
               sum(usage['owners'].values()) == document['filesystem']['blocks'])
            listed = {}
            for finding in document['findings']:
                listed[finding['code']] = listed.get(finding['code'], 0) + 1
            ok('%s %s: the summary counts what is listed' % (command, name), listed == document['summary'],
               listed, document['summary'])


def every_report(image, name):
    """The same findings in each form, whatever their names hold."""
    whole = loads(run('check', '--json', image).stdout)
    lines = run('check', '--jsonl', image).stdout.split(b'\n')
    ok(name + ': JSON lines end with a line end', lines.pop() == b'')
    lines = [loads(line) for line in lines]
    ok(name + ': JSON lines hold the same findings', lines[:-1] == whole['findings'])
    ok(name + ': the last line has the verdict',
       lines[-1]['verdict'] == whole['verdict'] and lines[-1]['summary'] == whole['summary'] and
       lines[-1]['schema'] == 'fsck-lite/check/1')
    done = run('check', '--sarif', '-', image)
    sarif = loads(done.stdout)
    faults = shape(sarif, SHAPES['sarif'], 'sarif', exact=True)
    ok(name + ': SARIF as its schema has it', not faults, faults[:5])
    results = sarif['runs'][0]['results']
    ok(name + ': SARIF has every finding', [r['ruleId'] for r in results] == [f['code'] for f in whole['findings']])
    # What lies beyond the end of an image that was cut has its place, too.
    size = whole['filesystem']['blocks'] * whole['filesystem']['block_size']
    regions = [location['physicalLocation'].get('region') for r in results for location in r['locations']]
    ok(name + ': SARIF regions lie inside the filesystem', all(
        0 <= r['byteOffset'] and r['byteLength'] > 0 and r['byteOffset'] + r['byteLength'] <= size
        for r in regions if r), regions[:5])
    suite = xml.fromstring(run('check', '--junit', '-', image).stdout)[0]
    failures = {case.get('name') for case in suite if case.find('failure') is not None}
    errors = {f['code'] for f in whole['findings'] if f['severity'] == 'error'}
    ok(name + ': JUnit fails what has an error', failures == errors, failures ^ errors)
    for kind, element in (('failures', 'failure'), ('errors', 'error'), ('skipped', 'skipped')):
        ok('%s: JUnit counts its %s' % (name, kind),
           int(suite.get(kind)) == sum(case.find(element) is not None for case in suite))
    ok(name + ': JUnit counts its tests', int(suite.get('tests')) == len(suite))
    return whole, results, suite


def hostile_names(folder):
    image = built(HOSTILE, os.path.join(folder, 'names "\'&<.img'))
    documents(image, 'hostile names', 4)
    whole, results, _ = every_report(image, 'hostile names')
    names = {base64.b64decode(f['name_base64']) for f in whole['findings'] if 'name_base64' in f}
    ok('the bytes of a name that is not UTF-8', FIRST in names, names)
    plain = [f['name'] for f in whole['findings'] if 'name_base64' in f]
    ok('and it with U+FFFD', FIRST.decode('utf-8', 'replace') in plain, plain)
    paths = {f['where'].get('path') for f in whole['findings']}
    ok('a name that is UTF-8 as it is', '/' + SECOND.decode() in paths, paths)
    listed = loads(run('ls', '--json', image).stdout)['directories'][0]['entries']
    ok('ls: both', {FIRST, SECOND} <= {base64.b64decode(e['name_base64']) if 'name_base64' in e else e['name'].encode()
                                        for e in listed}, listed)
    for arguments in (['check'], ['df'], ['ls', '-l'], ['ls']):
        out = run(*arguments, image).stdout
        ok('%s: no control character on stdout' % arguments, not re.search(rb'[\x00-\x09\x0b-\x1f\x7f]', out), out)


def selections(story):
    """--ignore, --severity, --max-findings and --profile, in each of the forms."""
    base = ['check', story]
    suite = xml.fromstring(run(*base, '--junit', '-', '--ignore', 'directory-lost').stdout)[0]
    case = [case for case in suite if case.get('name') == 'directory-lost'][0]
    ok('JUnit: what is ignored is skipped', case.find('skipped') is not None)
    cases = {case.get('name'): case for case in suite}
    ok('JUnit: what was not asked is skipped', cases['published-mounted'].find('skipped') is not None)
    done = run(*base, '--junit', '-', '--profile', 'image')
    cases = {case.get('name'): case for case in xml.fromstring(done.stdout)[0]}
    ok('JUnit: asked under the profile', cases['published-mounted'].find('skipped') is None)
    sarif = loads(run(*base, '--sarif', '-', '--severity', 'error', '--max-findings', '1').stdout)['runs'][0]
    rules = [rule['id'] for rule in sarif['tool']['driver']['rules']]
    ok('SARIF: only errors, one of each', sorted(r['ruleId'] for r in sarif['results']) ==
       ['directory-lost', 'link-count-wrong'], sarif['results'])
    ok('SARIF: each leads to its rule', all(rules[r['ruleIndex']] == r['ruleId'] for r in sarif['results']))
    none = loads(run(*base, '--json', '--max-findings', '0').stdout)
    ok('--max-findings 0 lists nothing and counts all', none['findings'] == [] and none['summary']['directory-lost'] == 3)
    ok('and the verdict stays', none['verdict'] == 'errors')
    for wrong in (['--ignore', 'no-such'], ['--severity', 'fatal'], ['--max-findings', '-1'], ['--profile', 'x'],
                  ['--memory-limit', '1Q'], ['--threads', '0'], ['--threads', 'x'], ['-B', '3000'], ['-b', '-1'],
                  ['-b', '99999999999999999999'], ['--json', '--sarif', '-'], ['--junit', '-', '--sarif', '-'],
                  ['--sarif', ''], ['--map'], ['--json=1']):
        done = run(*base, *wrong)
        ok('%s: wrong usage in a line' % wrong, done.returncode == 16 and done.stderr.count(b'\n') == 1 and
           not done.stdout, done.returncode, done.stderr)
    for block in ('18446744073709551615', '9223372036854775807', '16383', '4294967296'):
        done = run(*base, '-b', block, '--json')
        ok('-b %s: no superblock there' % block, done.returncode == 8 and
           loads(done.stdout)['verdict'] == 'unusable', done.returncode, done.stderr)


def unusable(folder):
    """What could not be opened is not called clean anywhere, and every report says why."""
    garbage = os.path.join(folder, 'garbage')
    with open(garbage, 'wb') as file:
        file.write(b'\x5a' * 300000)
    for image, code in ((garbage, 'superblock-magic'), (os.path.join(folder, 'none'), 'open-failed')):
        done = run('check', '--json', image)
        document = loads(done.stdout)
        ok('unusable: 8', done.returncode == 8)
        ok('unusable: JSON', document['verdict'] == 'unusable' and [f['code'] for f in document['findings']] == [code],
           document)
        ok('unusable: the finding', not shape(document['findings'], [SHAPES['finding']], 'findings'))
        done = run('df', '--json', image)
        figures = loads(done.stdout)
        ok('unusable: df ends with 8', done.returncode == 8, done.returncode)
        ok('unusable: df has a document, the reason, and no figure',
           figures.pop('schema') == 'fsck-lite/df/1' and
           figures == {member: document[member] for member in ('image', 'findings', 'summary', 'advice')}, figures)
        for command, *more in (['backups', image], ['ls', image], ['ls', '--lost', image], ['show', image, 'super'],
                               ['restore', '--tar', os.devnull, image]):
            done = run(command, '--json', *more)
            said = loads(done.stdout)
            ok('unusable: %s %s has the reason and nothing else' % (command, more[0]),
               done.returncode == 8 and said == {'schema': 'fsck-lite/%s/1' % command, 'image': document['image'],
                                                 'findings': document['findings']}, done.returncode, said)
        one = loads(run('check', '--sarif', '-', image).stdout)['runs'][0]
        ok('unusable: SARIF', one['invocations'][0]['executionSuccessful'] is False and one['results'][0]['ruleId'] == code)
        suite = xml.fromstring(run('check', '--junit', '-', image).stdout)[0]
        good = [case.get('name') for case in suite if len(case) == 0]
        ok('unusable: JUnit passes nothing', suite.get('errors') == '1' and not good, good[:5])


def wrappings(folder, story):
    """gzip, qcow2, a partition: the same findings at the same places of the filesystem."""
    def told(*arguments):
        document = loads(run('check', '--json', *arguments).stdout)
        return document['findings'], document['usage'], document['summary']
    wanted = told(story)
    with open(story, 'rb') as file:
        content = file.read()
    packed = os.path.join(folder, 'story.img.gz')
    with gzip.open(packed, 'wb') as file:
        file.write(content)
    ok('gzip', told(packed) == wanted)
    if shutil.which('qemu-img'):
        for option in ([], ['-c']):
            subprocess.run(['qemu-img', 'convert', *option, '-O', 'qcow2', story, os.path.join(folder, 'q')], check=True)
            ok('qcow2 %s' % option, told(os.path.join(folder, 'q')) == wanted)
    else:
        skip('qemu-img is not installed: no check of a qcow2 image here')
    disk = os.path.join(folder, 'disk')
    table = bytearray(1 << 20)
    table[446:462] = struct.pack('<B3sB3sII', 0, bytes(3), 0x83, bytes(3), 2048, len(content) // 512)
    table[510:512] = b'\x55\xaa'
    with open(disk, 'wb') as file:
        file.write(bytes(table) + content)
    for arguments in ([], ['--partition', '1'], ['--offset', '1M'], ['--offset', '2048s']):
        ok('a partition %s' % arguments, told(disk, *arguments) == wanted)
    ok('no partition 2', run('check', '--partition', '2', disk).returncode == 8)
    sarif = loads(run('check', '--sarif', '-', disk).stdout)['runs'][0]['results']
    inner = loads(run('check', '--sarif', '-', story).stdout)['runs'][0]['results']
    both = [[r['locations'][0]['physicalLocation'].get('region', {}).get('byteOffset') for r in one]
            for one in (sarif, inner)]
    ok('SARIF: regions count from the start of the disk', both[0] == [b if b is None else b + (1 << 20)
                                                                     for b in both[1]], both)


def failing_files(folder, story):
    """A closed pipe is no error, a full disk is; a report that cannot be written is said to be missing."""
    for form in ([], ['--json'], ['--jsonl'], ['--sarif', '-'], ['--junit', '-']):
        here, there = os.pipe()
        os.close(here)
        done = run('check', *form, story, stdout=there)
        os.close(there)
        ok('closed pipe %s' % form, done.returncode == 4 and not done.stderr, done.returncode, done.stderr)
        if os.path.exists('/dev/full'):
            with open('/dev/full', 'wb') as full:
                done = run('check', *form, story, stdout=full)
            ok('full disk %s' % form, done.returncode == 8 and b'standard output: ' in done.stderr, done.stderr)
    for option in ('--sarif', '--junit'):
        for path in (folder, os.path.join(folder, 'no', 'folder'), '/dev/full'):
            if path != '/dev/full' or os.path.exists(path):
                done = run('check', '-q', option, path, story)
                ok('%s %s' % (option, path), done.returncode == 8 and path.encode() in done.stderr, done.stderr)
    locked = os.path.join(folder, 'locked')
    os.mkdir(locked, 0o555)
    if os.geteuid() != 0:
        ok('a read-only folder', run('check', '-q', '--sarif', os.path.join(locked, 'x'), story).returncode == 8)
    else:
        skip('root may write everywhere: no read-only folder')
    done = subprocess.run(['sh', '-c', 'exec "$@" <&-', 'sh', PROGRAM, 'check', '--json', story],
                          stdout=subprocess.PIPE, timeout=TIMEOUT)
    ok('stdin closed', done.returncode == 4 and loads(done.stdout)['verdict'] == 'errors')


def limits(folder, story):
    """The same bytes with any number of threads and any memory that suffices; unread is not wrong."""
    whole = run('check', '--json', story).stdout
    for option in (['--threads', '1'], ['--threads', '7'], ['--threads', '100000'], ['--memory-limit', '8M'],
                   ['--memory-limit', '8M', '--threads', '64']):
        ok('%s' % option, run('check', '--json', *option, story).stdout == whole)
    done = run('check', '--json', '--memory-limit', '10K', story)
    ok('too little memory is said before the start', done.returncode == 8 and not done.stdout and
       b'--memory-limit' in done.stderr, done.stderr)
    path = os.path.join(folder, 'map')
    size = os.path.getsize(story)
    with open(path, 'w') as file:
        file.write('0x0 + 1\n0x0 0x%x +\n0x%x 0x%x -\n' % (size // 2, size // 2, size - size // 2))
    document = loads(run('check', '--json', '--map', path, story).stdout)
    ok('--map: the unread half is named', any('unreadable' in code for code in document['summary']), document['summary'])
    ok('--map: no file map here', run('check', '--map', story, story).returncode == 8)


def main():
    with tempfile.TemporaryDirectory(prefix='fsck-lite-') as folder:
        story = built('founding-story', os.path.join(folder, 'story.img'))
        for name, status in (('founding-story', 4), ('dirent-type-missing', 0), ('journal-history', 0),
                             ('extent-magic', 4), ('image-truncated', 4)):
            image = built(name, os.path.join(folder, name))
            documents(image, name, status)
            every_report(image, name)
        hostile_names(folder)
        selections(story)
        unusable(folder)
        wrappings(folder, story)
        failing_files(folder, story)
        limits(folder, story)
    end()


main()
