/* SPDX-License-Identifier: MIT */
/* The families of questions, each held against all findings; called in their order. */
#ifndef QUESTIONS_FAMILIES_H
#define QUESTIONS_FAMILIES_H

#include "questions/asked.h"

/* questions/descriptors.c */
void weigh_descriptors(const struct questions *questions);
/* questions/counts.c: of directories; of groups and the whole. */
void weigh_counts(const struct questions *questions);
void weigh_group_counts(const struct questions *questions);
/* questions/space.c: differences of bitmaps that a repair has filled, and counts that hold. */
void weigh_space(const struct questions *questions);
/* questions/names.c: "." and "..", links. */
void weigh_names(const struct questions *questions);
/* questions/inodes.c */
void weigh_bad_inodes(const struct questions *questions);
void weigh_checksums(const struct questions *questions);
void weigh_repaired_first(const struct questions *questions);
/* The same: what is cleared in pass 1 has no content. */
void weigh_cleared(const struct questions *questions);
/* The same: what is cleared is free then, but for reserved ones, and its names lead nowhere. */
void weigh_reserved(const struct questions *questions);
/* questions/indexes.c */
void weigh_indexes(const struct questions *questions);
/* questions/answers.c: what follows from "no". */
void weigh_answers(const struct questions *questions);
/* questions/cut_short.c: an image that ends before its filesystem. */
void weigh_cut_short(const struct questions *questions);
/* questions/journal.c */
void weigh_journal(const struct questions *questions);

#endif
