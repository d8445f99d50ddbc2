# SPDX-License-Identifier: MIT
# What the C library has: 64-bit times, threads, atomics.

# FSCK_TIME_BITS
# Asks for a 64-bit time_t where the C library offers a choice. Without one all still works:
# times are computed in 64 bits of our own and only restored ones are cut.
AC_DEFUN([FSCK_TIME_BITS],
[AC_CACHE_CHECK([for a 64-bit time_t], [fsck_cv_time_bits],
	[fsck_cv_time_bits=no
	AC_COMPILE_IFELSE([_FSCK_TIME_PROGRAM([])], [fsck_cv_time_bits=yes],
		[AC_COMPILE_IFELSE([_FSCK_TIME_PROGRAM([[
#undef _FILE_OFFSET_BITS
#define _FILE_OFFSET_BITS 64
#define _TIME_BITS 64]])], [fsck_cv_time_bits="with _TIME_BITS=64"])])])
AS_IF([test "$fsck_cv_time_bits" = "with _TIME_BITS=64"],
	[AC_DEFINE([_TIME_BITS], [64], [Define to 64 where that gives a 64-bit time_t.])])])

AC_DEFUN([_FSCK_TIME_PROGRAM],
[AC_LANG_SOURCE([$1
#include <time.h>
int time_is_wide[[sizeof(time_t) >= 8 ? 1 : -1]];
])])

# FSCK_THREADS
# Threads unless --disable-threads; -pthread only where the C library needs it.
AC_DEFUN([FSCK_THREADS],
[THREAD_CFLAGS=
THREAD_LIBS=
fsck_threads=no
AS_IF([test "$enable_threads" != no], [
	AC_MSG_CHECKING([how to link with threads])
	fsck_saved_libs=$LIBS
	for fsck_try in "" "-pthread" "-lpthread"; do
		LIBS="$fsck_try $fsck_saved_libs"
		AC_LINK_IFELSE([AC_LANG_PROGRAM([[#include <pthread.h>
static void *run(void *argument) { return argument; }]],
[[pthread_t thread; pthread_attr_t attributes;
pthread_attr_init(&attributes);
pthread_attr_setstacksize(&attributes, 262144);
if (pthread_create(&thread, &attributes, run, 0) != 0) return 1;
return pthread_join(thread, 0);]])], [fsck_threads=yes; THREAD_LIBS=$fsck_try; break])
	done
	LIBS=$fsck_saved_libs
	AS_IF([test "$fsck_threads" = yes],
		[AC_MSG_RESULT([${THREAD_LIBS:-as it is}])], [AC_MSG_RESULT([not found])])
])
AS_IF([test "$fsck_threads" = yes], [
	AC_DEFINE([HAVE_THREADS], [1], [Define when POSIX threads are there and wanted.])
	AS_IF([test "$THREAD_LIBS" = -pthread], [THREAD_CFLAGS=-pthread])
])
AC_SUBST([THREAD_CFLAGS])
AC_SUBST([THREAD_LIBS])])

# FSCK_ATOMICS
# What threads share, of 8 to 64 bits: for some widths some machines have no instruction (64 bits on powerpc,
# mips and armel, 8 and 16 on riscv64), and the compiler calls functions of libatomic instead.
AC_DEFUN([FSCK_ATOMICS],
[ATOMIC_LIBS=
fsck_atomics=no
AC_MSG_CHECKING([how to link with atomics])
fsck_saved_libs=$LIBS
for fsck_try in "" "-latomic"; do
	LIBS="$fsck_saved_libs $fsck_try"
	AC_LINK_IFELSE([AC_LANG_PROGRAM([[#include <stdatomic.h>
#include <stdint.h>
_Atomic uint64_t count;
_Atomic uint16_t half;
_Atomic uint8_t byte;]],
[[uint16_t before = 0;
atomic_store(&count, 1);
return atomic_fetch_add(&count, 1) + atomic_load(&count) != 3 ||
	!atomic_compare_exchange_strong(&half, &before, 1) || atomic_exchange(&byte, 1) != 0;]])], [fsck_atomics=yes; ATOMIC_LIBS=$fsck_try; break])
done
# In LIBS every program has it last, behind all that may call it.
AS_IF([test "$fsck_atomics" = yes],
	[LIBS="$fsck_saved_libs $ATOMIC_LIBS"
	AC_MSG_RESULT([${ATOMIC_LIBS:-as it is}])],
	[LIBS=$fsck_saved_libs
	AC_MSG_RESULT([not found])
	AC_MSG_ERROR([the C11 compiler needs <stdatomic.h>, and libatomic on this machine])])
AC_SUBST([ATOMIC_LIBS])])

# FSCK_IOCTL_REQUEST
# The type of ioctl's second argument: unsigned long with glibc, int with musl and POSIX.
AC_DEFUN([FSCK_IOCTL_REQUEST],
[AC_CACHE_CHECK([for the type of an ioctl request], [fsck_cv_ioctl_request],
	[AC_COMPILE_IFELSE([AC_LANG_SOURCE([[#include <sys/ioctl.h>
int ioctl(int, int, ...);
]])], [fsck_cv_ioctl_request=int], [fsck_cv_ioctl_request="unsigned long"])])
AC_DEFINE_UNQUOTED([IOCTL_REQUEST], [$fsck_cv_ioctl_request], [The type of an ioctl request.])])
