/* SPDX-License-Identifier: MIT
 *
 * submit: uploads a list of URLs or jobs. The daemon reads lines, not fetchctl: so there is one
 * judge of what is a URL; fetchctl only puts the file's name to the line that was refused.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "src/common/cleanup.h"
#include "src/common/json.h"
#include "src/fetchctl/api.h"
#include "src/http/percent.h"

enum {
	DIGEST,
	FORMAT
};

struct input {
	const char *name; /* for people */
	int fd;
	bool ndjson;
};

static ssize_t give(void *user, char *buffer, size_t size)
{
	const struct input *in = user;
	ssize_t n;
	do
		n = read(in->fd, buffer, size);
	while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : n;
}

static int open_input(const char *path, struct input *ret)
{
	struct stat st;
	*ret = (struct input){ .name = "standard input", .fd = STDIN_FILENO };
	if (strcmp(path, "-") == 0)
		return 0;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return ctl_fail(EXIT_NO_INPUT, "%s: %s", path, strerrordesc_np(errno));
	if (fstat(fd, &st) == 0 && S_ISDIR(st.st_mode)) {
		close(fd);
		return ctl_fail(EXIT_NO_INPUT, "%s is a folder, not a list of URLs", path);
	}
	*ret = (struct input){ .name = path, .fd = fd };
	return 0;
}

static int choose_format(const char *given, struct input *in)
{
	struct str name = str_of(in->name), format = str_of(given ? given : "auto");
	if (str_eq(format, STR("auto")))
		in->ndjson = str_ends(name, STR(".ndjson")) || str_ends(name, STR(".jsonl"));
	else if (str_eq(format, STR("ndjson")))
		in->ndjson = true;
	else if (!str_eq(format, STR("text")))
		return ctl_fail(EXIT_USAGE, "--format can be text, ndjson or auto, not '%s'",
				given);
	return 0;
}

/* 400 with a line number: a matter of the input. */
static int say_bad_line(const struct input *in, struct str body)
{
	cleanup(buf_done) struct buf detail = { 0 };
	struct json_item line, text;
	uint64_t number;
	if (!json_get(body, "line", &line) || json_item_u64(&line, UINT64_MAX, &number))
		return 0;
	if (json_get(body, "detail", &text) && text.type == JSON_IS_STRING &&
	    json_unescape(text.raw, &detail) != 0)
		buf_clear(&detail);
	return ctl_fail(EXIT_BAD_INPUT, "line %llu of %s is no %s: %s", (unsigned long long)number,
			in->name, in->ndjson ? "job" : "URL", buf_cstr(&detail));
}

static int print_id(const struct ctl *ctl, struct str body)
{
	struct json_item id;
	if (ctl->json)
		return ctl_print(body);
	if (!json_get(body, "id", &id))
		return ctl_fail(EXIT_INTERNAL, "the daemon's answer has no id");
	cleanup(buf_done) struct buf line = { 0 };
	buf_append_str(&line, id.raw);
	buf_append_char(&line, '\n');
	return ctl_print(buf_str(&line));
}

static int upload(const struct ctl *ctl, struct input *in)
{
	cleanup(buf_done) struct buf target = { 0 };
	cleanup(answer_done) struct answer a = { 0 };
	buf_append_str(&target, STR("/v1/batches"));
	if (ctl->given[DIGEST]) {
		buf_append_str(&target, STR("?digest="));
		percent_encode(&target, str_of(ctl->given[DIGEST]), PERCENT_COMPONENT);
	}
	if (!buf_cstr(&target))
		return ctl_fail(EXIT_SYSTEM, "out of memory");
	int err = api_upload(ctl, buf_cstr(&target),
			     in->ndjson ? "application/x-ndjson" : "text/plain", give, in, &a);
	int code = err == 0 && a.status == 400 ? say_bad_line(in, buf_str(&a.body)) : 0;
	if (code == 0)
		code = api_exit_code(ctl, err, &a);
	return code ? code : print_id(ctl, buf_str(&a.body));
}

static int run(struct ctl *ctl, int argc, char **argv)
{
	struct input in;
	(void)argc;
	int code = open_input(argv[0], &in);
	if (code == 0)
		code = choose_format(ctl->given[FORMAT], &in);
	if (code == 0)
		code = upload(ctl, &in);
	return code;
}

const struct verb verb_submit = {
	.name = "submit",
	.arguments = "FILE",
	.summary = "Hands in a list of URLs, a line each, and prints the batch's number",
	.help = "'-' is standard input. Blank lines and lines that begin with '#' are skipped.\n"
		"A list in NDJSON has a job a line: {\"url\":\"...\"}.",
	.options = {
		[DIGEST] = { "digest", "sha256", "have the digest of each body in its result" },
		[FORMAT] = { "format", "FORMAT", "text, ndjson or auto (default: by the name)" },
	},
	.min_args = 1,
	.max_args = 1,
	.run = run,
};
