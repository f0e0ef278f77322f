/* SPDX-License-Identifier: MIT
 *
 * record: a job's one final result as a line of JSON. Names follow curl's --write-out '%{json}'
 * where curl has one; what has its default value is absent: method GET, conn_reused false, attempts
 * 1, num_redirects 0, size_body as size_download, times that did not happen.
 *
 *	{"batch":7,"index":0,"url":"http://a.example/","state":"fetched","http_code":200,…}
 *
 * batch: its id. index: the job's place in the submission, from 0. url is what was submitted;
 * url_effective and the URLs of hops are without user and password.
 *
 * time_*: seconds from the start of the last hop, cumulative, as curl counts: name looked up
 * (namelookup), connected, TLS set up (appconnect), ready (pretransfer), request sent (posttransfer),
 * first byte of the answer (starttransfer). time_total is from the start of the first hop, time_redirect
 * what the hops before the last took. Each of hops has the same names for itself, and its time_total is
 * its own.
 *
 * Pure: any thread. On every job's path: no printf; no allocation but b's, unless a URL has a user.
 */
#ifndef FETCHD_RECORD_H
#define FETCHD_RECORD_H

#include "src/client/client.h"
#include "src/common/buf.h"
#include "src/fetchd/job.h"

enum outcome {
	OUTCOME_FETCHED,
	OUTCOME_FAILED,
	OUTCOME_CANCELLED,
	OUTCOME_EXPIRED,
	OUTCOMES
};

/* fetched is said of a whole answer of any status, and of nothing else. */
enum outcome record_outcome(enum fetch_error e);

#define SHA256_BYTES 32

struct record {
	uint64_t batch;
	const struct job_line *job;
	struct str url; /* job->url without its escapes: what url_effective is compared with */
	enum fetch_error error;
	const struct fetch_response *response; /* NULL: nothing was asked for */
	const unsigned char *sha256;	       /* NULL: not wanted, or no whole body */
};

/* Appends the line and its newline. 0 or b's error. */
int record_write(struct buf *b, const struct record *r);

#endif
