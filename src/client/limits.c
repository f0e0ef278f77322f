/* SPDX-License-Identifier: MIT
 *
 * limits: the defaults (those of messages and decoders stand with them), and one set laid over
 * another.
 */
#include "src/client/limits.h"

#include "runtime/base.h"

static const struct fetch_limits defaults = {
	.total_timeout_ns = 60 * SECOND,
	.resolve_timeout_ns = 10 * SECOND,
	.connect_timeout_ns = 10 * SECOND,
	.tls_timeout_ns = 10 * SECOND,
	.first_byte_timeout_ns = 30 * SECOND,
	.idle_timeout_ns = 30 * SECOND,
	.pace_ns = 30 * SECOND,
	.max_redirects = 10,
};

#define FILL(member)        \
	if (l->member == 0) \
	l->member = fallback->member

static void fill_message(struct message_limits *l, const struct message_limits *fallback)
{
	FILL(start_line_bytes);
	FILL(field_bytes);
	FILL(field_count);
	FILL(head_bytes);
	FILL(informational_count);
	FILL(chunk_overhead);
	FILL(trailer_bytes);
	FILL(body_bytes);
}

static void fill_decode(struct decode_limits *l, const struct decode_limits *fallback)
{
	FILL(bytes);
	FILL(ratio);
	FILL(layers);
}

void fetch_limits_fill(struct fetch_limits *l, const struct fetch_limits *fallback)
{
	FILL(total_timeout_ns);
	FILL(resolve_timeout_ns);
	FILL(connect_timeout_ns);
	FILL(tls_timeout_ns);
	FILL(first_byte_timeout_ns);
	FILL(idle_timeout_ns);
	FILL(pace_ns);
	FILL(min_speed);
	FILL(max_redirects);
	fill_message(&l->message, &fallback->message);
	fill_decode(&l->decode, &fallback->decode);
}

void fetch_limits_default(struct fetch_limits *l)
{
	if (l->message.body_bytes == 0)
		l->message.body_bytes = 100 << 20;
	fill_message(&l->message, &message_default_limits);
	fill_decode(&l->decode, &decode_default_limits);
	fetch_limits_fill(l, &defaults);
}
