#!/bin/sh
# SPDX-License-Identifier: MIT
# examples.sh DOCUMENT: prints the document with what each command in its ```console blocks prints now, run beside
# demo.img, the image of the founding story. `make update-documents` uses it, `make check` compares.
set -u
case $1 in
/*) document=$1 ;;
*) document=$PWD/$1 ;;
esac
work=$(mktemp -d) || exit 99
trap 'rm -rf "$work"' EXIT
mkdir "$work/bin"
ln -s "$FSCK_LITE" "$work/bin/fsck-lite"
PATH=$work/bin:$PATH
"$MKFIXTURE" "$top_srcdir/fixtures/recipes/founding-story.recipe" "$work/demo.img" || exit 99
cd "$work" || exit 99
awk '
	/^```console$/ { inside = 1; print; next }
	inside && /^```$/ { inside = 0; print; next }
	inside && /^\$ / { print; fflush(); system("{ " substr($0, 3) "; } 2>&1"); next }
	inside { next }
	{ print }' "$document"
