/* SPDX-License-Identifier: MIT
 *
 * fetchbench: the HTTP client alone, without daemon and store: N requests, C in flight, a
 * goroutine each, bodies read whole.
 *
 *	fetchbench --url http://127.0.0.1:8000/b/1024 --n 100000 --c 64
 *	{"ok":100000,"errors":0,"wall_s":2.215,"cpu_s":2.180,"rss_kb":9120,...}
 *
 * One JSON line on stdout; what failed, by name, on stderr too. rss_kb is the peak. It is the
 * client's own word; who compares programs takes CPU and memory from wait4 instead. Loopback
 * addresses are let through. Exit: 0 all ok, 1 some not, 64 usage, 70 it could not start. This
 * file reads the options and prints the counts; fetchbench_load.c runs.
 */
#include "bench/fetch/fetchbench.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "runtime/clock.h"
#include "runtime/goroutine.h"
#include "src/common/cleanup.h"
#include "src/common/exit.h"
#include "src/common/json.h"

static const char usage_text[] =
	"usage: fetchbench --url URL --n N --c C [--timeout-ms T] [--no-keepalive] [--hosts K]\n"
	"                  [--insecure | --cacert FILE] [--no-resume] [--proxy URL]\n"
	"  --n N            requests in all\n"
	"  --c C            at most C of them at once (1 to 1000000)\n"
	"  --timeout-ms T   of one request; 30000\n"
	"  --no-keepalive   a connection a request\n"
	"  --hosts K        spread 127.0.0.1 over 127.0.0.1 to 127.0.0.K (1 to 254)\n"
	"  --cacert FILE    trust these authorities (PEM) instead of the system's\n"
	"  --no-resume      a full TLS handshake a connection\n"
	"  --proxy URL      through that proxy (http, socks5, socks5h)\n"
	"  --insecure       don't verify certificates\n";

enum option_id {
	OPT_URL = 1,
	OPT_N,
	OPT_C,
	OPT_TIMEOUT,
	OPT_NO_KEEPALIVE,
	OPT_HOSTS,
	OPT_INSECURE,
	OPT_CACERT,
	OPT_NO_RESUME,
	OPT_PROXY,
	OPT_HELP,
};

static const struct option options_table[] = {
	{ "url", required_argument, NULL, OPT_URL },
	{ "n", required_argument, NULL, OPT_N },
	{ "c", required_argument, NULL, OPT_C },
	{ "timeout-ms", required_argument, NULL, OPT_TIMEOUT },
	{ "no-keepalive", no_argument, NULL, OPT_NO_KEEPALIVE },
	{ "hosts", required_argument, NULL, OPT_HOSTS },
	{ "insecure", no_argument, NULL, OPT_INSECURE },
	{ "cacert", required_argument, NULL, OPT_CACERT },
	{ "no-resume", no_argument, NULL, OPT_NO_RESUME },
	{ "proxy", required_argument, NULL, OPT_PROXY },
	{ "help", no_argument, NULL, OPT_HELP },
	{ 0 },
};

/* A number in min..max, or the end of the program. */
static uint64_t number(const char *option, const char *text, uint64_t min, uint64_t max)
{
	uint64_t v;
	if (str_parse_u64(str_of(text), max, &v) == 0 && v >= min)
		return v;
	fprintf(stderr, "fetchbench: --%s %s: want a number from %llu to %llu\n", option, text,
		(unsigned long long)min, (unsigned long long)max);
	exit(EXIT_USAGE);
}

static void set_option(struct load_options *o, int id)
{
	switch (id) {
	case OPT_URL:
		o->url = optarg;
		break;
	case OPT_N:
		o->n = number("n", optarg, 1, UINT64_MAX);
		break;
	case OPT_C:
		o->in_flight = (uint32_t)number("c", optarg, 1, 1000000);
		break;
	case OPT_TIMEOUT:
		o->timeout_ns = (int64_t)number("timeout-ms", optarg, 1, 86400000) * MILLISECOND;
		break;
	case OPT_NO_KEEPALIVE:
		o->no_keepalive = true;
		break;
	case OPT_HOSTS:
		o->hosts = (uint32_t)number("hosts", optarg, 1, 254);
		break;
	case OPT_INSECURE:
		o->insecure = true;
		break;
	case OPT_CACERT:
		o->ca_file = optarg;
		break;
	case OPT_NO_RESUME:
		o->no_resume = true;
		break;
	case OPT_PROXY:
		o->proxy = optarg;
		break;
	case OPT_HELP:
		fputs(usage_text, stdout);
		exit(0);
	default:
		fputs(usage_text, stderr);
		exit(EXIT_USAGE);
	}
}

static struct load_options parse_options(int argc, char **argv)
{
	struct load_options o = { .hosts = 1, .timeout_ns = 30 * SECOND };
	int id;
	while ((id = getopt_long(argc, argv, "", options_table, NULL)) != -1)
		set_option(&o, id);
	if (!o.url || o.n == 0 || o.in_flight == 0 || optind != argc) {
		fputs(usage_text, stderr);
		exit(EXIT_USAGE);
	}
	return o;
}

/* The soft descriptor limit becomes the hard one: every request in flight needs a descriptor. */
static void raise_descriptor_limit(void)
{
	struct rlimit limit;
	if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
		limit.rlim_cur = limit.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &limit);
	}
}

/* Adds a member to the open object and a line to stderr. */
static uint64_t put_failures(struct json *j, const char *name, uint64_t n)
{
	if (n == 0)
		return 0;
	json_put_u64(j, name, n);
	fprintf(stderr, "fetchbench: %s: %llu\n", name, (unsigned long long)n);
	return n;
}

/* The object of failures by name; gives their sum. */
static uint64_t put_all_failures(struct json *j, const struct load_result *r)
{
	uint64_t sum = 0;
	json_object_begin(j);
	for (unsigned e = 0; e < FETCH_ERRORS_LEN; e++)
		sum += put_failures(j, fetch_error_name((enum fetch_error)e), r->errors[e]);
	for (unsigned status = 0; status < STATUS_MAX; status++) {
		char name[16];
		snprintf(name, sizeof(name), "http_%u", status);
		sum += put_failures(j, name, r->statuses[status]);
	}
	json_object_end(j);
	return sum;
}

static long peak_rss_kb(void)
{
	struct rusage usage;
	return getrusage(RUSAGE_SELF, &usage) == 0 ? usage.ru_maxrss : 0;
}

/* One line on stdout. Gives the program's exit code. */
static int report(const struct load_result *r)
{
	cleanup(buf_done) struct buf names = { 0 }, line = { 0 };
	struct json n = json_to(&names), j = json_to(&line);
	uint64_t errors = put_all_failures(&n, r);
	json_object_begin(&j);
	json_put_u64(&j, "ok", r->ok);
	json_put_u64(&j, "errors", errors);
	json_put_seconds(&j, "wall_s", r->wall_ns);
	json_put_seconds(&j, "cpu_s", clock_cpu());
	json_put_i64(&j, "rss_kb", peak_rss_kb());
	json_put_u64(&j, "bytes", r->bytes);
	json_put_u64(&j, "dials", r->client.dials);
	json_put_u64(&j, "tls_handshakes", r->client.tls_handshakes);
	json_put_u64(&j, "tls_resumed", r->client.tls_resumed);
	json_key(&j, "error_names");
	json_raw(&j, buf_str(&names));
	json_object_end(&j);
	buf_append_char(&line, '\n');
	if (names.failed || line.failed || fwrite(line.data, 1, line.len, stdout) != line.len)
		return EXIT_INTERNAL;
	return errors ? EXIT_SOME_FAILED : EXIT_ALL_FETCHED;
}

static int start(int argc, char **argv)
{
	struct load_options o = parse_options(argc, argv);
	static struct load_result result; /* too large for a goroutine's first page */
	raise_descriptor_limit();
	if (load_run(&o, &result) < 0)
		return EXIT_INTERNAL;
	return report(&result);
}

int main(int argc, char **argv)
{
	return runtime_main(start, argc, argv);
}
