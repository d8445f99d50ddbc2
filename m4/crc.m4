# FSCK_CRC32C: which CRC-32C instructions the compiler can emit in a function of their own. Compile
# and link tests only, so that a cross build answers too; whether the CPU has them is asked at run
# time. Defines HAVE_CRC32C_X86 and HAVE_CRC_FOLD, or HAVE_CRC32C_ARM and CRC32C_ARM_TARGET; and
# HAVE_SHA256_X86, where the compiler can ask for that extension, too.
AC_DEFUN([FSCK_CRC32C], [
AC_CACHE_CHECK([for crc32c instructions of x86], [fsck_cv_crc32c_x86], [
	AC_LINK_IFELSE([AC_LANG_SOURCE([[
#if !defined __x86_64__ && !defined __i386__
#error another CPU
#endif
#include <immintrin.h>
__attribute__((target("sse4.2"))) static unsigned one(unsigned crc, unsigned char byte)
{
	return _mm_crc32_u8(crc, byte);
}
#ifdef __x86_64__
__attribute__((target("sse4.2,pclmul"))) static int two(int a)
{
	__m128i v = _mm_cvtsi32_si128(a);
	return (int)_mm_cvtsi128_si64(_mm_clmulepi64_si128(v, v, 0));
}
#else
#define two(a) 0
#endif
int main(int argc, char **argv)
{
	(void)argv;
	if (!__builtin_cpu_supports("sse4.2") || !__builtin_cpu_supports("pclmul"))
		return 0;
	return (int)one(1, 2) + two(argc);
}]])], [fsck_cv_crc32c_x86=yes], [fsck_cv_crc32c_x86=no])])
AS_IF([test "$fsck_cv_crc32c_x86" = yes],
	[AC_DEFINE([HAVE_CRC32C_X86], [1], [Define if functions for SSE4.2 and PCLMULQDQ can be built.])])

AC_CACHE_CHECK([for carry-less multiplication of 512 bits], [fsck_cv_crc_fold], [
	AC_LINK_IFELSE([AC_LANG_SOURCE([[
#ifndef __x86_64__
#error another CPU
#endif
#include <immintrin.h>
__attribute__((target("avx512f,avx512bw,vpclmulqdq"))) static int one(const void *bytes)
{
	__m512i v = _mm512_shuffle_epi8(_mm512_loadu_si512(bytes), _mm512_broadcast_i32x4(_mm_set1_epi8(1)));
	v = _mm512_ternarylogic_epi64(_mm512_clmulepi64_epi128(v, v, 0), v,
				      _mm512_zextsi128_si512(_mm_cvtsi32_si128(1)), 0x96);
	return _mm_cvtsi128_si32(_mm512_castsi512_si128(v));
}
int main(int argc, char **argv)
{
	static char bytes[64];
	(void)argc;
	(void)argv;
	return __builtin_cpu_supports("vpclmulqdq") && __builtin_cpu_supports("avx512bw") ? one(bytes) : 0;
}]])], [fsck_cv_crc_fold=$fsck_cv_crc32c_x86], [fsck_cv_crc_fold=no])])
AS_IF([test "$fsck_cv_crc_fold" = yes],
	[AC_DEFINE([HAVE_CRC_FOLD], [1], [Define if functions for AVX-512 and VPCLMULQDQ can be built.])])

AC_CACHE_CHECK([for sha256 instructions of x86], [fsck_cv_sha256_x86], [
	AC_LINK_IFELSE([AC_LANG_SOURCE([[
#if !defined __x86_64__ && !defined __i386__
#error another CPU
#endif
#include <immintrin.h>
__attribute__((target("sha,sse4.1"))) static int one(int a)
{
	__m128i v = _mm_cvtsi32_si128(a);
	return _mm_cvtsi128_si32(_mm_sha256rnds2_epu32(v, v, _mm_sha256msg1_epu32(v, v)));
}
int main(int argc, char **argv)
{
	(void)argv;
	return __builtin_cpu_supports("sha") && __builtin_cpu_supports("sse4.1") ? one(argc) : 0;
}
]])], [fsck_cv_sha256_x86=yes], [fsck_cv_sha256_x86=no])])
AS_IF([test "$fsck_cv_sha256_x86" = yes],
	[AC_DEFINE([HAVE_SHA256_X86], [1], [Define if functions for the SHA extension can be built.])])

AC_CACHE_CHECK([for crc32c instructions of ARMv8], [fsck_cv_crc32c_arm], [
	fsck_cv_crc32c_arm=no
	for fsck_target in crc +crc arch=armv8-a+crc; do
		AC_LINK_IFELSE([AC_LANG_SOURCE([[
#if !defined __aarch64__ && !defined __arm__
#error another CPU
#endif
#ifdef __clang__
#ifndef __aarch64__
#error its back end gives up
#endif
#define __crc32cd __builtin_arm_crc32cd
#define __crc32cb __builtin_arm_crc32cb
#else
#include <arm_acle.h>
#endif
#include <sys/auxv.h>
__attribute__((target("$fsck_target"))) static unsigned one(unsigned crc, unsigned long long word)
{
	return __crc32cb(__crc32cd(crc, word), 1);
}
int main(int argc, char **argv)
{
	(void)argv;
#ifdef __aarch64__
	return getauxval(AT_HWCAP) & 1 ? (int)one((unsigned)argc, 2) : 0;
#else
	return getauxval(AT_HWCAP2) & 1 ? (int)one((unsigned)argc, 2) : 0;
#endif
}]])], [fsck_cv_crc32c_arm=$fsck_target; break])
	done])
AS_IF([test "$fsck_cv_crc32c_arm" != no], [
	AC_DEFINE([HAVE_CRC32C_ARM], [1], [Define if functions for the CRC32 extension of ARMv8 can be built.])
	AC_DEFINE_UNQUOTED([CRC32C_ARM_TARGET], ["$fsck_cv_crc32c_arm"], [The target attribute for it.])])
])
