/* SPDX-License-Identifier: MIT
 *
 * hosts: the file's text, with one row for each name in it, sorted by name and, for equal names, as they
 * stand in the file. Lines that make no sense are passed over.
 */
#include "src/client/hosts.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "src/client/stamp.h"
#include "src/common/str.h"

struct row {
	struct str name; /* in the text */
	union dns_addr addr;
};

struct hosts {
	const char *path;
	struct stamp stamp;
	char *text;
	struct row *rows;
	size_t len, capacity;
};

/* --- Reading --- */

static void clear(struct hosts *h)
{
	free(h->text);
	free(h->rows);
	h->text = NULL;
	h->rows = NULL;
	h->len = h->capacity = 0;
}

/* The whole file as a C string; NULL = it can't be read, or is too large. */
static char *read_file(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	struct stat st;
	char *text = NULL;
	if (fd < 0)
		return NULL;
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size <= HOSTS_BYTES_MAX)
		text = malloc((size_t)st.st_size + 1);
	size_t len = 0;
	for (ssize_t n = 1; text && n > 0 && len < (size_t)st.st_size; len += (size_t)n) {
		n = read(fd, text + len, (size_t)st.st_size - len);
		if (n < 0)
			n = 0;
	}
	if (text)
		text[len] = '\0';
	close(fd);
	return text;
}

static bool add(struct hosts *h, struct str name, const union dns_addr *addr)
{
	if (h->len == h->capacity) {
		size_t capacity = h->capacity ? 2 * h->capacity : 16;
		struct row *rows = realloc(h->rows, capacity * sizeof(*rows));
		if (!rows)
			return false;
		h->rows = rows;
		h->capacity = capacity;
	}
	h->rows[h->len++] = (struct row){ name, *addr };
	return true;
}

static bool read_addr(struct str text, union dns_addr *ret)
{
	char buf[INET6_ADDRSTRLEN];
	if (text.len >= sizeof(buf))
		return false;
	memcpy(buf, text.data, text.len);
	buf[text.len] = '\0';
	*ret = (union dns_addr){ .sa.sa_family = AF_INET };
	if (inet_pton(AF_INET, buf, &ret->in.sin_addr) == 1)
		return true;
	*ret = (union dns_addr){ .sa.sa_family = AF_INET6 };
	return inet_pton(AF_INET6, buf, &ret->in6.sin6_addr) == 1;
}

static struct str without_dot(struct str name)
{
	if (name.len > 1 && str_ends(name, STR(".")))
		name.len--;
	return name;
}

/* False: out of memory. */
static bool read_line(struct hosts *h, struct str line)
{
	struct str word, rest;
	union dns_addr addr;
	if (str_cut(line, '#', &word, &rest))
		line = word;
	if (!str_next_word(&line, &word) || !read_addr(word, &addr))
		return true;
	while (str_next_word(&line, &word))
		if (!add(h, without_dot(word), &addr))
			return false;
	return true;
}

static void lower(char *text)
{
	for (; *text; text++)
		if (*text >= 'A' && *text <= 'Z')
			*text |= 0x20;
}

static int compare(const void *a, const void *b)
{
	const struct row *x = a, *y = b;
	int order = str_compare(x->name, y->name);
	return order ? order : (x->name.data > y->name.data) - (x->name.data < y->name.data);
}

void hosts_refresh(struct hosts *h)
{
	struct str rest, line;
	if (!stamp_update(&h->stamp, h->path))
		return;
	clear(h);
	h->text = read_file(h->path);
	if (!h->text)
		return;
	lower(h->text);
	rest = str_of(h->text);
	while (str_next(&rest, '\n', &line)) {
		if (!read_line(h, line)) {
			clear(h);
			return;
		}
	}
	if (h->len > 0)
		qsort(h->rows, h->len, sizeof(h->rows[0]), compare);
}

/* --- Asking --- */

/* The first row of that name, or where it would be. */
static size_t find(const struct hosts *h, struct str name)
{
	size_t low = 0, high = h->len;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (str_compare(h->rows[middle].name, name) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static void use(struct dns_answer *a, const union dns_addr *addr)
{
	for (uint32_t i = 0; i < a->len; i++)
		if (dns_addr_equal(&a->addrs[i], addr))
			return;
	if (a->len < DNS_ADDRS_MAX)
		a->addrs[a->len++] = *addr;
}

bool hosts_answer(const struct hosts *h, const char *name, int family,
		  struct dns_answer **ret_answer)
{
	char text[256];
	struct str wanted = str_of(name);
	if (wanted.len >= sizeof(text))
		return false;
	memcpy(text, name, wanted.len + 1);
	lower(text);
	wanted = without_dot(str_make(text, wanted.len));
	size_t i = find(h, wanted);
	if (i == h->len || !str_eq(h->rows[i].name, wanted))
		return false;
	struct dns_answer *a = dns_answer_new(DNS_ADDRS_MAX);
	for (; a && i < h->len && str_eq(h->rows[i].name, wanted); i++)
		if (h->rows[i].addr.sa.sa_family == family)
			use(a, &h->rows[i].addr);
	if (a && a->len == 0) {
		dns_answer_unref(a);
		a = dns_answer_failure(FETCH_DNS_NOT_FOUND,
				       "%s: the hosts file has no %s address for it", name,
				       family == AF_INET6 ? "IPv6" : "IPv4");
	}
	*ret_answer = dns_answer_fit(a);
	return true;
}

struct hosts *hosts_new(const char *path)
{
	struct hosts *h = calloc(1, sizeof(*h));
	if (h)
		h->path = path;
	return h;
}

void hosts_free(struct hosts *h)
{
	if (!h)
		return;
	clear(h);
	free(h);
}
