/* SPDX-License-Identifier: MIT
 *
 * job: one URL of a batch. In the store it is a line of a chunk:
 * {"index":17,"url":"http://…","tag":"…","method":"HEAD"}; tag is absent when there is none,
 * method when it is GET. In memory it is that line again, written once at ingest, taken apart once
 * when it starts. Pure: any thread.
 */
#ifndef FETCHD_JOB_H
#define FETCHD_JOB_H

#include "runtime/list.h"
#include "src/common/buf.h"
#include "src/common/str.h"

/* A job in memory. One allocation; see hostq.h for who has it when. */
struct job {
	struct list node; /* in its lane, until it is popped */
	struct source *source;
	struct host *host;
	uint32_t chunk, place; /* the bit that its result sets */
	uint32_t len;	       /* of line, without the newline */
	char line[];
};

struct job_text {
	uint64_t index; /* the job's place in the submission, from 0 */
	struct str url; /* as it was submitted */
	struct str tag; /* data NULL = none */
	struct str method;
};

/* Appends the line and its newline. 0 or b's error. */
int job_write(struct buf *b, const struct job_text *t);

/* A job's line, taken apart. Strings are slices of the line and still JSON-escaped, fit for
 * json_raw. */
struct job_line {
	uint64_t index;
	struct str url, tag; /* tag.data NULL = none */
	struct str method;   /* "GET" when absent */
};

/* 0, or -EINVAL when it is none of ours: then *ret_line has no URL and the index UINT32_MAX, so
 * that even a job whose line the disk has damaged can get its record. */
int job_read(struct str line, struct job_line *ret_line) MUST_USE;

#endif
