/* SPDX-License-Identifier: MIT */
/* Records of a pax extended header, gathered for one entry: "LENGTH KEY=VALUE\n". */
#ifndef RESCUE_PAX_H
#define RESCUE_PAX_H

#include <ext/xattr.h>

struct pax {
	char *data;
	size_t length, size;
	bool failed; /* a record was lost for want of memory */
};

void pax_add(struct pax *pax, const char *key, const char *value, size_t length);
void pax_add_number(struct pax *pax, const char *key, uint64_t value);
void pax_add_time(struct pax *pax, const char *key, struct ext_time time);

/*
 * An attribute as SCHILY.xattr.NAME; an ACL as text in SCHILY.acl. Internal ones are left out.
 * False: there is no way to say it in a record.
 */
bool pax_add_xattr(struct pax *pax, const struct ext_xattr *xattr, struct ext_span value);

/* Forgets the records; pax_free also the memory. */
void pax_clear(struct pax *pax);
void pax_free(struct pax *pax);

#endif
