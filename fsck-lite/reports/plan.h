/* SPDX-License-Identifier: MIT */
/* What a repair will write, field by field, and what its proof came to. */
#ifndef REPORTS_PLAN_H
#define REPORTS_PLAN_H

#include "image.h"
#include "repairs/plan.h"
#include "reports/json.h"

void plan_text(const struct opened_image *image, const struct plan *plan, bool verbose);
void plan_text_proof(const struct opened_image *image, const struct proof *before,
		     const struct proof *after);

/* The members `plan` and `proof`. */
void plan_json(struct json *json, const struct opened_image *image, const struct plan *plan);
void plan_json_proof(struct json *json, const char *key, const struct proof *proof);

#endif
