/* SPDX-License-Identifier: MIT */
/* The repair of the primary superblock, its descriptor table, and their damaged copies. */
#ifndef REPAIRS_SUPERBLOCK_H
#define REPAIRS_SUPERBLOCK_H

#include "image.h"
#include "repairs/plan.h"

/*
 * Plans to write what `image` is read through into the primary's place, and into the place of every
 * copy that does not hold. Complains and returns an exit status unless all went well.
 */
int superblock_repair_plan(const struct opened_image *image, struct plan *plan);

/*
 * Proves the plan on a copy-on-write overlay: opens the primary there, with nothing else to help,
 * and walks it. `before` is the primary as it is now, `chosen` what `image` sees.
 */
int superblock_repair_prove(const struct options *options, const struct opened_image *image,
			    const struct plan *plan, struct proof *before, struct proof *chosen,
			    struct proof *after);

/* Is `after` at least as good as both? If not, `why` says what is worse. */
bool superblock_repair_holds(const struct proof *before, const struct proof *chosen,
			     const struct proof *after, const char **why);

#endif
