/*
 * What the functions of be_call.h share: how an answer is looked at and a batch is split.
 */
#ifndef IOASID_BE_BATCH_H
#define IOASID_BE_BATCH_H

#include "libioasid/loader.h"

/*
 * ioasid__be_finish() - end a call that may explain its failure and may hand out an object.
 * @object: what was handed out; anything that is not NULL where nothing is
 *
 * Return: 0, or the errno that the answer stands for.
 */
int ioasid__be_finish(struct be_context *be, const char *what, int32_t answer, const void *object,
		      struct ioasid_reason *why);

/*
 * ioasid__be_batch_run() - run a batch in pieces that the backend takes, up to the first failure.
 * @batch: `done` gets how many items surely took effect
 * @one: runs one piece and answers what the backend answers
 *
 * Return: 0 if all were done, else the errno of the first failure.
 */
int ioasid__be_batch_run(struct be_context *be, const char *what, struct ioasid_be_batch *batch,
			 int32_t (*one)(void *call, struct ioasid_be_batch *piece), void *call);

/* ioasid__be_check_record() - Return: 0, or -EIO after a violation if the record is not well formed. */
int ioasid__be_check_record(struct be_context *be, const char *what, const struct ioasid_be_record *record);

#endif
