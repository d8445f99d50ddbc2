#!/bin/sh
# SPDX-License-Identifier: MIT
# Builds zlib and the Check library for other machines, for those who have only the compilers:
#
#     libraries.sh PREFIX ZLIB-SOURCE CHECK-SOURCE [TARGET ...]
#
# puts them into PREFIX/TARGET, where ports.sh looks when PORTS_PREFIX is PREFIX. The sources are the
# unpacked folders of a release; CHECK-SOURCE may be - for none: then no unit tests run there.
set -u

here=$(cd "$(dirname "$0")" && pwd) || exit 8
[ $# -ge 3 ] || {
	sed -n '5,8s/^# \{0,1\}//p' "$0" >&2
	exit 16
}
prefix=$1 zlib=$2 check=$3
shift 3
mkdir -p "$prefix" && prefix=$(cd "$prefix" && pwd) || exit 8
# shellcheck disable=SC2046 # names of targets, a word each
[ $# -gt 0 ] || set -- $(sed -n 's/^\([a-z][^ #]*\) [^ ]* [^-].*/\1/p' "$here/targets")

build_zlib()
{
	cp -Rp "$zlib" "$work/zlib" && cd "$work/zlib" &&
		CC=$compiler CFLAGS='-O2' ./configure --static --prefix="$prefix/$target" &&
		make libz.a && make install
}

build_check()
{
	cp -Rp "$check" "$work/check" && cd "$work/check" &&
		./configure --host="$host" CC="$compiler" --prefix="$prefix/$target" --disable-shared \
			--disable-subunit --disable-build-docs &&
		make -C lib && make -C src && make -C lib install && make -C src install &&
		cp check_stdint.h "$prefix/$target/include" &&
		mkdir -p "$prefix/$target/lib/pkgconfig" &&
		# The sources of Debian name a library there that only its package has.
		sed 's/-lcheck_pic/-lcheck/' check.pc >"$prefix/$target/lib/pkgconfig/check.pc"
}

status=0
for target; do
	line=$(grep "^$target " "$here/targets") || {
		echo "no target is called $target; see $here/targets" >&2
		exit 16
	}
	# shellcheck disable=SC2086 # words are meant
	set -- $line
	compiler=$2 host=$3
	command -v "$compiler" >/dev/null 2>&1 || {
		echo "SKIPPED: $target: there is no $compiler"
		continue
	}
	work=$(mktemp -d) || exit 8
	for library in zlib check; do
		[ "$library:$check" = check:- ] && continue
		if (build_$library) >"$work/log" 2>&1; then
			echo "built: $library for $target"
		else
			tail -n 20 "$work/log"
			echo "FAILED: $library for $target"
			status=4
		fi
	done
	rm -rf "$work"
done
exit $status
