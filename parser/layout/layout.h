/* SPDX-License-Identifier: MIT */
/*
 * The raw structures: struct ext_raw_superblock and all others, declared from the rows of the .def
 * files. Fields are read with get() and written with put(); byte strings are plain arrays.
 * For code that knows which field it wants; what walks over fields uses ext/field.h.
 */
#ifndef LAYOUT_LAYOUT_H
#define LAYOUT_LAYOUT_H

#include "bytes/endian.h"

/* What the second column of a row means. */
#define LAYOUT_TYPE_u8 uint8_t
#define LAYOUT_TYPE_le16 struct le16
#define LAYOUT_TYPE_le32 struct le32
#define LAYOUT_TYPE_le64 struct le64
#define LAYOUT_TYPE_be16 struct be16
#define LAYOUT_TYPE_be32 struct be32
#define LAYOUT_TYPE_be64 struct be64

#define EXPANDER "layout/members.h"
#include "layout/layouts.def"

#endif
