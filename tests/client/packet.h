/* SPDX-License-Identifier: MIT
 *
 * packet: DNS messages, written byte by byte.
 *
 *	struct packet p = packet_answer("a.test", TYPE_A);	// a header and a question
 *	packet_address(&p, "a.test", 60, "192.0.2.1");
 *	packet_alias(&p, "b.test", 60, "a.test");
 *	... p.bytes, p.len ...
 */
#ifndef TESTS_CLIENT_PACKET_H
#define TESTS_CLIENT_PACKET_H

#include <stddef.h>
#include <stdint.h>

enum {
	TYPE_A = 1,
	TYPE_NS = 2,
	TYPE_CNAME = 5,
	TYPE_SOA = 6,
	TYPE_TXT = 16,
	TYPE_AAAA = 28
};

struct packet {
	uint8_t bytes[65535];
	size_t len;
};

void packet_put16(struct packet *p, unsigned v);
void packet_name(struct packet *p, const char *name); /* without a dot at the end */

/* id 0, an answer without error; one question. */
void packet_begin(struct packet *p, const char *name, unsigned type);
/* A record in the answer section. */
void packet_record(struct packet *p, const char *name, unsigned type, uint32_t ttl,
		   const void *data, size_t len);
void packet_address(struct packet *p, const char *name, uint32_t ttl, const char *addr);
void packet_alias(struct packet *p, const char *name, uint32_t ttl, const char *target);
/* A record in the authority section, after all answers. */
void packet_soa(struct packet *p, const char *zone, uint32_t ttl, uint32_t minimum);
void packet_ns(struct packet *p, const char *zone);

#endif
