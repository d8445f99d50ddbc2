# SPDX-License-Identifier: MIT
# FSCK_SIZE: what keeps the program small. Probed by linking, nothing is run.
#
# Every build leaves out functions and tables that nothing uses. A static binary is made for places where
# every byte counts (an initramfs, a rescue image): -Os unless CFLAGS says otherwise, no tables for
# unwinding the stack, which C has no use for, fixed addresses, and no gaps between the segments.
AC_DEFUN([FSCK_SIZE],
[SIZE_CFLAGS=
SIZE_LDFLAGS=
_FSCK_SIZE_FLAG([-ffunction-sections -fdata-sections], [-Wl,--gc-sections])
AS_IF([test "$enable_static_binary" = yes], [
	_FSCK_SIZE_FLAG([-fno-asynchronous-unwind-tables -fno-unwind-tables], [])
	_FSCK_SIZE_FLAG([-fno-pie], [-no-pie])
	_FSCK_SIZE_FLAG([], [-Wl,-z,noseparate-code])
])
AC_SUBST([SIZE_CFLAGS])
AC_SUBST([SIZE_LDFLAGS])])

# _FSCK_SIZE_FLAG(COMPILER-FLAGS, LINKER-FLAGS)
# Adds both when a program can be built with them in silence.
AC_DEFUN([_FSCK_SIZE_FLAG],
[AC_MSG_CHECKING([whether $CC builds with m4_normalize([$1 $2])])
fsck_saved_cflags=$CFLAGS
fsck_saved_ldflags=$LDFLAGS
CFLAGS="$CFLAGS -Werror $1"
LDFLAGS="$LDFLAGS $STATIC_LDFLAGS $2"
AC_LINK_IFELSE([AC_LANG_PROGRAM([], [])],
	[AC_MSG_RESULT([yes])
	SIZE_CFLAGS="$SIZE_CFLAGS $1"
	SIZE_LDFLAGS="$SIZE_LDFLAGS $2"],
	[AC_MSG_RESULT([no])])
CFLAGS=$fsck_saved_cflags
LDFLAGS=$fsck_saved_ldflags])
