/* SPDX-License-Identifier: MIT */
/* The collection of findings behind every report. */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "accounting/findings.h"
#include "accounting/lock.h"

/* A finding without its 255 bytes for a name, which few have. */
struct kept {
	struct ext_place place;
	uint64_t found, low, high;
	char *name;
	uint16_t unasked;
	uint8_t asked;
	uint8_t name_length;
};

struct kept_list {
	uint64_t total;
	size_t count, size;
	struct kept *items;
	uint16_t unasked; /* codes that e2fsck asks of none of them */
};

struct findings {
	struct ext_sink sink;
	struct lock lock;
	uint64_t most;
	const bool *ignored;
	enum ext_severity least;
	struct kept_list lists[EXT_PROBLEM_COUNT];
};

static int compare_numbers(uint64_t a, uint64_t b)
{
	return a < b ? -1 : a > b;
}

static int compare_kept(const void *left, const void *right)
{
	const struct kept *a = left, *b = right;
	int order;

	if ((order = compare_numbers(a->place.group, b->place.group)) != 0 ||
	    (order = compare_numbers(a->place.inode, b->place.inode)) != 0 ||
	    (order = compare_numbers(a->place.logical, b->place.logical)) != 0 ||
	    (order = compare_numbers(a->place.block, b->place.block)) != 0 ||
	    (order = compare_numbers(a->place.offset, b->place.offset)) != 0 ||
	    (order = compare_numbers(a->found, b->found)) != 0 ||
	    (order = compare_numbers(a->low, b->low)) != 0 ||
	    (order = compare_numbers(a->high, b->high)) != 0 ||
	    (order = compare_numbers(a->unasked, b->unasked)) != 0 ||
	    (order = compare_numbers(a->asked, b->asked)) != 0 ||
	    (order = compare_numbers(a->name_length, b->name_length)) != 0)
		return order;
	if (a->place.field && b->place.field &&
	    (order = strcmp(a->place.field, b->place.field)) != 0)
		return order;
	return a->name_length ? memcmp(a->name, b->name, a->name_length) : 0;
}

/* The largest loss first. */
static int compare_losses(const void *left, const void *right)
{
	const struct kept *a = left, *b = right;
	const int order = compare_numbers(b->found, a->found);

	return order != 0 ? order : compare_kept(left, right);
}

/* Sorts a list and lets go of what is beyond the most that is kept. */
static void trim(struct kept_list *list, uint64_t most, enum ext_problem problem)
{
	if (list->count > 1)
		qsort(list->items, list->count, sizeof *list->items,
		      problem == EXT_DIRECTORY_LOST ? compare_losses : compare_kept);
	while (list->count > most)
		free(list->items[--list->count].name);
}

static bool make_room(struct findings *findings, struct kept_list *list, enum ext_problem problem)
{
	struct kept *items;
	size_t size;

	if (list->count < list->size)
		return true;
	/* Twice the most: then half can go, and sorting stays rare. */
	if (list->count >= 2 * findings->most) {
		trim(list, findings->most, problem);
		if (list->count < list->size)
			return true;
	}
	size = list->size ? list->size * 2 : 8;
	items = realloc(list->items, size * sizeof *items);
	if (!items)
		return false;
	list->items = items;
	list->size = size;
	return true;
}

static void keep(struct findings *findings, const struct ext_finding *finding)
{
	struct kept_list *list = &findings->lists[finding->problem];
	struct kept kept = {.place = finding->place,
			    .found = finding->found,
			    .low = finding->low,
			    .high = finding->high,
			    .unasked = finding->unasked,
			    .asked = finding->asked};

	list->total++;
	if (findings->most == 0)
		return;
	if (finding->name_length > 0) {
		kept.name = malloc(finding->name_length);
		if (kept.name) {
			memcpy(kept.name, finding->name, finding->name_length);
			kept.name_length = finding->name_length;
		}
	}
	if (make_room(findings, list, finding->problem)) {
		list->items[list->count++] = kept;
		return;
	}
	/* No memory to keep it: it is counted all the same. */
	free(kept.name);
}

static void report(struct ext_sink *sink, const struct ext_finding *finding)
{
	struct findings *findings = (struct findings *)(void *)sink;

	if ((unsigned)finding->problem >= EXT_PROBLEM_COUNT ||
	    (findings->ignored && findings->ignored[finding->problem]))
		return;
	lock_take(&findings->lock);
	keep(findings, finding);
	lock_give(&findings->lock);
}

struct findings *findings_new(uint64_t most)
{
	struct findings *findings = calloc(1, sizeof *findings);

	if (!findings)
		return NULL;
	findings->sink.report = report;
	findings->most = most;
	lock_init(&findings->lock);
	return findings;
}

void findings_free(struct findings *findings)
{
	if (!findings)
		return;
	for (size_t i = 0; i < EXT_PROBLEM_COUNT; i++) {
		for (size_t j = 0; j < findings->lists[i].count; j++)
			free(findings->lists[i].items[j].name);
		free(findings->lists[i].items);
	}
	lock_clear(&findings->lock);
	free(findings);
}

struct ext_sink *findings_sink(struct findings *findings)
{
	return &findings->sink;
}

void findings_refusal(struct findings *findings, const struct ext_error *refusal)
{
	const struct ext_finding finding = ext_finding_of_error(refusal);

	if (refusal->problem != EXT_NO_PROBLEM && findings_count(findings, refusal->problem) == 0)
		findings->sink.report(&findings->sink, &finding);
}

void findings_ignore(struct findings *findings, const bool *ignored)
{
	findings->ignored = ignored;
}

void findings_least(struct findings *findings, enum ext_severity severity)
{
	findings->least = severity;
}

uint64_t findings_count(const struct findings *findings, enum ext_problem problem)
{
	return findings->lists[problem].total;
}

uint64_t findings_count_severity(const struct findings *findings, enum ext_severity severity)
{
	uint64_t count = 0;

	for (unsigned i = 0; i < EXT_PROBLEM_COUNT; i++)
		if (ext_problem_text((enum ext_problem)i)->severity == severity)
			count += findings->lists[i].total;
	return count;
}

void findings_sort(struct findings *findings)
{
	for (size_t i = 0; i < EXT_PROBLEM_COUNT; i++)
		trim(&findings->lists[i], findings->most, (enum ext_problem)i);
}

void findings_unask(struct findings *findings, enum ext_problem problem, uint32_t code)
{
	struct ext_finding finding = {.problem = problem};

	ext_finding_unasked(&finding, code);
	findings->lists[problem].unasked |= finding.unasked;
}

void findings_unask_one(struct findings *findings, uint64_t position, uint32_t code)
{
	struct ext_finding finding = {.problem = (enum ext_problem)(position >> 32)};

	ext_finding_unasked(&finding, code);
	findings->lists[position >> 32].items[(position & UINT32_MAX) - 1].unasked |=
		finding.unasked;
}

void findings_unask_whole(struct findings *findings, uint64_t position)
{
	findings->lists[position >> 32].items[(position & UINT32_MAX) - 1].unasked = UINT16_MAX;
}

void findings_ask_one(struct findings *findings, uint64_t position, uint32_t code)
{
	struct ext_finding finding = {.problem = (enum ext_problem)(position >> 32)};

	ext_finding_unasked(&finding, code);
	findings->lists[position >> 32].items[(position & UINT32_MAX) - 1].unasked &=
		(uint16_t)~finding.unasked;
}

uint64_t findings_begin(enum ext_problem problem)
{
	return (uint64_t)problem << 32;
}

bool findings_next(const struct findings *findings, uint64_t *position, struct ext_finding *finding)
{
	/* The high half of the position is the problem, the low half the item. */
	uint64_t problem = *position >> 32, item = *position & UINT32_MAX;
	const struct kept *kept;

	while (problem < EXT_PROBLEM_COUNT &&
	       (item >= findings->lists[problem].count ||
		ext_problem_text((enum ext_problem)problem)->severity < findings->least)) {
		problem++;
		item = 0;
	}
	if (problem == EXT_PROBLEM_COUNT)
		return false;
	kept = &findings->lists[problem].items[item];
	memset(finding, 0, sizeof *finding);
	finding->problem = (enum ext_problem)problem;
	finding->place = kept->place;
	finding->found = kept->found;
	finding->low = kept->low;
	finding->high = kept->high;
	finding->asked = kept->asked;
	finding->unasked = kept->unasked | findings->lists[problem].unasked;
	finding->name_length = kept->name_length;
	if (kept->name_length > 0)
		memcpy(finding->name, kept->name, kept->name_length);
	*position = problem << 32 | (item + 1);
	return true;
}
