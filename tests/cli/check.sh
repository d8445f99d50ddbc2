#!/bin/sh
# SPDX-License-Identifier: MIT
# What check prints, in all its forms, and how it behaves as fsck(8) expects.
. "$top_srcdir/tests/cli/expect.sh"
recipes=$top_srcdir/fixtures/recipes

make_image()
{
	"$MKFIXTURE" "$recipes/$1.recipe" "$work/$2" || exit 99
}

# json FILE EXPRESSION: is the Python expression true of the document d?
json()
{
	python3 -c 'import json, sys
d = json.load(open(sys.argv[1]))
sys.exit(0 if eval(sys.argv[2]) else 1)' "$1" "$2"
}

make_image founding-story story.img
make_image dirent-to-unused-inode ghost.img
make_image htree-hash-low index.img
make_image dirent-type-missing warning.img
make_image extent-tree-shallower deep.img

# A version of encryption contexts that is not known yet is no fault.
{
	grep -v '^damage\|^expect' "$recipes/encryption-context.recipe"
	echo 'damage xattr /d encryption.c : value = 07, checksum fixed'
} >"$work/recipe"
"$MKFIXTURE" "$work/recipe" "$work/later.img" || exit 99
run 0 check "$work/later.img"

# More names than 16 bits count: 66 of them, and 65536 more.
cat >"$work/recipe" <<'END'
image 16384 blocks of 1024, type ext4
dir /d 65602 entries, one_inode
damage inode /d/name-000000 : i_links_count = 66, checksum fixed
END
"$MKFIXTURE" "$work/recipe" "$work/many.img" || exit 99
for threads in 1 2; do
	run 4 check --threads "$threads" "$work/many.img"
	says '66 links counted on disk, 65602 names found'
done
rm -f "$work/many.img"

# Text: what is lost, what does no harm, what to do next.
run 4 check "$work/story.img"
says '^What is lost'
says '80 inodes and 5293 blocks hang below'
says '^What is wrong, but harms no data'
says '^What to do next'
says 'fsck-lite restore .* --output rescued'
ok "the largest loss comes first" sh -c "grep directory-lost '$work/out' | head -n 1 | grep -q 'inode 12:'"

# The same bytes with any number of threads, and from run to run.
for image in story ghost index warning deep; do
	for form in --json --jsonl --verbose; do
		"$FSCK_LITE" check $form --threads 1 "$work/$image.img" >"$work/once"
		for threads in 1 2 3 4 8; do
			"$FSCK_LITE" check $form --threads "$threads" "$work/$image.img" >"$work/again"
			ok "$image, $form, $threads threads" cmp "$work/once" "$work/again"
		done
	done
done

# A finding a line; the last line has the verdict.
run 4 check --jsonl "$work/story.img"
ok "every line is a document" python3 -c 'import json, sys
lines = [json.loads(line) for line in open(sys.argv[1])]
sys.exit(0 if all("code" in line for line in lines[:-1]) and lines[-1]["verdict"] == "errors" and
         lines[-1]["summary"]["directory-lost"] == 3 else 1)' "$work/out"
run 16 check --json --jsonl "$work/story.img"

# What is listed, and what is counted.
run 4 check --json --max-findings 1 "$work/story.img"
ok "one of each code" json "$work/out" \
	'sum(f["code"] == "directory-lost" for f in d["findings"]) == 1 and d["summary"]["directory-lost"] == 3'
run 4 check --json --severity error "$work/story.img"
ok "errors alone" json "$work/out" 'all(f["severity"] == "error" for f in d["findings"]) and d["findings"]'
run 4 check --json "$work/story.img"
ok "what a message tells beside the fault is no expectation" json "$work/out" \
	'[(f["found"], f["second"], "expected" in f) for f in d["findings"] if f["code"] == "directory-lost"][0] == (80, 5293, False)'
run 0 check --json --ignore directory-lost --ignore link-count-wrong "$work/story.img"
ok "what is ignored is not there" json "$work/out" '"directory-lost" not in d["summary"] and d["verdict"] == "clean"'

# Reports beside: SARIF with byte regions, JUnit.
run 4 check -q --sarif "$work/s.sarif" --junit "$work/j.xml" "$work/ghost.img"
ok "SARIF is of version 2.1.0" json "$work/s.sarif" 'd["version"] == "2.1.0"'
ok "SARIF: every result leads to its rule" json "$work/s.sarif" \
	'all(d["runs"][0]["tool"]["driver"]["rules"][r["ruleIndex"]]["id"] == r["ruleId"] for r in d["runs"][0]["results"])'
ok "SARIF: the entry stands where its bytes are" python3 -c 'import json, struct, sys
image = open(sys.argv[2], "rb").read()
results = json.load(open(sys.argv[1]))["runs"][0]["results"]
at = [r["locations"][0]["physicalLocation"]["region"] for r in results
      if r["ruleId"] == "dirent-to-unused-inode"][0]
number = struct.unpack_from("<I", image, at["byteOffset"])[0]
sys.exit(0 if at["byteLength"] == 4 and image[at["byteOffset"] + 8:at["byteOffset"] + 13] == b"ghost" and number else 1)
' "$work/s.sarif" "$work/ghost.img"
ok "JUnit: one failure, with the finding" python3 -c 'import sys
import xml.etree.ElementTree as tree
suite = tree.parse(sys.argv[1]).getroot()[0]
failed = [case.get("name") for case in suite if case.find("failure") is not None]
sys.exit(0 if failed == ["dirent-to-unused-inode"] and int(suite.get("failures")) == 1 and
         int(suite.get("tests")) == len(list(suite)) else 1)' "$work/j.xml"
run 8 check -q --sarif "$work/no/such/directory" "$work/ghost.img"
complains 'no/such/directory'

# A published image tolerates no warning.
run 0 check "$work/warning.img"
run 4 check --profile image "$work/warning.img"

# Memory: a refusal before the start, or all is done.
run 8 check --memory-limit 64K "$work/story.img"
complains 'the check needs about .* 64.0 KiB are allowed'
ok "nothing on stdout" test ! -s "$work/out"
run 4 check --memory-limit 64M "$work/story.img"

# Called as fsck.ext4: one line when all is well, and no pretence.
ln -s "$FSCK_LITE" "$work/fsck.ext4"
"$work/fsck.ext4" -a "$work/warning.img" >"$work/out" 2>"$work/err"
ok "fsck.ext4 -a ends with 0" test $? -eq 0
says 'clean, [0-9]*/[0-9]* files, [0-9]*/[0-9]* blocks'
"$work/fsck.ext4" -y -f "$work/story.img" >"$work/out" 2>"$work/err"
ok "fsck.ext4 -y ends with 4" test $? -eq 4
says 'only checks, nothing was changed'
"$work/fsck.ext4" -V >"$work/out" 2>&1
ok "fsck.ext4 -V ends with 0" test $? -eq 0
"$work/fsck.ext4" -n -C3 -b 1 -B 1024 "$work/story.img" 3>"$work/progress" >"$work/out" 2>"$work/err"
ok "progress is told as e2fsck tells it" grep -q '^1 [0-9]* [0-9]* .*story.img$' "$work/progress"
ok "progress ends with the last pass" sh -c "tail -n 1 '$work/progress' | grep -q '^5 '"
summary
