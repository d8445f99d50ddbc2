/* SPDX-License-Identifier: MIT */
/* Values of attributes that lie in inodes of their own. */
#ifndef CHECKS_XATTR_VALUES_H
#define CHECKS_XATTR_VALUES_H

#include <ext/xattr.h>

#include "checks/inspection.h"

/* Reports a fault of one attribute, or of a space of attributes where `xattr` is NULL. */
void report_xattr(struct ext_sink *sink, enum ext_problem problem, const struct ext_place *place,
		  const struct ext_xattr *xattr, uint64_t found, uint64_t low, uint64_t high);

/* The entry against the inode that has its value. False: the entry is no good. */
bool inspect_value_inode(const struct inspection *inspection, const struct ext_place *place,
			 const struct ext_xattr *xattr, struct value_share *share);

/* The content of an inode that is marked as a value's, against its hash. */
void inspect_value_content(const struct inspection *inspection);

#endif
