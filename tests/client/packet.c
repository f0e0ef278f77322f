/* SPDX-License-Identifier: MIT
 *
 * packet: see packet.h (RFC 1035 §4.1). Names aren't compressed.
 */
#include "tests/client/packet.h"

#include <arpa/inet.h>
#include <string.h>

#include "tests/harness.h"

void packet_put16(struct packet *p, unsigned v)
{
	p->bytes[p->len++] = (uint8_t)(v >> 8);
	p->bytes[p->len++] = (uint8_t)v;
}

static void put32(struct packet *p, uint32_t v)
{
	packet_put16(p, v >> 16);
	packet_put16(p, v & 0xffff);
}

void packet_name(struct packet *p, const char *name)
{
	while (*name) {
		size_t n = strcspn(name, ".");
		p->bytes[p->len++] = (uint8_t)n;
		memcpy(p->bytes + p->len, name, n);
		p->len += n;
		name += n + (name[n] == '.');
	}
	p->bytes[p->len++] = 0;
}

void packet_begin(struct packet *p, const char *name, unsigned type)
{
	static const uint8_t header[12] = { [2] = 0x84, [3] = 0x80, [5] = 1 };
	memcpy(p->bytes, header, sizeof(header));
	p->len = sizeof(header);
	packet_name(p, name);
	packet_put16(p, type);
	packet_put16(p, 1);
}

/* counter: where the header counts the records of the section. */
static void put_record(struct packet *p, size_t counter, const char *name, unsigned type,
		       uint32_t ttl, const void *data, size_t len)
{
	packet_name(p, name);
	packet_put16(p, type);
	packet_put16(p, 1);
	put32(p, ttl);
	packet_put16(p, (unsigned)len);
	memcpy(p->bytes + p->len, data, len);
	p->len += len;
	if (++p->bytes[counter + 1] == 0)
		p->bytes[counter]++;
}

void packet_record(struct packet *p, const char *name, unsigned type, uint32_t ttl,
		   const void *data, size_t len)
{
	put_record(p, 6, name, type, ttl, data, len);
}

void packet_address(struct packet *p, const char *name, uint32_t ttl, const char *addr)
{
	uint8_t bytes[16];
	if (inet_pton(AF_INET, addr, bytes) == 1)
		packet_record(p, name, TYPE_A, ttl, bytes, 4);
	else if (inet_pton(AF_INET6, addr, bytes) == 1)
		packet_record(p, name, TYPE_AAAA, ttl, bytes, 16);
	else
		test_fail("%s", addr);
}

void packet_alias(struct packet *p, const char *name, uint32_t ttl, const char *target)
{
	static struct packet data;
	data.len = 0;
	packet_name(&data, target);
	packet_record(p, name, TYPE_CNAME, ttl, data.bytes, data.len);
}

void packet_soa(struct packet *p, const char *zone, uint32_t ttl, uint32_t minimum)
{
	static struct packet data;
	data.len = 0;
	packet_name(&data, zone);
	packet_name(&data, zone);
	for (uint32_t i = 0; i < 4; i++)
		put32(&data, 3600);
	put32(&data, minimum);
	put_record(p, 8, zone, TYPE_SOA, ttl, data.bytes, data.len);
}

void packet_ns(struct packet *p, const char *zone)
{
	put_record(p, 8, zone, TYPE_NS, 60, "\1a", 3);
}
