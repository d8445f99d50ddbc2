# SPDX-License-Identifier: MIT
"""Where the corpus lies, and how its images come out of it: gunzipped, with their holes, into a
folder that goes away. What the images should make a tool say is the business of score.py."""

import json
import os
import sys
import zlib

SKIP = 77
ZEROS = bytes(1 << 16)


def folder():
    """FSCK_LITE_CORPUS, or the first `shared/corpus` beside a parent of the sources; skips without."""
    named = os.environ.get('FSCK_LITE_CORPUS')
    candidates = [named] if named else []
    here = os.path.dirname(os.path.abspath(__file__))
    while not named and here != '/':
        here = os.path.dirname(here)
        candidates.append(os.path.join(here, 'shared', 'corpus'))
    for path in candidates:
        for place in (os.path.join(path, 'e2fsprogs'), path):
            if os.path.isdir(place) and any(
                    os.path.exists(os.path.join(place, name, 'oracle.json')) for name in os.listdir(place)):
                return place
    print('SKIP: no corpus: set FSCK_LITE_CORPUS')
    sys.exit(SKIP)


def code_names():
    """{code: (name, kind)} from pr-codes.tsv beside the corpus, if there."""
    names = {}
    path = os.path.join(os.path.dirname(folder()), 'pr-codes.tsv')
    if os.path.exists(path):
        with open(path) as file:
            for line in file:
                code, name, _, kind = line.split('\t')[:4]
                names[code] = (name, kind)
    return names


class Item:
    """One image of the corpus with its oracle."""

    def __init__(self, path):
        self.path = path
        with open(os.path.join(path, 'oracle.json')) as file:
            self.oracle = json.load(file)
        self.id = self.oracle['id']
        self.has_journal = os.path.exists(os.path.join(path, 'journal.gz'))

    def unpack(self, folder):
        """(image, journal or None), in `folder`, as sparse as they can be; kept there for later runs."""
        image = os.path.join(folder, self.id + '.img')
        gunzip(os.path.join(self.path, 'image.gz'), image)
        if not self.has_journal:
            return image, None
        journal = os.path.join(folder, self.id + '.journal')
        gunzip(os.path.join(self.path, 'journal.gz'), journal)
        return image, journal


def unpacked():
    """The folder that keeps the unpacked images (half a gigabyte): FSCK_LITE_CORPUS_UNPACKED, or in
    the build tree."""
    path = os.path.abspath(os.environ.get('FSCK_LITE_CORPUS_UNPACKED', 'tests/corpus/images'))
    os.makedirs(path, exist_ok=True)
    return path


def pieces(file):
    """What a gzip'd file holds, in pieces. Most of these images are holes, for which the gzip module takes
    twice as long. Little is fed at a time: what the stream has not come to is copied for every piece."""
    stream, packed = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16), file.read(4096)
    while packed or not stream.eof:
        if stream.eof:
            stream = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
        data = stream.decompress(packed, len(ZEROS))
        packed = stream.unused_data if stream.eof else stream.unconsumed_tail
        if not packed and len(data) < len(ZEROS):
            packed = file.read(4096)
            if not packed and not stream.eof and not data:
                raise EOFError('the gzip stream has no end')
        yield data


def gunzip(source, target):
    if os.path.exists(target):
        return
    unfinished = '%s.%d' % (target, os.getpid())
    with open(source, 'rb') as packed, open(unfinished, 'wb') as out:
        size = 0
        for data in pieces(packed):
            if data != ZEROS[:len(data)]:
                out.seek(size)
                out.write(data)
            size += len(data)
        out.truncate(size)
    os.rename(unfinished, target)


def items(wanted=()):
    place = folder()
    for name in sorted(os.listdir(place)):
        if os.path.exists(os.path.join(place, name, 'oracle.json')) and (not wanted or name in wanted):
            yield Item(os.path.join(place, name))
