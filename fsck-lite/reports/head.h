/* SPDX-License-Identifier: MIT */
/* What every report begins with: which filesystem this is, through which superblock it is read. */
#ifndef REPORTS_HEAD_H
#define REPORTS_HEAD_H

#include "image.h"
#include "reports/json.h"

/*
 * Opens the document's object and writes `schema`, `image`, `filesystem`, `superblock` and
 * `journal`; the last three only when the image has been opened. The caller ends the object.
 */
void head_begin_document(struct json *json, const char *command, const struct opened_image *image);

/* The words that JSON uses. */
const char *head_source_name(enum superblock_source source);
const char *head_journal_name(enum journal_state state);

#endif
