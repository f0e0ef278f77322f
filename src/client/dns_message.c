/* SPDX-License-Identifier: MIT
 *
 * dns_message: see dns_message.h.
 *
 * The bytes are a stranger's. A name is copied out while it is read, so compression costs no recursion, and
 * a pointer must lead to before the run of labels that it ends: so reading ends. The answer section is
 * gone through once for each alias, in whatever order its records stand; with DNS_ALIASES_MAX and
 * DNS_RECORDS_MAX that is bounded work.
 *
 * An answer without addresses is of three kinds (RFC 2308 §2): the name doesn't exist, it has no address
 * of that family (both say by the zone's SOA how long that holds), or the server knows nothing and refers
 * to others, which is no answer at all.
 */
#include "src/client/dns_message.h"

#include <string.h>

#define NAME_MAX_BYTES	255
#define LABEL_MAX_BYTES 63
#define HEADER_BYTES	12

/* Length bytes and labels, lower-case, with the root's 0 at the end. */
struct name {
	uint32_t len;
	uint8_t bytes[NAME_MAX_BYTES];
};

struct message {
	const uint8_t *bytes;
	size_t len;
	uint32_t questions, answers, authorities;
	uint8_t rcode;
	bool authoritative;
	uint16_t wanted; /* DNS_A or DNS_AAAA */
};

struct record {
	struct name owner;
	uint16_t type, class;
	uint32_t ttl;
	size_t data, data_len;
};

/* --- Names --- */

static uint8_t lower(uint8_t c)
{
	return c >= 'A' && c <= 'Z' ? c | 0x20 : c;
}

static bool name_equal(const struct name *a, const struct name *b)
{
	return a->len == b->len && memcmp(a->bytes, b->bytes, a->len) == 0;
}

/* A label, or the end when len is 0. */
static bool append_label(struct name *n, const uint8_t *label, size_t len)
{
	if (n->len + 1 + len > NAME_MAX_BYTES)
		return false;
	n->bytes[n->len++] = (uint8_t)len;
	for (size_t i = 0; i < len; i++)
		n->bytes[n->len++] = lower(label[i]);
	return true;
}

/* One dot at the end is allowed. */
static bool name_of_text(const char *text, struct name *ret)
{
	ret->len = 0;
	do {
		size_t len = strcspn(text, ".");
		if (len == 0 || len > LABEL_MAX_BYTES || memchr(text, '\\', len))
			return false;
		if (!append_label(ret, (const uint8_t *)text, len))
			return false;
		text += len + (text[len] == '.');
	} while (*text);
	return append_label(ret, NULL, 0);
}

bool dns_message_can_ask(const char *name)
{
	struct name n;
	return name_of_text(name, &n);
}

static uint32_t get16(const struct message *m, size_t at)
{
	return (uint32_t)m->bytes[at] << 8 | m->bytes[at + 1];
}

static uint32_t get32(const struct message *m, size_t at)
{
	return get16(m, at) << 16 | get16(m, at + 2);
}

/* Moves *at behind the name. */
static bool read_name(const struct message *m, size_t *at, struct name *ret)
{
	size_t pos = *at, run = *at;
	bool jumped = false;
	ret->len = 0;
	while (pos < m->len) {
		uint8_t len = m->bytes[pos];
		bool pointer = len > LABEL_MAX_BYTES;
		size_t next = pos + (pointer ? 2 : 1u + len);
		if (next > m->len || (pointer && len < 0xc0))
			return false;
		if (!jumped)
			*at = next;
		if (pointer) {
			size_t to = get16(m, pos) & 0x3fff;
			if (to >= run)
				return false;
			jumped = true;
			run = pos = to;
			continue;
		}
		if (!append_label(ret, m->bytes + pos + 1, len))
			return false;
		if (len == 0)
			return true;
		pos = next;
	}
	return false;
}

/* --- Records --- */

static bool read_header(struct message *m)
{
	if (m->len < HEADER_BYTES || !(m->bytes[2] & 0x80))
		return false;
	m->authoritative = m->bytes[2] & 0x04;
	m->rcode = m->bytes[3] & 0x0f;
	m->questions = get16(m, 4);
	m->answers = get16(m, 6);
	m->authorities = get16(m, 8);
	return m->questions == 1;
}

/* It must be our question. */
static bool read_question(const struct message *m, size_t *at, const struct name *asked)
{
	struct name n;
	if (!read_name(m, at, &n) || *at + 4 > m->len)
		return false;
	uint32_t type = get16(m, *at), class = get16(m, *at + 2);
	*at += 4;
	return name_equal(&n, asked) && type == m->wanted && class == DNS_IN;
}

/* Moves *at behind the record. */
static bool read_record(const struct message *m, size_t *at, struct record *ret)
{
	if (!read_name(m, at, &ret->owner) || *at + 10 > m->len)
		return false;
	ret->type = (uint16_t)get16(m, *at);
	ret->class = (uint16_t)get16(m, *at + 2);
	ret->ttl = get32(m, *at + 4);
	if (ret->ttl > INT32_MAX) /* RFC 2181 §8 */
		ret->ttl = 0;
	ret->data_len = get16(m, *at + 8);
	ret->data = *at + 10;
	*at = ret->data + ret->data_len;
	return *at <= m->len;
}

static void use_ttl(struct dns_answer *a, uint32_t ttl)
{
	int64_t ns = ttl * SECOND;
	a->ttl_ns = ns < a->ttl_ns ? ns : a->ttl_ns;
}

static bool use_address(const struct message *m, const struct record *r, struct dns_answer *a)
{
	union dns_addr addr = { .sa.sa_family = r->type == DNS_A ? AF_INET : AF_INET6 };
	size_t size = r->type == DNS_A ? 4 : 16;
	void *to = r->type == DNS_A ? (void *)&addr.in.sin_addr : (void *)&addr.in6.sin6_addr;
	if (r->data_len != size)
		return false;
	memcpy(to, m->bytes + r->data, size);
	use_ttl(a, r->ttl);
	for (uint32_t i = 0; i < a->len; i++)
		if (dns_addr_equal(&a->addrs[i], &addr))
			return true;
	if (a->len < DNS_ADDRS_MAX)
		a->addrs[a->len++] = addr;
	return true;
}

static bool use_alias(const struct message *m, const struct record *r, struct dns_answer *a,
		      struct name *ret)
{
	size_t at = r->data;
	use_ttl(a, r->ttl);
	return read_name(m, &at, ret) && at == r->data + r->data_len;
}

/* --- What it says --- */

enum said {
	SAID_MALFORMED,
	SAID_NOTHING,
	SAID_ALIAS,
	SAID_ADDRESSES
};

/* What the answer section, which begins at `at`, says of *name; an alias takes its place. */
static enum said look_up(const struct message *m, size_t at, struct name *name,
			 struct dns_answer *a)
{
	struct record r;
	struct name alias;
	enum said said = SAID_NOTHING;
	for (uint32_t i = 0; i < m->answers && i < DNS_RECORDS_MAX; i++) {
		if (!read_record(m, &at, &r))
			return SAID_MALFORMED;
		if (r.class != DNS_IN || !name_equal(&r.owner, name))
			continue;
		if (r.type == m->wanted) {
			if (!use_address(m, &r, a))
				return SAID_MALFORMED;
			said = SAID_ADDRESSES;
		} else if (r.type == DNS_CNAME && said == SAID_NOTHING) {
			if (!use_alias(m, &r, a, &alias))
				return SAID_MALFORMED;
			said = SAID_ALIAS;
		}
	}
	if (said == SAID_ALIAS)
		*name = alias;
	return said;
}

/* How long it holds that there is nothing, by the SOA among the authorities, which begin at `at`
 * (RFC 2308 §5): 0 without one. False: malformed. *ret_referral: other servers are to be asked. */
static bool read_authorities(const struct message *m, size_t at, int64_t *ret_ttl_ns,
			     bool *ret_referral)
{
	struct record r;
	bool soa = false, ns = false;
	*ret_ttl_ns = 0;
	for (uint32_t i = 0; i < m->authorities && i < DNS_RECORDS_MAX; i++) {
		if (!read_record(m, &at, &r))
			return false;
		ns |= r.type == DNS_NS;
		if (r.type != DNS_SOA || r.class != DNS_IN || soa)
			continue;
		if (r.data_len < 22) /* two names and five numbers, the last of which we want */
			return false;
		uint32_t minimum = get32(m, r.data + r.data_len - 4);
		*ret_ttl_ns = (minimum < r.ttl ? minimum : r.ttl) * SECOND;
		soa = true;
	}
	*ret_referral = ns && !soa && !m->authoritative;
	return true;
}

/* Behind the answer section. */
static bool skip_answers(const struct message *m, size_t *at)
{
	struct record r;
	for (uint32_t i = 0; i < m->answers; i++)
		if (i >= DNS_RECORDS_MAX || !read_record(m, at, &r))
			return false;
	return true;
}

static struct dns_answer *malformed(const char *name)
{
	return dns_answer_failure(FETCH_DNS_FAILED, "%s: malformed answer", name);
}

static struct dns_answer *nothing(const struct message *m, size_t at, const char *name)
{
	int64_t ttl_ns;
	bool referral;
	if (!skip_answers(m, &at) || !read_authorities(m, at, &ttl_ns, &referral))
		return malformed(name);
	if (m->rcode == DNS_NOERROR && referral)
		return dns_answer_failure(FETCH_DNS_FAILED, "%s: the server only refers to others",
					  name);
	const char *what = m->rcode == DNS_NXDOMAIN ? "no such name" : "no address";
	struct dns_answer *a = dns_answer_failure(FETCH_DNS_NOT_FOUND, "%s: %s", name, what);
	if (a)
		a->ttl_ns = ttl_ns;
	return a;
}

static const char *rcode_text(uint8_t rcode)
{
	static const char *const texts[] = {
		[1] = "FORMERR", [2] = "SERVFAIL", [4] = "NOTIMP", [5] = "REFUSED"
	};
	const char *text = rcode < sizeof(texts) / sizeof(texts[0]) ? texts[rcode] : NULL;
	return text ? text : "an error of an unusual kind";
}

/* Fills a, which has room for DNS_ADDRS_MAX; or gives a failure. */
static struct dns_answer *read_answers(const struct message *m, size_t at, struct name *current,
				       const char *name, struct dns_answer *a)
{
	a->ttl_ns = INT32_MAX * SECOND;
	for (int aliases = 0; aliases <= DNS_ALIASES_MAX; aliases++) {
		switch (look_up(m, at, current, a)) {
		case SAID_MALFORMED:
			return malformed(name);
		case SAID_NOTHING:
			return nothing(m, at, name);
		case SAID_ADDRESSES:
			return m->rcode == DNS_NOERROR ? a : malformed(name);
		case SAID_ALIAS:
			break;
		}
	}
	return dns_answer_failure(FETCH_DNS_FAILED, "%s: more than %d aliases in a chain", name,
				  DNS_ALIASES_MAX);
}

struct dns_answer *dns_message_read(const uint8_t *bytes, size_t len, const char *name, int family)
{
	struct message m = { .bytes = bytes,
			     .len = len,
			     .wanted = family == AF_INET6 ? DNS_AAAA : DNS_A };
	struct name current;
	size_t at = HEADER_BYTES;
	if (!name_of_text(name, &current) || !read_header(&m) || !read_question(&m, &at, &current))
		return malformed(name);
	if (m.rcode != DNS_NOERROR && m.rcode != DNS_NXDOMAIN)
		return dns_answer_failure(FETCH_DNS_FAILED, "%s: the server says %s", name,
					  rcode_text(m.rcode));
	struct dns_answer *a = dns_answer_new(DNS_ADDRS_MAX);
	struct dns_answer *said = a ? read_answers(&m, at, &current, name, a) : NULL;
	if (said != a)
		dns_answer_unref(a);
	return dns_answer_fit(said);
}
