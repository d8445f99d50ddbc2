# SPDX-License-Identifier: MIT
"""Every recipe of fixtures/recipes against `fsck-lite check` and `df`.

Of each recipe's image: check finds what its `expect` lines say, and nothing else but what its `also`
lines allow; df's owners add up to the size of the filesystem; and no byte of the image has changed.
Every problem that problem.def knows is provoked by the recipe that bears its slug, and every question
of e2fsck is named by a problem, or e2fsck-codes.tsv says why not.

    recipes.py [NAME...]    only these recipes

Lines of a recipe that are read here:

    expect SLUG [at KIND PLACE]   found at least once, or complained of where check cannot go on; KIND is inode, group, block or superblock, PLACE a
                                  number or the path of an inode
    expect clean                  nothing of severity warning or error is found
    expect unusable               check exits with 8
    expect exit N                 check exits with N
    expect asks SLUG CODE...      the codes of e2fsck that the findings of SLUG name here are these, and no others
    expect option OPTION          check is run with this option as well
    also   SLUG...                may be found
"""
import hashlib
import json
import os
import re
import subprocess
import sys
import tempfile

top = os.environ["top_srcdir"]
mkfixture = os.environ["MKFIXTURE"]
fsck_lite = os.environ["FSCK_LITE"]
# What check takes for now: some of what it looks at must not lie in the future.
os.environ["E2FSCK_TIME"] = "1750000000"
recipes = os.path.join(top, "fixtures", "recipes")
problems = os.path.join(top, "parser", "include", "ext", "problem")
# e2fsck's own list, and why some of its questions have no row.
e2fsck_codes = os.path.join(top, "tests", "cli", "e2fsck-codes.tsv")

# Problems that no image alone provokes, and why.
elsewhere = {
    "open-failed": "no image: tests/cli",
    "no-such-path": "a path on the command line: tests/cli",
    "block-range": "a block on the command line: tests/cli",
    "inode-range": "an inode on the command line: tests/cli",
    "not-a-directory": "a path on the command line: tests/cli",
    "file-map-damaged": "only where content is read: cat",
    "external-journal-given": "the journal of another image: tests/cli/journal.sh",
    "map-syntax": "no map: tests/parser/image",
    "image-truncated": "the source's answer to whoever reads there; check says blocks-beyond-end: tests/parser/image",
}

# What image formats say of themselves: tests/parser/image.
wrappings = re.compile("^(android-sparse|gzip|qcow2|image-packed|image-too-large)")

passed = failed = skipped = 0


def fail(name, text):
    global failed
    failed += 1
    print(f"FAIL: {name}: {text}")


def digest(path):
    """sha256 over the size, and place and content of all data: a hole that is filled changes it, too."""
    value = hashlib.sha256(str(os.path.getsize(path)).encode())
    with open(path, "rb", buffering=0) as file:
        end = 0
        while True:
            try:
                start = os.lseek(file.fileno(), end, os.SEEK_DATA)
            except OSError:     # no data behind `end`
                return value.hexdigest()
            end = os.lseek(file.fileno(), start, os.SEEK_HOLE)
            value.update(f"{start} {end} ".encode())
            os.lseek(file.fileno(), start, os.SEEK_SET)
            while start < end:
                part = file.read(min(1 << 20, end - start))
                value.update(part)
                start += len(part)


def run(*arguments):
    return subprocess.run([fsck_lite, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          timeout=300 * int(os.environ.get("FSCK_LITE_SLOWER", "1")))


class Recipe:
    def __init__(self, path):
        self.name = os.path.basename(path)[:-len(".recipe")]
        self.path = path
        self.wanted, self.allowed, self.options, self.asked = [], set(), [], {}
        self.clean = self.unusable = False
        self.status = None
        for line in open(path, encoding="utf-8", errors="surrogateescape"):
            words = line.split("#")[0].split() if not line.startswith("expect") else line.split()
            if words[:1] == ["also"]:
                self.allowed.update(words[1:])
            if words[:1] != ["expect"]:
                continue
            if words[1] == "clean":
                self.clean = True
            elif words[1] == "unusable":
                self.unusable = True
            elif words[1] == "exit":
                self.status = int(words[2])
            elif words[1] == "asks":
                self.asked[words[2]] = set(words[3:])
            elif words[1] == "option":
                self.options.append(words[2])
            else:
                at = words.index("at") if "at" in words else len(words)
                for slug in words[1:at]:
                    self.wanted.append((slug, words[at + 1:]))

    @property
    def says_something(self):
        return bool(self.wanted or self.clean or self.unusable or self.status is not None)


def stands_at(finding, place, names):
    """Does the finding stand at the place that the recipe names?"""
    where = finding.get("where", {})
    kind, rest = place[0], place[1:]
    if kind == "superblock":
        return where.get("structure") == "superblock"
    number = rest[0]
    if not number.isdigit():
        number = names.get(number)
    return number is not None and where.get(kind) == int(number)


def judge_check(recipe, image, names):
    """None, or what is wrong with check's answer."""
    answer = run("check", "--json", *recipe.options, image)
    try:
        report = json.loads(answer.stdout)
    except ValueError:
        return f"check's output is no JSON (exit {answer.returncode}): {answer.stderr[:300]!r}"
    findings = report.get("findings", [])
    found = {}
    for finding in findings:
        found.setdefault(finding["code"], []).append(finding)
    if answer.returncode == 8:
        # What cannot be opened is complained of.
        for slug in re.findall(r"\[([a-z0-9-]+)\]$", answer.stderr.decode(errors="replace"), re.M):
            found.setdefault(slug, []).append({"where": {}})
    if recipe.status is not None and answer.returncode != recipe.status:
        return f"check exits with {answer.returncode}, expected {recipe.status}"
    if recipe.unusable and answer.returncode != 8:
        return f"check exits with {answer.returncode}, expected 8"
    if recipe.clean:
        bad = sorted({f["code"] for f in findings if f["severity"] != "info"} - recipe.allowed)
        return f"expected clean, found {' '.join(bad)}" if bad else None
    for slug, place in recipe.wanted:
        if slug not in found:
            return f"{slug} is not found; found: {' '.join(sorted(found)) or 'nothing'}"
        if place and not any(stands_at(finding, place, names) for finding in found[slug]):
            seen = [finding.get("where") for finding in found[slug]]
            return f"{slug} is found, but not at {' '.join(place)}: {seen[:3]}"
    for slug, codes in recipe.asked.items():
        named = {code for finding in found.get(slug, []) for code in finding.get("e2fsck", [])}
        if named != codes:
            return f"{slug} names {' '.join(sorted(named)) or 'no code'}, expected {' '.join(sorted(codes))}"
    more = set(found) - {slug for slug, _ in recipe.wanted} - recipe.allowed
    if more:
        return f"found beside it: {' '.join(sorted(more))}"
    errors = any(finding["severity"] == "error" for finding in findings)
    if recipe.status is None and not recipe.unusable and (answer.returncode == 4) != errors:
        return f"check exits with {answer.returncode}, findings of severity error: {errors}"
    return None


def judge_df(report):
    if "owners" in report and sum(report["owners"].values()) != report["filesystem"]["blocks"]:
        return "df's owners do not add up to the size of the filesystem"
    return None


def df_alone(image):
    """What is wrong with df's answer for one image, or None."""
    answer = run("df", "--json", image)
    if answer.returncode not in (0, 4, 8):
        return f"df exits with {answer.returncode}: {answer.stderr[:300]!r}"
    if not answer.stdout and answer.returncode == 8:
        return None
    try:
        return judge_df(json.loads(answer.stdout))
    except ValueError:
        return "df's output is no JSON"


def df_of_all(images):
    """{image: what is wrong with df's answer, or None}. df takes them all in one run, which is much
    less work with sanitizers than hundreds of runs; where that ends badly, or is silent of one, that
    one is asked for alone."""
    reports = {}
    answer = run("df", "--json", *images)
    # The bits of all images together.
    if answer.returncode in (0, 4, 8, 12):
        text, decoder = answer.stdout.decode(errors="replace"), json.JSONDecoder()
        try:
            while text := text.lstrip():
                report, end = decoder.raw_decode(text)
                reports[report["image"]] = judge_df(report)
                text = text[end:]
        except (ValueError, KeyError):
            reports = {}
    return {image: reports[image] if image in reports else df_alone(image) for image in images}


def build(all_recipes, folder):
    """Builds all images in one run; where that fails one by one, to say which. Those that were built."""
    if subprocess.run([mkfixture, "--into", folder, *[recipe.path for recipe in all_recipes]],
                      stderr=subprocess.DEVNULL).returncode == 0:
        return all_recipes
    built = []
    for recipe in all_recipes:
        alone = subprocess.run([mkfixture, "--into", folder, recipe.path], stderr=subprocess.PIPE)
        if alone.returncode:
            fail(recipe.name, f"does not build: {alone.stderr.decode(errors='replace').strip()}")
        else:
            built.append(recipe)
    return built


def judge(recipe, image, before, wrong, has_check):
    global passed
    names_file, map_file, journal_file = image[:-len(".img")] + ".names", image[:-len(".img")] + ".map", image + ".journal"
    names = {}
    for line in open(names_file, encoding="utf-8", errors="surrogateescape"):
        number, path = line.rstrip("\n").split(" ", 1)
        names[path] = number
    if os.path.exists(map_file):
        recipe.options += ["--map", map_file]
    if os.path.exists(journal_file):
        recipe.options += ["-j", journal_file]
    if not wrong and has_check and recipe.says_something:
        wrong = judge_check(recipe, image, names)
    if not wrong and digest(image) != before:
        wrong = "the image has changed"
    if wrong:
        fail(recipe.name, wrong)
    else:
        passed += 1


def judge_catalogue(all_recipes):
    """Every problem has a recipe that bears its slug and expects it."""
    global passed
    proved = {recipe.name for recipe in all_recipes
              if any(slug == recipe.name for slug, _ in recipe.wanted)}
    known = set()
    for name in os.listdir(problems):
        with open(os.path.join(problems, name), encoding="utf-8") as file:
            known.update(re.findall(r'^PROBLEM\(\w+,\s*"([^"]+)"', file.read(), re.M))
    missing = sorted(slug for slug in known - proved - set(elsewhere)
                     if not wrappings.match(slug))
    if missing:
        fail("catalogue", f"{len(missing)} problems have no recipe: {' '.join(missing)}")
    else:
        passed += 1
    strangers = sorted({slug for recipe in all_recipes for slug, _ in recipe.wanted} - known)
    if strangers:
        fail("catalogue", f"recipes expect what problem.def does not know: {' '.join(strangers)}")
    else:
        passed += 1


def judge_codes():
    """Every question of e2fsck is named by a row, or the table says why not; and no row names what is none."""
    global passed
    named = {}
    for name in os.listdir(problems):
        with open(os.path.join(problems, name), encoding="utf-8") as file:
            for slug, codes in re.findall(r'^PROBLEM\(\w+,\s*"([^"]+)".*?\n\t"([^"]*)"\)$', file.read(),
                                          re.M | re.S):
                for code in codes.split():
                    named.setdefault(code, []).append(slug)
    with open(e2fsck_codes, encoding="utf-8") as lines:
        table = [line.rstrip("\n").split("\t") for line in lines if not line.startswith("#")]
    reasons = {row[0]: row[3] if len(row) > 3 else "" for row in table}
    wrong = [f"{code} {name}: no row names it, and no reason is given" for code, name, kind, *_ in table
             if kind == "question" and code not in named and not reasons[code]]
    wrong += [f"{code}: has a reason, but {named[code][0]} names it" for code in named if reasons.get(code)]
    wrong += [f"{code}: {named[code][0]} names it, e2fsck does not know it" for code in named
              if code not in reasons]
    for text in wrong:
        fail("e2fsck's codes", text)
    passed += not wrong


def main():
    global skipped
    wanted = sys.argv[1:]
    all_recipes = [Recipe(os.path.join(recipes, name)) for name in sorted(os.listdir(recipes))
                   if name.endswith(".recipe")]
    has_check = run("check", "--help").returncode == 0
    with tempfile.TemporaryDirectory() as folder:
        built = build([recipe for recipe in all_recipes if not wanted or recipe.name in wanted], folder)
        images = {recipe: os.path.join(folder, recipe.name + ".img") for recipe in built}
        before = {image: digest(image) for image in images.values()}
        wrong = df_of_all(list(before))
        for recipe, image in images.items():
            judge(recipe, image, before[image], wrong[image], has_check)
    if not has_check:
        print("SKIP: there is no command check yet: what recipes expect is not compared")
        skipped += 1
    elif not wanted:
        judge_catalogue(all_recipes)
        judge_codes()
    print(f"{passed} passed, {failed} failed, {skipped} skipped")
    return failed != 0


if __name__ == "__main__":
    sys.exit(main())
