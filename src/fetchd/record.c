/* SPDX-License-Identifier: MIT
 *
 * record: see record.h.
 */
#include "src/fetchd/record.h"

#include <arpa/inet.h>

#include "src/common/cleanup.h"
#include "src/common/json.h"

enum outcome record_outcome(enum fetch_error e)
{
	switch (e) {
	case FETCH_OK:
		return OUTCOME_FETCHED;
	case FETCH_CANCELLED:
		return OUTCOME_CANCELLED;
	case FETCH_EXPIRED:
		return OUTCOME_EXPIRED;
	default:
		return OUTCOME_FAILED;
	}
}

static const char *const outcome_names[OUTCOMES] = { "fetched", "failed", "cancelled", "expired" };

/* A string that needs no escaping, or has its escapes already. */
static void put_raw(struct json *j, const char *key, struct str raw)
{
	json_key(j, key);
	json_raw(j, STR("\""));
	buf_append_str(j->out, raw);
	buf_append_char(j->out, '"');
}

/* A URL without its user and password. */
static void put_url(struct json *j, const char *key, struct str href)
{
	struct str scheme, rest, authority, path;
	str_cut(href, ':', &scheme, &rest);
	str_cut(str_slice(rest, strlen("//"), SIZE_MAX), '/', &authority, &path);
	ptrdiff_t at = str_index(authority, '@');
	if (at < 0) {
		json_put_str(j, key, href);
		return;
	}
	cleanup(buf_done) struct buf bare = { 0 };
	buf_append_str(&bare, scheme);
	buf_append_str(&bare, STR("://"));
	buf_append_str(&bare, str_slice(authority, (size_t)at + 1, SIZE_MAX));
	buf_append_char(&bare, '/');
	buf_append_str(&bare, path);
	if (bare.failed)
		j->out->failed = bare.failed;
	else
		json_put_str(j, key, buf_str(&bare));
}

static void put_time(struct json *j, const char *key, int64_t from, int64_t to)
{
	if (to > 0 && to >= from)
		json_put_seconds(j, key, to - from);
}

/* A hop's phases. A connection that was kept has none before the request, but for a wait for it. */
static void put_times(struct json *j, const struct fetch_timings *t)
{
	int64_t connected = t->tls_done ? t->tls_done : t->connect_done;
	int64_t ready = connected ? connected : t->queued;
	put_time(j, "time_queue", t->start, t->queued);
	put_time(j, "time_namelookup", t->start, t->dns_done);
	put_time(j, "time_connect", t->start, t->connect_done);
	put_time(j, "time_appconnect", t->start, t->tls_done);
	put_time(j, "time_pretransfer", t->start, ready);
	put_time(j, "time_posttransfer", t->start, t->sent);
	put_time(j, "time_starttransfer", t->start, t->first_byte);
}

static void put_ipv4(struct json *j, const struct in_addr *addr)
{
	uint32_t a = ntohl(addr->s_addr);
	json_key(j, "remote_ip");
	json_raw(j, STR("\""));
	for (int shift = 24; shift >= 0; shift -= 8) {
		buf_append_u64(j->out, a >> shift & 0xff);
		buf_append_char(j->out, shift ? '.' : '"');
	}
}

static void put_remote(struct json *j, const union fetch_remote *remote)
{
	char text[INET6_ADDRSTRLEN];
	switch (remote->sa.sa_family) {
	case AF_INET:
		put_ipv4(j, &remote->in.sin_addr);
		json_put_u64(j, "remote_port", ntohs(remote->in.sin_port));
		break;
	case AF_INET6:
		json_put_cstr(j, "remote_ip",
			      inet_ntop(AF_INET6, &remote->in6.sin6_addr, text, sizeof(text)));
		json_put_u64(j, "remote_port", ntohs(remote->in6.sin6_port));
		break;
	default:
		break;
	}
}

/* The response fields that a record carries, in a pass over them; the first of a name counts.
 * content_type stands by itself. */
static void put_fields(struct json *j, const struct fields *fields)
{
	static const struct str names[] = {
		STR_INIT("content-type"),     STR_INIT("etag"),	    STR_INIT("last-modified"),
		STR_INIT("content-encoding"), STR_INIT("location"), STR_INIT("retry-after"),
	};
	struct str values[ARRAY_LEN(names)] = { { 0 } };
	size_t found = 0;
	struct field f;
	for (uint32_t at = 0; fields_next(fields, &at, &f);) {
		for (size_t i = 0; i < ARRAY_LEN(names); i++) {
			if (f.name.len == names[i].len && values[i].data == NULL &&
			    str_eq_nocase(f.name, names[i])) {
				values[i] = f.value.data ? f.value : STR("");
				found += i > 0;
			}
		}
	}
	if (values[0].data != NULL)
		json_put_str(j, "content_type", values[0]);
	if (found == 0)
		return;
	json_put_object(j, "fields");
	for (size_t i = 1; i < ARRAY_LEN(names); i++)
		if (values[i].data != NULL)
			json_put_str(j, names[i].data, values[i]);
	json_object_end(j);
}

static void put_version(struct json *j, uint8_t minor)
{
	json_put_cstr(j, "http_version", minor ? "1.1" : "1.0");
}

static void put_answer(struct json *j, const struct fetch_response *resp)
{
	if (resp->status == 0)
		return;
	json_put_u64(j, "http_code", resp->status);
	put_version(j, resp->http_minor);
	put_fields(j, &resp->fields);
	json_put_u64(j, "size_download", resp->size_download);
	if (resp->error == FETCH_OK && resp->size_body != resp->size_download)
		json_put_u64(j, "size_body", resp->size_body);
}

static void put_hop(struct json *j, const struct fetch_hop *hop)
{
	json_object_begin(j);
	put_url(j, "url", str_of(hop->url));
	json_put_u64(j, "http_code", hop->status);
	put_version(j, hop->http_minor);
	json_put_u64(j, "size_download", hop->size_download);
	put_remote(j, &hop->remote);
	if (hop->conn_reused)
		json_put_bool(j, "conn_reused", true);
	put_times(j, &hop->t);
	put_time(j, "time_total", hop->t.start, hop->t.done);
	json_object_end(j);
}

static void put_hops(struct json *j, const struct fetch_response *resp)
{
	if (resp->hops_len == 0)
		return;
	put_time(j, "time_redirect", resp->start_ns, resp->t.start);
	json_put_u64(j, "num_redirects", resp->hops_len);
	json_put_array(j, "hops");
	for (uint32_t i = 0; i < resp->hops_len; i++)
		put_hop(j, &resp->hops[i]);
	json_array_end(j);
}

static void put_job(struct json *j, const struct record *r)
{
	json_put_u64(j, "batch", r->batch);
	json_put_u64(j, "index", r->job->index);
	if (r->job->tag.data != NULL)
		put_raw(j, "tag", r->job->tag);
	put_raw(j, "url", r->job->url);
	if (!str_eq(r->job->method, STR("GET")))
		put_raw(j, "method", r->job->method);
}

static void put_outcome(struct json *j, const struct record *r)
{
	json_put_cstr(j, "state", outcome_names[record_outcome(r->error)]);
	if (r->error == FETCH_OK)
		return;
	json_put_cstr(j, "error", fetch_error_name(r->error));
	if (r->response && r->response->detail[0])
		json_put_cstr(j, "error_detail", r->response->detail);
}

static void put_response(struct json *j, const struct fetch_response *resp, struct str url)
{
	if (resp->url_effective.href.len > 0 && !str_eq(resp->url_effective.href, url))
		put_url(j, "url_effective", resp->url_effective.href);
	put_answer(j, resp);
	put_remote(j, &resp->remote);
	if (resp->proxy_used)
		json_put_bool(j, "proxy_used", true);
	if (resp->conn_reused)
		json_put_bool(j, "conn_reused", true);
	uint32_t attempts =
		resp->attempts - resp->hops_len; /* each redirect is a request of its own */
	if (attempts > 1)
		json_put_u64(j, "attempts", attempts);
	put_times(j, &resp->t);
	put_time(j, "time_total", resp->start_ns, resp->t.done);
	put_hops(j, resp);
}

static void put_digest(struct json *j, const struct record *r)
{
	if (r->sha256 == NULL)
		return;
	json_key(j, "sha256");
	json_raw(j, STR("\""));
	buf_append_hex(j->out, r->sha256, SHA256_BYTES);
	buf_append_char(j->out, '"');
}

int record_write(struct buf *b, const struct record *r)
{
	struct json j = json_to(b);
	json_object_begin(&j);
	put_job(&j, r);
	put_outcome(&j, r);
	if (r->response != NULL)
		put_response(&j, r->response, r->url);
	put_digest(&j, r);
	json_object_end(&j);
	return buf_append_char(b, '\n');
}
