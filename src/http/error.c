/* SPDX-License-Identifier: MIT
 *
 * error: the table of error.h as an array.
 */
#include "src/http/error.h"

#include <errno.h>

static const struct row {
	struct str name;
	const char *text;
	int curl;
	bool retryable;
} rows[] = {
#define X(id, name_, curl_, retryable_, text_) \
	[id] = { STR_INIT(name_), .text = (text_), .curl = (curl_), .retryable = (retryable_) },
	FETCH_ERRORS(X)
#undef X
};

/* A number that is none of ours reads as FETCH_INTERNAL: nothing good produced it. */
static const struct row *row_of(enum fetch_error e)
{
	return &rows[(unsigned)e < FETCH_ERRORS_LEN ? e : FETCH_INTERNAL];
}

const char *fetch_error_name(enum fetch_error e)
{
	return row_of(e)->name.data;
}

const char *fetch_error_text(enum fetch_error e)
{
	return row_of(e)->text;
}

int fetch_error_curl(enum fetch_error e)
{
	return row_of(e)->curl;
}

bool fetch_error_retryable(enum fetch_error e)
{
	return row_of(e)->retryable;
}

int fetch_error_by_name(struct str name, enum fetch_error *ret)
{
	for (unsigned i = 0; i < FETCH_ERRORS_LEN; i++) {
		if (str_eq(name, rows[i].name)) {
			*ret = (enum fetch_error)i;
			return 0;
		}
	}
	return -EINVAL;
}
