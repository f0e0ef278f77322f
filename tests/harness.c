/* SPDX-License-Identifier: MIT
 *
 * harness: the main of every test program: options, one child process per test, time limits, the
 * report.
 *
 * The parent is a single thread and runs at most `jobs` children. A child is this program again
 * (by exec, so that no state of the parent is in it) with --here NAME, its output in a memory
 * file that is shown when it fails, and in a process group of its own, so that whatever a test
 * started ends with it. The checks live in harness_check.c, what belongs to goroutines in
 * harness_go.c.
 */
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/harness.h"

#define DEFAULT_TIMEOUT_S 30
#define GRACE_S		  2 /* between SIGQUIT, SIGABRT and SIGKILL */
#define MAX_JOBS	  64
#define EXIT_SKIP	  77

enum verdict {
	PASSED,
	FAILED,
	SKIPPED
};

struct child {
	struct test *test;
	pid_t pid;
	int log; /* memory file with its output */
	double started_s;
	double deadline_s; /* when the next signal goes */
	int signals_sent;  /* 0, then SIGQUIT, SIGABRT, SIGKILL */
	char dir[256];
};

static struct test *tests; /* by file and line */
static const char *program;
static double timeout_scale = 1;

static struct {
	struct child children[MAX_JOBS];
	int jobs, running;
	int count[3]; /* by verdict */
} run;

void harness_register(struct test *t)
{
	struct test **at = &tests;
	while (*at && (*at)->line < t->line)
		at = &(*at)->next;
	t->next = *at;
	*at = t;
}

int harness_run_plain(struct test *t)
{
	t->body();
	return 0;
}

static double now_s(void)
{
	struct timespec ts;
	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static struct test *find(const char *name)
{
	for (struct test *t = tests; t; t = t->next)
		if (!strcmp(t->name, name))
			return t;
	fprintf(stderr, "%s: no test named %s (-l lists them)\n", program, name);
	exit(2);
}

/* --- a child ----------------------------------------------------------------------------- */

void harness_become(const char *name)
{
	const char *launcher = getenv("TEST_LAUNCHER");
	if (launcher != NULL)
		execlp(launcher, launcher, program, "--here", name, (char *)NULL);
	else
		execl("/proc/self/exe", program, "--here", name, (char *)NULL);
	perror("exec");
	_exit(126);
}

_Noreturn static void become_test(const struct child *c)
{
	struct rlimit no_core; /* unless the test asks for one */
	sigset_t none;
	setpgid(0, 0);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	getrlimit(RLIMIT_CORE, &no_core);
	no_core.rlim_cur = 0;
	setrlimit(RLIMIT_CORE, &no_core);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	setenv("TEST_DIR", c->dir, 1);
	dup2(open("/dev/null", O_RDONLY | O_CLOEXEC), 0);
	dup2(c->log, 1);
	dup2(c->log, 2);
	harness_become(c->test->name);
}

static void start(struct child *c, struct test *t)
{
	static int serial;
	const char *tmp = getenv("TMPDIR");
	*c = (struct child){ .test = t,
			     .log = memfd_create("log", MFD_CLOEXEC),
			     .started_s = now_s() };
	c->deadline_s =
		c->started_s + timeout_scale * (t->timeout_s ? t->timeout_s : DEFAULT_TIMEOUT_S);
	snprintf(c->dir, sizeof(c->dir), "%.200s/fetchd-test-%d-%d", tmp ? tmp : "/tmp", getpid(),
		 ++serial);
	fflush(NULL);
	c->pid = fork();
	if (c->pid == 0)
		become_test(c);
	if (c->pid < 0 || c->log < 0) {
		perror(program);
		exit(2);
	}
	run.running++;
}

static int remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	(void)st, (void)flag, (void)ftw;
	remove(path);
	return 0;
}

static char *read_log(int fd)
{
	off_t size = lseek(fd, 0, SEEK_END);
	char *text = calloc(1, (size_t)size + 1);
	ssize_t n = text ? pread(fd, text, (size_t)size, 0) : 0;
	for (ssize_t i = 0; i < n; i++)
		if (!text[i])
			text[i] = '?'; /* so that strstr sees all of it */
	return text;
}

static const char *describe(int status, char *buf, size_t size)
{
	if (WIFSIGNALED(status))
		snprintf(buf, size, "killed by SIG%s", sigabbrev_np(WTERMSIG(status)));
	else
		snprintf(buf, size, "exit status %d", WEXITSTATUS(status));
	return buf;
}

/* Each line of texts, one after the other. */
static bool contains_all(const char *log, const char *texts)
{
	while (log && *texts) {
		size_t size = strcspn(texts, "\n");
		log = memmem(log, strlen(log), texts, size);
		log = log ? log + size : NULL;
		texts += size + (texts[size] == '\n');
	}
	return log;
}

/* Why the test failed, or NULL. */
static const char *judge(const struct child *c, int status, const char *log, char *buf, size_t size)
{
	if (c->signals_sent) {
		snprintf(buf, size, "time limit of %.0f s",
			 timeout_scale *
				 (c->test->timeout_s ? c->test->timeout_s : DEFAULT_TIMEOUT_S));
		return buf;
	}
	if (!c->test->dies)
		return status ? describe(status, buf, size) : NULL;
	if (!status)
		return "ended well, but was expected to die";
	if (contains_all(log, c->test->dies))
		return NULL;
	char how[40];
	snprintf(buf, size, "%s, but its output lacks \"%s\"", describe(status, how, sizeof(how)),
		 c->test->dies);
	return buf;
}

static void finish(struct child *c, int status)
{
	char buf[256], *log = read_log(c->log);
	bool skipped = WIFEXITED(status) && WEXITSTATUS(status) == EXIT_SKIP;
	const char *why = skipped ? NULL : judge(c, status, log ? log : "", buf, sizeof(buf));

	kill(-c->pid, SIGKILL); /* what it left behind */
	run.count[skipped ? SKIPPED : why ? FAILED : PASSED]++;
	if (skipped)
		printf("    skip %s: %s", c->test->name, log ? log : "\n");
	if (why)
		printf("--- FAIL %s (%s:%d) after %.1f s: %s\n%s--- end of %s\n", c->test->name,
		       c->test->file, c->test->line, now_s() - c->started_s, why, log ? log : "",
		       c->test->name);
	if (!getenv("TEST_KEEP"))
		nftw(c->dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	free(log);
	close(c->log);
	c->test = NULL;
	run.running--;
}

/* --- the parent's loop ------------------------------------------------------------------- */

static void reap(void)
{
	int status;
	for (pid_t pid; (pid = waitpid(-1, &status, WNOHANG)) > 0;)
		for (int i = 0; i < run.jobs; i++)
			if (run.children[i].test && run.children[i].pid == pid)
				finish(&run.children[i], status);
}

/* Sends the next signal to children past their time. Gives when the next is due. */
static double enforce_limits(void)
{
	static const int ladder[] = { SIGQUIT, SIGABRT, SIGKILL };
	double now = now_s(), next = now + 60;
	for (int i = 0; i < run.jobs; i++) {
		struct child *c = &run.children[i];
		if (!c->test)
			continue;
		if (now >= c->deadline_s) {
			kill(c->pid, ladder[c->signals_sent < 2 ? c->signals_sent : 2]);
			c->signals_sent++;
			c->deadline_s = now + GRACE_S;
		}
		if (c->deadline_s < next)
			next = c->deadline_s;
	}
	return next;
}

/* Waits until a child has ended (SIGCHLD is blocked, so none is missed). */
static void wait_for_some(void)
{
	sigset_t chld;
	double left = enforce_limits() - now_s();
	if (left < 0)
		left = 0;
	struct timespec ts = { (time_t)left, (long)((left - (double)(time_t)left) * 1e9) };
	sigemptyset(&chld);
	sigaddset(&chld, SIGCHLD);
	sigtimedwait(&chld, NULL, &ts);
	reap();
}

static void run_one(struct test *t)
{
	while (run.running == run.jobs)
		wait_for_some();
	for (int i = 0; i < run.jobs; i++) {
		if (run.children[i].test)
			continue;
		start(&run.children[i], t);
		return;
	}
}

static int report(double started_s)
{
	const char *name = strstr(
		program,
		"/tests/"); /* build/debug/tests/runtime/test_chan -> tests/runtime/test_chan */
	int total = run.count[PASSED] + run.count[FAILED];
	name = name ? name + 1 : program;
	if (run.count[FAILED])
		printf("FAIL %s %d of %d tests %.1fs\n", name, run.count[FAILED], total,
		       now_s() - started_s);
	else
		printf("ok %s %d tests %.1fs\n", name, total, now_s() - started_s);
	return run.count[FAILED] ? 1 : 0;
}

static int here(const char *name)
{
	struct test *t = find(name);
	return t->run(t);
}

int main(int argc, char **argv)
{
	sigset_t chld;
	double started_s = now_s();
	int opt;

	program = argv[0];
	run.jobs = 1;
	if (argc == 3 && !strcmp(argv[1], "--here"))
		return here(argv[2]);
	while ((opt = getopt(argc, argv, "lj:")) != -1) {
		if (opt == 'l') {
			for (struct test *t = tests; t; t = t->next)
				if (!t->only_by_name)
					puts(t->name);
			return 0;
		}
		if (opt != 'j' || (run.jobs = atoi(optarg)) < 1 || run.jobs > MAX_JOBS) {
			fprintf(stderr, "usage: %s [-l] [-j N] [NAME ...]\n", program);
			return 2;
		}
	}
	if (getenv("TEST_TIMEOUT") && atof(getenv("TEST_TIMEOUT")) > 0)
		timeout_scale = atof(getenv("TEST_TIMEOUT"));
	sigemptyset(&chld);
	sigaddset(&chld, SIGCHLD);
	sigprocmask(SIG_BLOCK, &chld, NULL);
	for (int i = optind; i < argc; i++)
		run_one(find(argv[i]));
	for (struct test *t = tests; t && optind == argc; t = t->next)
		if (!t->only_by_name)
			run_one(t);
	while (run.running)
		wait_for_some();
	return report(started_s);
}
