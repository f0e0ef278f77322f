/* SPDX-License-Identifier: MIT
 *
 * parse: what our URL parser makes of a URL, so that other test suites can be run against it. Needs
 * no daemon.
 */
#include "src/common/cleanup.h"
#include "src/fetchctl/ctl.h"
#include "src/http/url.h"

static int parse(const char *text, const struct url *base, struct url *ret)
{
	const char *reason = "";
	int err = url_parse(str_of(text), base, ret, &reason);
	return err ? ctl_fail(EXIT_BAD_INPUT, "%s: %s", text, reason) : 0;
}

static int run(struct ctl *ctl, int argc, char **argv)
{
	cleanup(url_done) struct url base = { 0 };
	cleanup(url_done) struct url url = { 0 };
	cleanup(buf_done) struct buf json = { 0 };
	(void)ctl;
	int code = argc > 1 ? parse(argv[1], NULL, &base) : 0;
	if (code == 0)
		code = parse(argv[0], argc > 1 ? &base : NULL, &url);
	if (code)
		return code;
	url_to_json(&url, &json);
	buf_append_char(&json, '\n');
	return json.failed ? ctl_fail(EXIT_SYSTEM, "out of memory") : ctl_print(buf_str(&json));
}

const struct verb verb_parse = {
	.name = "parse",
	.arguments = "URL [BASE]",
	.summary = "Prints the parts of a URL, parsed as browsers do, as a JSON object",
	.min_args = 1,
	.max_args = 2,
	.run = run,
};
