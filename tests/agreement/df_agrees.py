# SPDX-License-Identifier: MIT
"""`df --json` against the kernel's statfs(2) on every image; the account must add up to the block
and find nothing lost, leaked or wrong on filesystems that are clean. Where no kernel mounts the image
the numbers are computed here from what dumpe2fs prints (and that arithmetic is itself held against
the kernel on all others)."""

import re
import subprocess

import images
import judge

OWNERS = ('boot', 'superblocks', 'group_descriptors', 'reserved_gdt', 'block_bitmaps', 'inode_bitmaps', 'inode_tables',
          'mmp', 'journal', 'quota', 'other_reserved', 'directories', 'files', 'orphans', 'lost', 'leaked', 'free')


def dumpe2fs(path):
    """(header {key: text}, [text of each group])"""
    text = subprocess.run(['dumpe2fs', path], check=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL).stdout.decode('utf-8', 'replace')
    head, *groups = re.split(r'^Group (?=\d+:)', text, flags=re.M)
    header = dict(re.findall(r'^([^:\n]+):[ \t]+(.*)$', head, flags=re.M))
    return header, groups


def number(text):
    return int(re.match(r'\d+', text.strip()).group())


def in_words(text):
    """A size as dumpe2fs prints it: 16M, 4096k, 2098k."""
    count, unit = re.match(r'(\d+)([kMG]?)', text).groups()
    return int(count) << {'': 0, 'k': 10, 'M': 20, 'G': 30}[unit]


def expected_by_arithmetic(path):
    """What statfs(2) would say, from dumpe2fs's words; None for what it does not tell (bigalloc)."""
    header, groups = dumpe2fs(path)
    features = header['Filesystem features'].split()
    if 'bigalloc' in features:
        return None
    size, blocks = number(header['Block size']), number(header['Block count'])
    table = number(header['Inode blocks per group'])
    overhead = number(header['First block'])
    free = free_inodes = 0
    for group in groups:
        superblock = re.search(r'(Primary|Backup) superblock at', group) is not None
        found = re.search(r'Group descriptors? at (\d+)(?:-(\d+))?', group)
        descriptors = int(found.group(2) or found.group(1)) - int(found.group(1)) + 1 if found else 0
        reserved = number(header.get('Reserved GDT blocks', '0')) if superblock else 0
        overhead += superblock + descriptors + reserved + table + 2
        free += int(re.search(r'(\d+) free blocks', group).group(1))
        free_inodes += int(re.search(r'(\d+) free inodes', group).group(1))
    if 'has_journal' in features and 'Journal inode' in header:
        length = header.get('Total journal blocks') or header.get('Journal length')
        overhead += number(length) if length else -(-in_words(header['Total journal size']) // size)
    reserve = number(header['Reserved block count'])
    if 'extent' in features:
        reserve += min(blocks // 50, 4096)
    inodes = number(header['Inode count'])
    return {'block_size': size, 'blocks': blocks - overhead, 'used': blocks - overhead - free, 'free': free,
            'available': max(free - reserve, 0), 'inodes': inodes, 'inodes_used': inodes - free_inodes,
            'inodes_free': free_inodes}


def features_agree(failures, name, path, ours):
    header, _ = dumpe2fs(path)
    theirs = header['Filesystem features'].split()
    theirs = [] if theirs == ['(none)'] else theirs
    failures.equal(name, 'features', sorted(ours['features']), sorted(theirs))
    failures.equal(name, 'uuid', ours.get('uuid', ''), header['Filesystem UUID'].replace('<none>', ''))
    failures.equal(name, 'blocks', ours['blocks'], number(header['Block count']))
    failures.equal(name, 'inodes', ours['inodes'], number(header['Inode count']))
    failures.equal(name, 'block size', ours['block_size'], number(header['Block size']))


def judge_one(failures, image):
    name = image.name
    arithmetic = expected_by_arithmetic(image.path)
    if image.mount:
        with images.kernel_view(image) as root:
            expected = judge.statfs(root)
            walked = judge.kernel_walk(root, contents=False)
        if arithmetic:
            failures.equal(name + ' (this judge)', 'arithmetic', arithmetic, expected)
    else:
        expected = arithmetic
        walked = None
    with judge.Unchanged(image.path) as unchanged:
        result = unchanged.run('df', *images.journal_option(image), '--json', ...)
        text = unchanged.run('df', *images.journal_option(image), ...)
    failures.equal(name, 'exit status', result.status, 0)
    failures.equal(name, 'exit status of the text', text.status, 0)
    failures.true(name, 'the text is empty', text.out.strip())
    try:
        document = result.json
    except ValueError as error:
        failures.add(name, 'no JSON:', str(error), result.err.decode('utf-8', 'replace'))
        return
    failures.equal(name, 'schema', document.get('schema'), 'fsck-lite/df/1')
    features_agree(failures, name, image.path, document['filesystem'])
    if expected:
        failures.equal(name, 'df', {key: document['df'].get(key) for key in expected}, expected)
    owners = document['owners']
    failures.equal(name, 'owners', sorted(owners), sorted(OWNERS))
    failures.equal(name, 'sum of owners', sum(owners.values()), document['filesystem']['blocks'])
    for owner in ('lost', 'leaked', 'orphans'):
        failures.equal(name, owner, owners[owner], 0)
    failures.equal(name, 'lost', document.get('lost', {}), {'inodes': 0, 'blocks': 0})
    counts = document['counts']
    for what in ('blocks', 'inodes'):
        failures.equal(name, 'bitmaps and descriptors, free ' + what, counts['bitmaps_free_' + what],
                       counts['descriptors_free_' + what])
    failures.equal(name, 'shared_blocks', document.get('shared_blocks', 0), 0)
    failures.equal(name, 'used_but_marked_free', document.get('used_but_marked_free', 0), 0)
    wrong = [f for f in document['findings'] if f['severity'] != 'info']
    failures.equal(name, 'findings', [f['code'] + ': ' + f['message'] for f in wrong], [])
    failures.equal(name, 'verdict', document.get('verdict', 'clean'), 'clean')
    if walked:
        inodes = {entry['inode']: entry['type'] for entry in walked.values()}
        directories = sum(kind == 'directory' for kind in inodes.values())
        reach = document['reachable']
        failures.equal(name, 'directories reached', reach['directories'], directories)
        failures.equal(name, 'inodes reached', reach['inodes'], len(inodes))
        failures.equal(name, 'owners of what is reached', owners['directories'] + owners['files'], reach['blocks'])


def main():
    judge.private_mounts()
    judge.need('dumpe2fs', 'tune2fs', 'e2fsck', 'debugfs')
    judge.tool()
    failures = judge.Failures()
    count = 0
    for image in images.chosen():
        count += 1
        try:
            judge_one(failures, image)
        except Exception as error:      # one image must not hide the others
            failures.add(image.name, type(error).__name__, str(error))
    print('%d images' % count)
    failures.end('df agrees')


if __name__ == '__main__':
    main()
