/* SPDX-License-Identifier: MIT */
/*
 * The main() of a fuzz target where there is no libFuzzer: runs it on each file that is named, and
 * on FUZZ_RUNS variants of each (environment; default 0), which are the same every time. A crash
 * leaves the number of the variant on stderr; FUZZ_KEEP=FILE keeps the input there.
 */
#include "config.h"

#include <stdio.h>

#include "fuzz.h"

struct random_numbers {
	uint64_t state;
};

static uint32_t next_number(struct random_numbers *numbers)
{
	numbers->state ^= numbers->state << 13;
	numbers->state ^= numbers->state >> 7;
	numbers->state ^= numbers->state << 17;
	return (uint32_t)(numbers->state >> 16);
}

/* Numbers that break things. */
static uint32_t nasty_number(struct random_numbers *numbers)
{
	static const uint32_t nasty[] = {
		0,	 1,	     0x7f,	 0x80, 0xff, 0x100,	 0x7fff,     0x8000, 0xffff,
		0x10000, 0x7fffffff, 0x80000000, 2,    8,    0xffffffff, 0xfffffffe, 1024,   4096};

	if (next_number(numbers) % 3 == 0)
		return next_number(numbers);
	return nasty[next_number(numbers) % (sizeof nasty / sizeof *nasty)];
}

/* A place to change: mostly among bytes that are not zero, where the structures are. */
static size_t place(struct random_numbers *numbers, const uint8_t *data, size_t size)
{
	size_t at = 0;

	for (unsigned try = 0; try < 64; try++) {
		at = next_number(numbers) % size;
		if (data[at] != 0)
			break;
	}
	return at;
}

static void vary(struct random_numbers *numbers, uint8_t *data, size_t size)
{
	for (unsigned left = 1 + next_number(numbers) % 8; left > 0; left--) {
		const size_t at = place(numbers, data, size);
		const size_t room = size - at;
		uint32_t number = nasty_number(numbers);
		size_t width = (size_t)1 << next_number(numbers) % 3;

		switch (next_number(numbers) % 8) {
		case 0: /* one bit */
			data[at] ^= (uint8_t)(1u << next_number(numbers) % 8);
			break;
		case 1: /* a run of zeros */
			width = next_number(numbers) % 2 ? 1024 : 16;
			memset(data + at, 0, width < room ? width : room);
			break;
		case 2: /* a copy from elsewhere */
			width = next_number(numbers) % 256;
			width = width < room ? width : room;
			memmove(data + at, data + next_number(numbers) % (size - width + 1), width);
			break;
		default: /* a number, little-endian, at a multiple of its width */
			for (size_t i = at & ~(width - 1); width > 0 && i < size; width--, i++) {
				data[i] = (uint8_t)number;
				number >>= 8;
			}
		}
	}
}

static uint8_t *read_whole(const char *path, size_t *size)
{
	FILE *const file = fopen(path, "rb");
	uint8_t *data = NULL;
	long length;

	if (!file || fseek(file, 0, SEEK_END) != 0 || (length = ftell(file)) < 0 ||
	    fseek(file, 0, SEEK_SET) != 0)
		goto out;
	*size = (size_t)length;
	data = malloc(*size + 1);
	if (data && fread(data, 1, *size, file) != *size) {
		free(data);
		data = NULL;
	}
out:
	if (file)
		fclose(file);
	return data;
}

/* For the one who wants to look at the input that crashed. */
static void keep(const uint8_t *data, size_t size)
{
	const char *path = getenv("FUZZ_KEEP");
	FILE *const file = path ? fopen(path, "wb") : NULL;

	if (!file)
		return;
	fwrite(data, 1, size, file);
	fclose(file);
}

int main(int argc, char **argv)
{
	const char *runs_text = getenv("FUZZ_RUNS");
	const char *from_text = getenv("FUZZ_FROM");
	const unsigned long runs = runs_text ? strtoul(runs_text, NULL, 10) : 0;
	const unsigned long from = from_text ? strtoul(from_text, NULL, 10) : 1;

	for (int i = 1; i < argc; i++) {
		size_t size = 0;
		uint8_t *data = read_whole(argv[i], &size);
		uint8_t *variant = data ? malloc(size + 1) : NULL;

		if (!data || !variant) {
			fprintf(stderr, "%s: cannot be read\n", argv[i]);
			free(data);
			return EXIT_FAILURE;
		}
		fprintf(stderr, "%s\n", argv[i]);
		keep(data, size);
		LLVMFuzzerTestOneInput(data, size);
		for (unsigned long run = from; run < from + runs && size > 0; run++) {
			struct random_numbers numbers = {run * 0x9e3779b97f4a7c15u};

			memcpy(variant, data, size);
			vary(&numbers, variant, size);
			keep(variant, size);
			if (getenv("FUZZ_TALK"))
				fprintf(stderr, "variant %lu\n", run);
			LLVMFuzzerTestOneInput(variant, size);
		}
		free(variant);
		free(data);
	}
	return EXIT_SUCCESS;
}
