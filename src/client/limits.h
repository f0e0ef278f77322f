/* SPDX-License-Identifier: MIT
 *
 * limits: how long the phases of a request may take, and how much an answer may be. A client has
 * them, and a request may have its own: what is 0 there is the client's.
 */
#ifndef CLIENT_LIMITS_H
#define CLIENT_LIMITS_H

#include <stdint.h>

#include "src/http/decode.h"
#include "src/http/message.h"

struct fetch_limits {
	int64_t total_timeout_ns;      /* all hops together; 60 s */
	int64_t resolve_timeout_ns;    /* 10 s */
	int64_t connect_timeout_ns;    /* one address; 10 s */
	int64_t tls_timeout_ns;	       /* 10 s */
	int64_t first_byte_timeout_ns; /* after the request is written; 30 s */
	int64_t idle_timeout_ns;       /* between two reads of an answer, or two writes; 30 s */
	int64_t pace_ns;	       /* so long a body may be slower than min_speed; 30 s */
	uint64_t min_speed;	       /* of a body, bytes a second on the wire; 0 = none */
	uint32_t max_redirects;	       /* 10 */
	struct message_limits message; /* message_default_limits, but a body of 100 MiB */
	struct decode_limits decode;   /* decode_default_limits */
};

/* Puts the defaults where l has 0. */
void fetch_limits_default(struct fetch_limits *l);

/* Puts the fallback's values there instead. */
void fetch_limits_fill(struct fetch_limits *l, const struct fetch_limits *fallback);

#endif
