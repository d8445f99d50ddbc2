/* SPDX-License-Identifier: MIT */
/* The journal of an image that was just opened: what is pending in it, laid over the image. */
#include "config.h"

#include "complain.h"
#include "exit.h"
#include "image_journal.h"

static int fail(struct opened_image *image, const struct ext_error *error)
{
	image->refusal = *error;
	complain_error(image->path, error);
	return EXIT_CANNOT_RUN;
}

static void note_journal(const struct options *options, struct opened_image *image)
{
	struct ext_journal *const journal = ext_recovery_journal(image->recovery);
	const struct ext_journal_summary *const summary = ext_journal_summary(journal);

	/* How much is waiting; the count stays 0 when the log cannot be read. */
	if (summary->state == EXT_JOURNAL_DIRTY)
		ext_journal_scan(journal, NULL);
	image->transactions = summary->transactions;
	switch (summary->state) {
	case EXT_JOURNAL_NONE:
		image->journal = JOURNAL_IS_NONE;
		break;
	case EXT_JOURNAL_CLEAN:
		image->journal = JOURNAL_IS_CLEAN;
		break;
	case EXT_JOURNAL_DIRTY:
		image->journal = options->journal == JOURNAL_IGNORE ? JOURNAL_IS_IGNORED
								    : JOURNAL_IS_REPLAYED;
		break;
	case EXT_JOURNAL_DAMAGED:
		image->journal = JOURNAL_IS_DAMAGED;
		break;
	}
}

/*
 * The filesystem as it is on the overlay: the primary superblock and its descriptors if they were
 * read before, else whatever is best now, since the log may have brought the primary back.
 */
static int reopen(const struct options *options, struct opened_image *image,
		  struct ext_choice *choice, struct ext_sink *sink)
{
	struct ext_filesystem *filesystem;
	struct ext_error error;

	if (!choice->as_stored) {
		const struct ext_open_options open = {
			.superblock = choice->superblock,
			.descriptors = choice->descriptors,
			.descriptors_size = choice->descriptors_size,
			.sink = sink,
		};
		struct ext_choice again = {0};

		if (ext_orphans_finish(image->overlay, &open, NULL, &error) == EXT_MEMORY)
			return fail(image, &error);
		if (options->superblock == SUPERBLOCK_BY_EVIDENCE &&
		    ext_choose(image->overlay, NULL, 0, &again, NULL) == EXT_OK && again.sound) {
			ext_choice_clear(choice);
			*choice = again;
		} else {
			ext_choice_clear(&again);
		}
	}
	if (ext_choice_open(image->overlay, choice, NULL, &filesystem, &error) != EXT_OK)
		return fail(image, &error);
	ext_filesystem_close(image->filesystem);
	image->filesystem = filesystem;
	image->superblock = ext_filesystem_superblock(filesystem);
	if (choice->as_stored &&
	    ext_source_read(image->overlay, choice->superblock_offset, image->superblock_raw,
			    sizeof image->superblock_raw, &error) != EXT_OK)
		return fail(image, &error);
	return EXIT_CLEAN;
}

int image_lay_journal(const struct options *options, struct opened_image *image,
		      struct ext_choice *choice, struct ext_sink *sink)
{
	struct ext_open_options open = {0};
	struct ext_recovery_options recovery = {.open = &open, .sink = sink};
	struct ext_error error;

	if (options->external_journal &&
	    ext_source_open(options->external_journal, &image->external_journal, &error) !=
		    EXT_OK) {
		complain_error(options->external_journal, &error);
		return EXIT_CANNOT_RUN;
	}
	recovery.external = image->external_journal;
	recovery.look_only = options->journal == JOURNAL_IGNORE;
	if (choice->as_stored) {
		recovery.orphans = EXT_ORPHANS_AFTER_REPLAY;
	} else {
		open.superblock = choice->superblock;
		open.descriptors = choice->descriptors;
		open.descriptors_size = choice->descriptors_size;
		/* The mark that a recovery is needed is kept in the primary superblock alone. */
		recovery.ignore_recover_flag = true;
	}
	if (ext_recovery_open(image_view(image), &recovery, &image->recovery, &error) != EXT_OK)
		return fail(image, &error);
	note_journal(options, image);
	image->overlay = ext_recovery_view(image->recovery);
	return image->overlay ? reopen(options, image, choice, sink) : EXIT_CLEAN;
}
