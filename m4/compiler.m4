# SPDX-License-Identifier: MIT
# What the compiler takes: warnings one by one, the sanitizers, the fuzzer.

# FSCK_COMPILER_FLAGS(VARIABLE, FLAGS)
# Adds to VARIABLE each of FLAGS that the compiler takes in silence. Under -Werror, since clang only
# warns of a flag that it does not know.
AC_DEFUN([FSCK_COMPILER_FLAGS],
[m4_foreach_w([fsck_flag], [$2], [_FSCK_COMPILER_FLAG([$1], m4_defn([fsck_flag]))])])

AC_DEFUN([_FSCK_COMPILER_FLAG],
[AS_VAR_PUSHDEF([fsck_cached], [fsck_cv_flag_$2])dnl
AC_CACHE_CHECK([whether $CC takes $2], [fsck_cached],
	[fsck_saved_cflags=$CFLAGS
	CFLAGS="$CFLAGS -Werror $2"
	AC_COMPILE_IFELSE([AC_LANG_PROGRAM([], [])],
		[AS_VAR_SET([fsck_cached], [yes])], [AS_VAR_SET([fsck_cached], [no])])
	CFLAGS=$fsck_saved_cflags])
AS_VAR_IF([fsck_cached], [yes], [$1="$$1 $2"])
AS_VAR_POPDEF([fsck_cached])])

# FSCK_LINKS_WITH(FLAGS, WHAT)
# Stops when a program cannot be built with FLAGS, which the user has asked for.
AC_DEFUN([FSCK_LINKS_WITH],
[AC_MSG_CHECKING([whether $CC links with $1])
fsck_saved_cflags=$CFLAGS
CFLAGS="$CFLAGS $1"
AC_LINK_IFELSE([AC_LANG_PROGRAM([], [])], [AC_MSG_RESULT([yes])],
	[AC_MSG_RESULT([no])
	AC_MSG_ERROR([$2 is not possible with $CC])])
CFLAGS=$fsck_saved_cflags])

# FSCK_SANITIZERS
# --enable-sanitizers: the first report ends the program, so that no test can pass over it.
AC_DEFUN([FSCK_SANITIZERS],
[SANITIZER_CFLAGS=
AS_IF([test "$enable_sanitizers" = yes], [
	SANITIZER_CFLAGS="-fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer -g"
	FSCK_LINKS_WITH([$SANITIZER_CFLAGS], [--enable-sanitizers])
])
AM_CONDITIONAL([SANITIZERS], [test "$enable_sanitizers" = yes])
AC_SUBST([SANITIZER_CFLAGS])])

# FSCK_FUZZING
# --enable-fuzzing: instruments everything, and gives the fuzz targets libFuzzer's main. Checksums
# are taken as right, or the fuzzer would spend its life failing to guess them.
AC_DEFUN([FSCK_FUZZING],
[FUZZ_LDFLAGS=
AS_IF([test "$enable_fuzzing" = yes], [
	SANITIZER_CFLAGS="-fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer -g"
	FUZZ_LDFLAGS="-fsanitize=fuzzer"
	FSCK_LINKS_WITH([$SANITIZER_CFLAGS], [--enable-fuzzing (use CC=clang)])
	AC_DEFINE([EXT_SKIP_CHECKSUMS], [1], [Take every checksum as right: for fuzzing only.])
])
AM_CONDITIONAL([FUZZING], [test "$enable_fuzzing" = yes])
AC_SUBST([FUZZ_LDFLAGS])])
