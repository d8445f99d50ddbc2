/* SPDX-License-Identifier: MIT */
/* The document of a command that cannot run. */
#include "config.h"

#include <stdio.h>

#include "cancel.h"
#include "commands/refused.h"
#include "exit.h"
#include "findings_aloud.h"
#include "reports/head.h"

int refused(const char *command, const struct opened_image *image, const struct options *options,
	    int status)
{
	struct findings_aloud findings = findings_aloud_for(image->path);
	const struct ext_finding finding = ext_finding_of_error(&image->refusal);
	struct json json;

	if (status != EXIT_CANNOT_RUN || !options->json || image->filesystem || cancelled())
		return status;
	/* It has been said on stderr. */
	findings.quiet = true;
	if (image->refusal.problem != EXT_NO_PROBLEM)
		findings.sink.report(&findings.sink, &finding);
	json_open(&json, stdout, false);
	head_begin_document(&json, command, image);
	findings_aloud_write(&findings, &json);
	json_end_object(&json);
	json_close(&json);
	findings_aloud_end(&findings);
	return status;
}
