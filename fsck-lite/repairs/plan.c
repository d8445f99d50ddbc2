/* SPDX-License-Identifier: MIT */
/* The list of writes that a repair consists of. */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "repairs/plan.h"

enum { GROW = 64 };

void plan_clear(struct plan *plan)
{
	for (size_t i = 0; i < plan->count; i++) {
		free(plan->writes[i].before);
		free(plan->writes[i].after);
	}
	free(plan->writes);
	*plan = (struct plan){0};
}

bool plan_add(struct plan *plan, const struct planned_write *write)
{
	struct planned_write *new;
	size_t at = plan->count;

	if (memcmp(write->before, write->after, write->length) == 0)
		return true;
	if (plan->count == plan->room) {
		void *const grown =
			realloc(plan->writes, (plan->room + GROW) * sizeof *plan->writes);

		if (!grown)
			return false;
		plan->writes = grown;
		plan->room += GROW;
	}
	while (at > 0 && plan->writes[at - 1].phase > write->phase) {
		plan->writes[at] = plan->writes[at - 1];
		at--;
	}
	new = &plan->writes[at];
	*new = *write;
	plan->count++;
	new->before = malloc(write->length);
	new->after = malloc(write->length);
	if (!new->before || !new->after)
		return false;
	memcpy(new->before, write->before, write->length);
	memcpy(new->after, write->after, write->length);
	return true;
}
