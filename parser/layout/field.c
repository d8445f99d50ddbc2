/* SPDX-License-Identifier: MIT */
/*
 * The format as tables: looks up structures and fields by name, reads and writes fields by row.
 * How a value is written for a person is show.c's business.
 */
#include "config.h"

#include <stddef.h>
#include <string.h>

#include <ext/field.h>

#include "layout/layout.h"

#define EXPANDER "layout/proofs.h"
#include "layout/layouts.def"
