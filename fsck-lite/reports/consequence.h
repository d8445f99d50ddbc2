/* SPDX-License-Identifier: MIT */
/*
 * What a finding means to the person who owns the data: something is lost, something could
 * not be read, something is damaged, something is wrong but does no harm, or it is only worth
 * knowing.
 */
#ifndef REPORTS_CONSEQUENCE_H
#define REPORTS_CONSEQUENCE_H

#include <ext/error.h>

enum consequence {
	CONSEQUENCE_LOST,     /* cannot be had by a path */
	CONSEQUENCE_UNREAD,   /* the medium did not give it: neither right nor wrong */
	CONSEQUENCE_DAMAGED,  /* is not what it should be; may be lost to the next write */
	CONSEQUENCE_HARMLESS, /* a count or mark that no data depend on */
	CONSEQUENCE_NOTE,
	CONSEQUENCE_COUNT
};

enum consequence consequence_of(enum ext_problem problem);

/* "What is lost", and so on. */
const char *consequence_heading(enum consequence consequence);

#endif
