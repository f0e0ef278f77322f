/* SPDX-License-Identifier: MIT
 *
 * run: the main of each program of models: explores them, then each of their mutants, and reports as tests/harness.c does.
 *
 *	model_runq [-v] [NAME ...]	all, or those named; -v shows every mutant and each failure's steps
 *	model_runq -l			lists the names
 *
 * A model passes if no execution of it fails and all were seen. When all have passed, mutants.c has its turn.
 */
#include <stdarg.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/model/engine.h"

enum {
	EXECUTIONS_MAX = 3000000,
	SECONDS_MAX = 120
};

/* A program that names no mutants has none. */
const struct mutants mutants_wanted __attribute__((weak)) = { 0 };

static struct model *models;
static struct result *shared;
static bool verbose;
static int failures;

void model_register(struct model *m)
{
	struct model **at = &models;
	while (*at != NULL)
		at = &(*at)->next;
	*at = m;
}

int model_depth(void)
{
	const char *depth = getenv("DEPTH");
	return depth == NULL || atoi(depth) < 1 ? 1 : atoi(depth);
}

void model_fail(const char *message)
{
	fail("%s", message);
}

void model_outcome(uint64_t outcome)
{
	struct result *r = engine->result;
	for (uint32_t i = 0; i < r->outcomes_n; i++)
		if (r->outcomes[i] == outcome)
			return;
	if (r->outcomes_n == OUTCOMES_MAX)
		fail("too many outcomes");
	r->outcomes[r->outcomes_n++] = outcome;
}

static void *map(size_t size, int flags)
{
	void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, flags | MAP_ANONYMOUS, -1, 0);
	if (memory == MAP_FAILED)
		abort();
	return memory;
}

static uint64_t executions_max(const struct model *m)
{
	return model_depth() == 1 && m->most > 0
		       ? m->most
		       : (uint64_t)EXECUTIONS_MAX * (uint64_t)model_depth();
}

static _Noreturn void run_child(const struct model *m, struct mutation mutation, bool naive)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	rlim_t seconds = SECONDS_MAX *
			 (rlim_t)model_depth(); /* of its own time: others may keep it waiting */
	setrlimit(RLIMIT_CPU, &(struct rlimit){ seconds, seconds });
	engine = map(sizeof(*engine), MAP_PRIVATE);
	engine->model = m;
	engine->mutation = mutation;
	engine->naive = naive;
	engine->result = shared;
	engine->executions_max = executions_max(m);
	explore();
	_exit(0);
}

static int compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
	return x < y ? -1 : x > y;
}

const struct result *run_model(const struct model *m, struct mutation mutation, bool naive)
{
	int status = 0;
	if (shared == NULL)
		shared = map(sizeof(*shared), MAP_SHARED);
	*shared = (struct result){ 0 };
	pid_t pid = fork();
	if (pid == 0)
		run_child(m, mutation, naive);
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		abort();
	if (WIFSIGNALED(status)) {
		shared->failed = true;
		snprintf(shared->message, sizeof(shared->message), "killed by signal %d: %s",
			 WTERMSIG(status), strsignal(WTERMSIG(status)));
	}
	qsort(shared->outcomes, shared->outcomes_n, sizeof(*shared->outcomes), compare);
	return shared;
}

/* --- reports --- */

static bool outcomes_are(const struct result *r, const char *expected)
{
	char buf[4096] = "";
	size_t at = 0;
	for (uint32_t i = 0; i < r->outcomes_n && at + 32 < sizeof(buf); i++)
		at += (size_t)snprintf(buf + at, sizeof(buf) - at, "%s%llu", i ? " " : "",
				       (unsigned long long)r->outcomes[i]);
	if (strcmp(buf, expected) != 0)
		printf("      outcomes: %s\n      not:      %s\n", buf, expected);
	return strcmp(buf, expected) == 0;
}

static bool judge(const struct model *m, const struct result *r)
{
	if (m->fails != NULL && r->failed && strstr(r->message, m->fails) != NULL)
		return true;
	if (r->failed) {
		printf("      %s\n%s", r->message, r->trace);
		return false;
	}
	if (m->fails != NULL) {
		printf("      does not fail: %s\n", m->fails);
		return false;
	}
	if (!r->complete && model_depth() == 1 && m->most == 0) {
		printf("      there are more executions\n");
		return false;
	}
	return m->outcomes == NULL || outcomes_are(r, m->outcomes);
}

static bool run_explored(const struct model *m, char *figures, size_t size)
{
	const struct result *r = run_model(m, (struct mutation){ 0 }, false);
	bool ok = judge(m, r);
	snprintf(figures, size, "%llu executions%s, %llu cut short, up to %u steps",
		 (unsigned long long)r->executions,
		 r->failed     ? " to the failure"
		 : r->complete ? " (all)"
			       : " (a part)",
		 (unsigned long long)r->pruned, r->deepest);
	return ok;
}

static double now(void)
{
	struct timespec ts;
	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static bool whole_failed;

void run_failed(const char *fmt, ...)
{
	va_list args;
	va_start(args, fmt);
	printf("      ");
	vprintf(fmt, args);
	printf("\n");
	va_end(args);
	whole_failed = true;
}

static bool run_whole(const struct model *m)
{
	whole_failed = false;
	m->whole();
	return !whole_failed;
}

static void run_one(const struct model *m)
{
	char figures[200] = "";
	double begin = now();
	bool ok = m->whole != NULL ? run_whole(m) : run_explored(m, figures, sizeof(figures));
	printf("    %s %s %.1f s  %s\n", ok ? "ok  " : "FAIL", m->name, now() - begin, figures);
	fflush(stdout);
	failures += !ok;
	if (m->whole == NULL && m->fails == NULL)
		mutants_note(m, shared);
}

static bool is_named(const struct model *m, int argc, char **argv)
{
	bool any = false;
	for (int i = 1; i < argc; i++) {
		if (argv[i][0] == '-') {
			i += argv[i][1] == 'j';
			continue;
		}
		any = true;
		if (strcmp(argv[i], m->name) == 0)
			return true;
	}
	return !any;
}

int main(int argc, char **argv)
{
	const char *name = strrchr(argv[0], '/') ? strrchr(argv[0], '/') + 1 : argv[0];
	double begin = now();
	int n = 0;
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (argc > 1 && strcmp(argv[1], "-l") == 0) {
		for (struct model *m = models; m != NULL; m = m->next)
			puts(m->name);
		return 0;
	}
	verbose = argc > 1 && strcmp(argv[1], "-v") == 0;
	for (struct model *m = models; m != NULL; m = m->next)
		if (is_named(m, argc, argv)) {
			run_one(m);
			n++;
		}
	if (failures == 0 && n > 1 && mutants_wanted.of != NULL) {
		failures += !mutants_run(verbose);
		n++;
	}
	if (failures == 0)
		printf("ok %s %d tests %.1fs\n", name, n, now() - begin);
	else
		printf("FAIL %s %d of %d tests %.1fs\n", name, failures, n, now() - begin);
	return failures != 0;
}
