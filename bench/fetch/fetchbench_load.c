/* SPDX-License-Identifier: MIT
 *
 * fetchbench, the run: N requests, C in flight, a goroutine each.
 *
 * In the daemon's manner (its dispatcher does the same between host queues and results): the main
 * goroutine takes a token from a channel of C tokens for each request and starts a goroutine in
 * an errgroup; the goroutine puts the token back as the last thing it does. A token is the response
 * that the request fills. The group's limit is
 * a ceiling above C that is never reached, so that nothing ever waits for it. Request goroutines
 * return 0: a failed request is a count and no error of the group.
 *
 * Everything in struct load is written before the first goroutine starts, but for the counts,
 * which are atomic.
 */
#include "bench/fetch/fetchbench.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/chan.h"
#include "runtime/clock.h"
#include "runtime/errgroup.h"
#include "src/common/cleanup.h"

CHAN_OF(struct fetch_response *, token_chan);

struct load {
	const struct load_options *options;
	struct client *client;
	struct context *ctx; /* borrowed from the group */
	struct url *urls;    /* one a host */
	token_chan tokens;
	struct load_result *result;
};

/* What one request goroutine gets. */
struct request_args {
	struct load *load;
	const struct url *url;
	struct fetch_response *resp;
};

static void count(struct load_result *r, enum fetch_error e, const struct fetch_response *resp)
{
	if (e != FETCH_OK)
		atomic_fetch_add_explicit(&r->errors[e], 1, memory_order_relaxed);
	else if (resp->status >= 400 && resp->status < STATUS_MAX)
		atomic_fetch_add_explicit(&r->statuses[resp->status], 1, memory_order_relaxed);
	else
		atomic_fetch_add_explicit(&r->ok, 1, memory_order_relaxed);
	atomic_fetch_add_explicit(&r->bytes, resp->size_download, memory_order_relaxed);
}

static int fetch_one(void *args)
{
	const struct request_args *a = args;
	struct load *load = a->load;
	struct fetch_request req = { .method = STR("GET"), .url = a->url };
	count(load->result, client_fetch(load->client, load->ctx, &req, a->resp), a->resp);
	chan_send(load->tokens, a->resp);
	return 0;
}

/* As many as requests may be in flight. */
static int tokens_make(struct load *load)
{
	load->tokens = chan_make(token_chan, load->options->in_flight);
	for (uint32_t i = 0; i < load->options->in_flight; i++) {
		struct fetch_response *resp = fetch_response_new();
		if (!resp)
			return -ENOMEM;
		chan_send(load->tokens, resp);
	}
	return 0;
}

static void tokens_free(struct load *load)
{
	struct fetch_response *resp;
	while (chan_try_recv(load->tokens, &resp, NULL))
		fetch_response_free(resp);
	chan_unref(load->tokens);
}

static int run_requests(struct load *load)
{
	const struct load_options *o = load->options;
	struct errgroup *g = errgroup_new(NULL);
	errgroup_set_limit(g, (int)(2 * o->in_flight));
	load->ctx = errgroup_context(g);
	int64_t start = clock_now();
	int err = tokens_make(load);
	for (uint64_t i = 0; i < o->n && !err; i++) {
		struct request_args a = { .load = load, .url = &load->urls[i % o->hosts] };
		chan_recv(load->tokens, &a.resp);
		errgroup_go_copy(g, fetch_one, &a, sizeof(a));
	}
	int group_err = errgroup_wait(g);
	load->result->wall_ns = clock_now() - start;
	tokens_free(load);
	return err ? err : group_err;
}

/* The URL again with the host's last number replaced. */
static int url_of_host(const struct url *u, uint32_t host, struct url *ret)
{
	cleanup(buf_done) struct buf b = { 0 };
	buf_printf(&b, "%.*s//127.0.0.%u:%u", STR_ARG(u->protocol), host, u->port_number);
	buf_append_str(&b, url_request_target(u));
	return b.failed ? b.failed : url_parse(buf_str(&b), NULL, ret, NULL);
}

static void urls_free(struct url *urls, uint32_t len)
{
	for (uint32_t i = 0; i < len; i++)
		url_done(&urls[i]);
	free(urls);
}

/* One URL a host, in *ret_urls. */
static int urls_make(const struct load_options *o, struct url **ret_urls)
{
	cleanup(url_done) struct url first = { 0 };
	const char *reason = "";
	int err = url_parse(str_of(o->url), NULL, &first, &reason);
	if (err) {
		fprintf(stderr, "fetchbench: %s: %s\n", o->url, reason);
		return err;
	}
	if (o->hosts > 1 && !str_eq(first.hostname, STR("127.0.0.1"))) {
		fprintf(stderr, "fetchbench: --hosts spreads 127.0.0.1 only, not %.*s\n",
			STR_ARG(first.hostname));
		return -EINVAL;
	}
	struct url *urls = calloc(o->hosts, sizeof(*urls));
	if (!urls)
		return -ENOMEM;
	for (uint32_t i = 0; i < o->hosts && !err; i++)
		err = o->hosts == 1 ? url_copy(&first, &urls[0])
				    : url_of_host(&first, i + 1, &urls[i]);
	if (err)
		urls_free(urls, o->hosts);
	else
		*ret_urls = urls;
	return err;
}

/* A policy that lets a benchmark reach its own machine. */
static int policy_with_loopback(struct policy **ret_policy)
{
	struct str bad;
	struct policy *policy = policy_new();
	int err = policy ? policy_allow(policy, STR("127.0.0.0/8, ::1"), &bad) : -ENOMEM;
	if (err)
		policy_free(policy);
	else
		*ret_policy = policy;
	return err;
}

static int proxies_make(const struct load_options *o, struct proxy_rules *ret)
{
	char reason[FAULT_BYTES] = "out of memory";
	int err = o->proxy ? proxy_new(str_of(o->proxy), true, &ret->all, reason) : 0;
	if (err)
		fprintf(stderr, "fetchbench: --proxy: %s\n", reason);
	return err;
}

static int client_make(const struct load_options *o, const struct policy *policy,
		       const struct proxy_rules *proxies, struct client **ret_client)
{
	struct client_options options = {
		.limits.total_timeout_ns = o->timeout_ns,
		.limits.connect_timeout_ns = o->timeout_ns,
		.limits.first_byte_timeout_ns = o->timeout_ns,
		.limits.idle_timeout_ns = o->timeout_ns,
		.no_redirects = true,
		.no_keepalive = o->no_keepalive,
		.no_decode = true, /* as the peers do: nothing is asked for */
		.tls = { .insecure = o->insecure,
			 .no_sessions = o->no_resume,
			 .ca_file = o->ca_file },
		.policy = policy,
		.proxies = proxies,
	};
	char *reason = NULL;
	int err = client_new(&options, ret_client, &reason);
	if (err)
		fprintf(stderr, "fetchbench: %s\n", reason ? reason : strerrordesc_np(-err));
	free(reason);
	return err;
}

int load_run(const struct load_options *o, struct load_result *ret)
{
	struct load load = { .options = o, .result = ret };
	struct policy *policy = NULL;
	struct proxy_rules proxies = { 0 };
	int err = urls_make(o, &load.urls);
	if (err)
		return err;
	err = policy_with_loopback(&policy);
	if (err)
		goto out;
	err = proxies_make(o, &proxies);
	if (err)
		goto out;
	err = client_make(o, policy, &proxies, &load.client);
	if (err)
		goto out;
	err = run_requests(&load);
	client_stats(load.client, &ret->client);
	client_free(load.client);
out:
	proxy_rules_done(&proxies);
	policy_free(policy);
	urls_free(load.urls, o->hosts);
	return err;
}
