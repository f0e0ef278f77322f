/* SPDX-License-Identifier: MIT
 *
 * api_misc: health, version, metrics in Prometheus' text format 0.0.4, and the two dumps of all
 * goroutines.
 */
#define _GNU_SOURCE
#include "src/fetchd/api.h"

#include <errno.h>
#include <inttypes.h>
#include <sys/mman.h>
#include <unistd.h>

#include "runtime/clock.h"
#include "runtime/dump.h"
#include "runtime/goroutine.h"
#include "runtime/metrics.h"
#include "src/common/cleanup.h"
#include "src/common/json.h"
#include "src/common/version.h"

void api_misc_health(struct api *a, struct call *x, uint64_t id)
{
	(void)a, (void)id;
	call_reply(x, 200, "text/plain", STR("ok\n"));
}

/* The socket is served only while the engine is open, so who can ask gets a yes. */
void api_misc_ready(struct api *a, struct call *x, uint64_t id)
{
	(void)a, (void)id;
	call_reply(x, 200, "text/plain", STR("ready\n"));
}

void api_misc_version(struct api *a, struct call *x, uint64_t id)
{
	(void)id;
	cleanup(buf_done) struct buf body = { 0 };
	struct json j = json_to(&body);
	json_object_begin(&j);
	json_put_cstr(&j, "name", "fetchd");
	json_put_cstr(&j, "version", FETCHD_VERSION);
	json_put_seconds(&j, "uptime", clock_now() - a->started_ns);
	json_object_end(&j);
	api_reply_json(x, 200, &body);
}

/* ---- metrics ---- */

struct metric {
	const char *name, *help;
	uint64_t value;
};

/* By Prometheus' custom a counter's name ends in _total. */
static void put_metrics(struct buf *out, const struct metric *metrics, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		const struct metric *m = &metrics[i];
		const char *type = str_ends(str_of(m->name), STR("_total")) ? "counter" : "gauge";
		buf_printf(out, "# HELP fetchd_%s %s\n# TYPE fetchd_%s %s\nfetchd_%s %" PRIu64 "\n",
			   m->name, m->help, m->name, type, m->name, m->value);
	}
}

static void put_engine(struct api *a, struct buf *out)
{
	struct engine_stats s;
	engine_stats(a->engine, &s);
	const struct metric metrics[] = {
		{ "requests_in_flight", "Requests under way now.", s.in_flight },
		{ "jobs_queued", "Jobs in memory that wait for their turn.", s.queued },
		{ "batches", "Batches that are not finished.", s.batches },
		{ "results_total", "Results committed.", s.results_total },
		{ "results_fetched_total", "Results committed with state fetched.",
		  s.fetched_total },
		{ "results_failed_total", "Results committed with state failed.", s.failed_total },
		{ "body_bytes_total", "Body bytes received.", s.bytes_total },
		{ "commits_total", "Commits of results.", s.commits_total },
		{ "commit_errors_total", "Commits that failed and are tried again.",
		  s.commit_errors_total },
	};
	put_metrics(out, metrics, ARRAY_LEN(metrics));
}

static void put_client(struct api *a, struct buf *out)
{
	struct client_stats s;
	client_stats(a->client, &s);
	const struct metric metrics[] = {
		{ "dials_total", "Connections dialled.", s.dials },
		{ "reuses_total", "Requests that went over a kept connection.", s.reuses },
		{ "stale_retries_total",
		  "Requests sent again because a kept connection had gone stale.",
		  s.stale_retries },
		{ "dns_lookups_total", "Names asked for.", s.dns_lookups },
		{ "dns_cache_hits_total", "Names answered from the cache.", s.dns_hits },
		{ "dns_stale_total",
		  "Names answered with expired addresses because no server answered in time.",
		  s.dns_stale },
		{ "dns_names", "Names in the cache now.", s.dns_names },
		{ "tls_handshakes_total", "TLS handshakes.", s.tls_handshakes },
		{ "tls_resumed_total", "TLS handshakes that resumed a session.", s.tls_resumed },
		{ "connections_open", "Connections to servers now.", s.conns_open },
		{ "connections_idle", "Connections to servers that wait to be used again.",
		  s.conns_idle },
	};
	put_metrics(out, metrics, ARRAY_LEN(metrics));
}

static void put_process(struct api *a, struct buf *out)
{
	struct server_stats s;
	server_stats(a->server, &s);
	const struct metric metrics[] = {
		{ "api_connections", "Connections to the API now.", s.connections },
		{ "api_connections_total", "Connections to the API.", s.connections_total },
		{ "api_requests_total", "Requests to the API.", s.requests_total },
		{ "api_refused_total", "Connections to the API refused for their number.",
		  s.refused_total },
		{ "goroutines", "Goroutines alive now.", (uint64_t)goroutine_count() },
		{ "processors", "Processors of the scheduler.", (uint64_t)runtime_procs() },
		{ "uptime_seconds", "Time since the start.",
		  (uint64_t)((clock_now() - a->started_ns) / SECOND) },
	};
	put_metrics(out, metrics, ARRAY_LEN(metrics));
	buf_printf(out,
		   "# HELP fetchd_cpu_seconds_total CPU time used.\n# TYPE "
		   "fetchd_cpu_seconds_total counter\n"
		   "fetchd_cpu_seconds_total %.3f\n",
		   (double)clock_cpu() / SECOND);
}

/* Names are those of runtime/counter.h's table: fetchd_sched_parks_total ... */
static void put_scheduler(const struct runtime_metrics *m, struct buf *out)
{
	const struct metric metrics[] = {
		{ "goroutines_running", "Goroutines that run now.", (uint64_t)m->running },
		{ "goroutines_runnable", "Goroutines that wait for a processor now.",
		  (uint64_t)m->runnable },
		{ "goroutines_waiting", "Goroutines that wait for something else now.",
		  (uint64_t)m->waiting },
		{ "goroutines_created_total", "Goroutines ever started.", (uint64_t)m->created },
		{ "threads", "OS threads made to run goroutines.", (uint64_t)m->threads },
		{ "threads_running", "OS threads that run goroutines now.",
		  (uint64_t)m->threads_running },
		{ "stack_bytes_in_use", "Memory of goroutines' stacks.",
		  (uint64_t)m->stack_bytes_in_use },
		{ "stack_bytes_free", "Memory of stacks kept for goroutines to come.",
		  (uint64_t)m->stack_bytes_free },
#define X(name, help) { "sched_" #name "_total", help, m->name },
		COUNTERS(X)
#undef X
	};
	put_metrics(out, metrics, ARRAY_LEN(metrics));
}

/* In seconds, cumulative: as Prometheus wants histograms. */
static void put_latency(const struct runtime_metrics *m, struct buf *out)
{
	static const char name[] = "fetchd_sched_latency_seconds";
	uint64_t sum = 0;
	buf_printf(out,
		   "# HELP %s Time from runnable to running, of some goroutines.\n"
		   "# TYPE %s histogram\n",
		   name, name);
	for (int i = 0; i < LATENCY_BUCKETS; i++) {
		sum += m->latency[i];
		if (i < LATENCY_BUCKETS - 1)
			buf_printf(out, "%s_bucket{le=\"%.9f\"} %" PRIu64 "\n", name,
				   (double)latency_bound_ns(i) / SECOND, sum);
	}
	buf_printf(out, "%s_bucket{le=\"+Inf\"} %" PRIu64 "\n%s_sum %.9f\n%s_count %" PRIu64 "\n",
		   name, sum, name, (double)m->latency_sum_ns / SECOND, name, sum);
}

void api_misc_metrics(struct api *a, struct call *x, uint64_t id)
{
	(void)id;
	cleanup(buf_done) struct buf body = { 0 };
	put_engine(a, &body);
	put_client(a, &body);
	put_process(a, &body);
	struct runtime_metrics m;
	runtime_metrics_read(&m);
	put_scheduler(&m, &body);
	put_latency(&m, &body);
	if (body.failed)
		api_reply_engine_error(x, 0, body.failed);
	else
		call_reply(x, 200, "text/plain; version=0.0.4", buf_str(&body));
}

/* ---- goroutines ---- */

/* As Go's pprof: debug=1 counts goroutines by identical stack, 2 (or nothing) shows each. */
static int dump(struct call *x, int fd)
{
	if (str_eq(call_query(x), STR("debug=1")))
		return goroutine_dump_counts(fd);
	goroutine_dump(fd);
	return 0;
}

/* The dump wants a descriptor: it goes through a file in memory. */
void api_misc_goroutines(struct api *a, struct call *x, uint64_t id)
{
	(void)a, (void)id;
	char piece[4096];
	int fd = memfd_create("goroutines", MFD_CLOEXEC);
	if (fd < 0 || dump(x, fd) != 0) {
		if (fd >= 0)
			close(fd);
		api_reply_engine_error(x, 0, -ENOMEM);
		return;
	}
	off_t at = 0;
	ssize_t n = 1;
	int err = call_stream_begin(x, 200, "text/plain");
	while (!err && n > 0) {
		n = pread(fd, piece, sizeof(piece), at);
		at += n > 0 ? n : 0;
		err = n > 0 ? call_stream(x, str_make(piece, (size_t)n)) : 0;
	}
	close(fd);
	if (!err)
		call_stream_end(x);
}
