/* SPDX-License-Identifier: MIT */
/* Findings as lines on stderr, of which nobody wants a million. */
#include "config.h"

#include <inttypes.h>
#include <stdlib.h>

#include "complain.h"
#include "findings_aloud.h"
#include "reports/findings.h"

enum { LISTED = 100 };

/* Does this only cast doubt on what was read, and leave all of it there? */
static bool is_doubt(enum ext_problem problem)
{
	switch ((unsigned)problem) {
	case EXT_DIRECTORY_CHECKSUM:
	case EXT_HTREE_ROOT_CHECKSUM:
	case EXT_HTREE_NODE_CHECKSUM:
	case EXT_EXTENT_CHECKSUM:
	case EXT_XATTR_CHECKSUM:
	case EXT_XATTR_INODE_HASH:
	case EXT_XATTR_INODE_FLAG:
		return true;
	}
	return ext_problem_text(problem)->severity == EXT_SEVERITY_INFO;
}

/* Without memory the document has fewer of them; they are said all the same. */
static void keep(struct findings_aloud *findings, const struct ext_finding *finding)
{
	if (!findings->kept)
		findings->kept = malloc(LISTED * sizeof *findings->kept);
	if (findings->kept && findings->kept_count < LISTED)
		findings->kept[findings->kept_count++] = *finding;
}

static void report(struct ext_sink *sink, const struct ext_finding *finding)
{
	struct findings_aloud *findings = (struct findings_aloud *)(void *)sink;
	char text[1024];

	findings->count++;
	keep(findings, finding);
	if (!is_doubt(finding->problem))
		findings->missing++;
	if (findings->quiet || findings->count > LISTED)
		return;
	ext_finding_describe(finding, text, sizeof text);
	complain("%s: %s", findings->image, text);
}

struct findings_aloud findings_aloud_for(const char *image)
{
	return (struct findings_aloud){.sink = {report}, .image = image};
}

void findings_aloud_write(const struct findings_aloud *findings, struct json *json)
{
	json_array(json, "findings");
	for (size_t i = 0; i < findings->kept_count; i++)
		report_finding_json(json, NULL, &findings->kept[i], NULL);
	json_end_array(json);
}

void findings_aloud_end(struct findings_aloud *findings)
{
	free(findings->kept);
	findings->kept = NULL;
	findings->kept_count = 0;
	if (!findings->quiet && findings->count > LISTED)
		complain("%s: %" PRIu64 " more problems; `fsck-lite check' lists them",
			 findings->image, findings->count - LISTED);
}

void findings_aloud_error(struct findings_aloud *findings, const struct ext_error *error)
{
	const struct ext_finding finding = ext_finding_of_error(error);

	if (error->status == EXT_MEMORY || error->os_error != 0) {
		findings->count++;
		findings->missing++;
		complain_error(findings->image, error);
		return;
	}
	ext_report(&findings->sink, &finding);
}
