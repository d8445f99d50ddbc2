/* SPDX-License-Identifier: MIT */
/*
 * Feature bits by name. The names are data (layout/flags.def); here is only the order in which
 * e2fsprogs prints them: all compat bits ascending, then incompat, then ro_compat.
 */
#include "config.h"

#include <stdio.h>

#include <ext/field.h>
#include <ext/superblock.h>

const char *ext_superblock_feature(const struct ext_superblock *superblock, unsigned index,
				   char text[16])
{
	const struct {
		uint32_t bits;
		char letter;
		const char *table;
	} words[] = {
		{superblock->compat, 'C', "compat"},
		{superblock->incompat, 'I', "incompat"},
		{superblock->ro_compat, 'R', "ro_compat"},
	};

	for (unsigned i = 0; i < 3; i++) {
		for (unsigned bit = 0; bit < 32; bit++) {
			const struct ext_flag_name *flag;

			if (!(words[i].bits >> bit & 1) || index-- > 0)
				continue;
			flag = ext_flag_by_value(ext_flags_by_name(words[i].table),
						 (uint64_t)1 << bit);
			if (flag && flag->name)
				return flag->name;
			snprintf(text, 16, "FEATURE_%c%u", words[i].letter, bit);
			return text;
		}
	}
	return NULL;
}
