/* SPDX-License-Identifier: MIT
 *
 * main: the table of verbs, and from the command line to one of them. Options of fetchctl itself
 * may stand before or behind the verb.
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

#include "src/common/nearest.h"
#include "src/common/paths.h"
#include "src/common/standard.h"
#include "src/common/version.h"
#include "src/fetchctl/ctl.h"

static const struct verb *const verbs[] = {
	&verb_submit, &verb_status, &verb_list,	 &verb_results, &verb_wait,
	&verb_cancel, &verb_delete, &verb_parse, &verb_version,
};

enum {
	OPT_SOCKET = 256,
	OPT_JSON,
	OPT_VERSION,
	OPT_VERB, /* + its index in the verb's options */
};

/* Those of fetchctl itself; behind them is room for a verb's. */
static const struct option common_options[] = {
	{ "socket", required_argument, NULL, OPT_SOCKET },
	{ "json", no_argument, NULL, OPT_JSON },
	{ "version", no_argument, NULL, OPT_VERSION },
	{ "help", no_argument, NULL, 'h' },
};

static const char common_help[] =
	"  --socket PATH        the daemon's socket; else $FETCHD_SOCKET, else\n"
	"                       " FETCHD_SOCKET_PATH "\n"
	"  --json               print what the daemon said as JSON\n"
	"  -h, --help           print this and end\n";

/* ---- help ---- */

static int help(void)
{
	fputs("Usage: fetchctl [--socket PATH] [--json] VERB [ARGUMENT]...\n"
	      "Gives batches of URLs to fetchd and gets their results.\n\n",
	      stdout);
	for (size_t i = 0; i < ARRAY_LEN(verbs); i++)
		printf("  %-8s %-12s  %s\n", verbs[i]->name, verbs[i]->arguments,
		       verbs[i]->summary);
	printf("\n%s  --version            print the version and end\n"
	       "\n'fetchctl VERB --help' tells more; so does fetchctl(1).\n",
	       common_help);
	return 0;
}

static int help_verb(const struct verb *v)
{
	printf("Usage: fetchctl %s [OPTION]... %s\n%s.\n", v->name, v->arguments, v->summary);
	if (v->help)
		printf("%s\n", v->help);
	putchar('\n');
	for (size_t i = 0; i < VERB_OPTIONS && v->options[i].name; i++) {
		const struct verb_option *o = &v->options[i];
		int used = printf("  --%s %s", o->name, o->value ? o->value : "");
		printf("%*s %s\n", used < 22 ? 22 - used : 0, "", o->help);
	}
	fputs(common_help, stdout);
	return 0;
}

static int mistake(const struct verb *v)
{
	fprintf(stderr, "Try 'fetchctl %s%s--help'.\n", v ? v->name : "", v ? " " : "");
	return EXIT_USAGE;
}

/* ---- options ---- */

/* Reads options up to the verb (v NULL) or all of them behind it. -1 to go on, else the exit code.
 * */
static int read_options(struct ctl *ctl, const struct verb *v, int argc, char **argv)
{
	struct option table[ARRAY_LEN(common_options) + VERB_OPTIONS + 1] = { 0 };
	size_t n = ARRAY_LEN(common_options);
	memcpy(table, common_options, sizeof(common_options));
	for (size_t i = 0; v && i < VERB_OPTIONS && v->options[i].name; i++)
		table[n++] = (struct option){ v->options[i].name,
					      v->options[i].value ? required_argument : no_argument,
					      NULL, OPT_VERB + (int)i };
	optind = 0; /* glibc: start anew */
	int c;
	while ((c = getopt_long(argc, argv, v ? "h" : "+h", table, NULL)) != -1) {
		if (c == OPT_SOCKET)
			ctl->socket_path = optarg;
		else if (c == OPT_JSON)
			ctl->json = true;
		else if (c == OPT_VERSION)
			return puts("fetchctl " FETCHD_VERSION) < 0;
		else if (c == 'h')
			return v ? help_verb(v) : help();
		else if (c >= OPT_VERB)
			ctl->given[c - OPT_VERB] = optarg ? optarg : "";
		else
			return mistake(v);
	}
	return -1;
}

static int unknown_verb(const char *name)
{
	struct nearest near = { 0 };
	for (size_t i = 0; i < ARRAY_LEN(verbs); i++)
		nearest_offer(&near, str_of(name), verbs[i]->name);
	ctl_fail(EXIT_USAGE, "no verb '%s'%s%s%s", name, near.best ? "; did you mean '" : "",
		 near.best ? near.best : "", near.best ? "'?" : "");
	return mistake(NULL);
}

static int run_verb(struct ctl *ctl, const struct verb *v, int argc, char **argv)
{
	char name[] = "fetchctl"; /* for getopt's messages */
	argv[0] = name;
	int code = read_options(ctl, v, argc, argv);
	if (code >= 0)
		return code;
	int args = argc - optind;
	if (args < v->min_args || args > v->max_args) {
		ctl_fail(EXIT_USAGE, "%s wants %s%s", v->name,
			 *v->arguments ? v->arguments : "no argument",
			 args < v->min_args ? "" : ", not more");
		return mistake(v);
	}
	return v->run(ctl, args, argv + optind);
}

int main(int argc, char **argv)
{
	standard_open();
	const char *from_environment = getenv("FETCHD_SOCKET");
	struct ctl ctl = { .socket_path = from_environment && *from_environment
						  ? from_environment
						  : FETCHD_SOCKET_PATH };
	int code = read_options(&ctl, NULL, argc, argv);
	if (code >= 0)
		return code;
	if (optind == argc) {
		ctl_fail(EXIT_USAGE, "which verb?");
		return mistake(NULL);
	}
	const char *name = argv[optind];
	for (size_t i = 0; i < ARRAY_LEN(verbs); i++)
		if (strcmp(verbs[i]->name, name) == 0)
			return run_verb(&ctl, verbs[i], argc - optind, argv + optind);
	return unknown_verb(name);
}
