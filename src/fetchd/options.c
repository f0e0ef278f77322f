/* SPDX-License-Identifier: MIT
 *
 * options: getopt_long over one table; what it says of a mistake goes to stderr with a hint.
 */
#include "src/fetchd/options.h"

#include <getopt.h>
#include <stdio.h>

#include "src/common/exit.h"
#include "src/common/version.h"

static const char usage[] =
	"Usage: fetchd [OPTION]...\n"
	"Fetches batches of URLs for other programs, which talk to it over a Unix socket (see "
	"fetchctl).\n"
	"\n"
	"  -c, --config FILE     configuration; without it " OPTIONS_CONFIG_PATH
	", if that exists\n"
	"      --state-dir DIR   where batches and results are kept; overrides [daemon] state_dir\n"
	"      --socket PATH     where to listen; overrides [daemon] socket\n"
	"      --check-config    read the configuration, say what is wrong with it, and end\n"
	"      --version         print the version and end\n"
	"  -h, --help            print this and end\n"
	"\n"
	"SIGTERM and SIGINT stop it orderly, a second one at once; SIGQUIT prints all goroutines.\n"
	"Exit codes: 0, 64 usage, 71 system, 73 state folder, 74 input or output, 78 "
	"configuration. More in fetchd(8).\n";

enum {
	OPT_STATE_DIR = 256,
	OPT_SOCKET,
	OPT_CHECK_CONFIG,
	OPT_VERSION,
};

static const struct option table[] = {
	{ "config", required_argument, NULL, 'c' },
	{ "state-dir", required_argument, NULL, OPT_STATE_DIR },
	{ "socket", required_argument, NULL, OPT_SOCKET },
	{ "check-config", no_argument, NULL, OPT_CHECK_CONFIG },
	{ "version", no_argument, NULL, OPT_VERSION },
	{ "help", no_argument, NULL, 'h' },
	{ 0 },
};

static int mistake(void)
{
	fputs("Try 'fetchd --help'.\n", stderr);
	return EXIT_USAGE;
}

int options_parse(int argc, char **argv, struct options *ret)
{
	struct options o = { .config_path = OPTIONS_CONFIG_PATH };
	int c;
	while ((c = getopt_long(argc, argv, "c:h", table, NULL)) != -1) {
		switch (c) {
		case 'c':
			o.config_path = optarg;
			o.config_given = true;
			break;
		case OPT_STATE_DIR:
			o.state_dir = optarg;
			break;
		case OPT_SOCKET:
			o.socket_path = optarg;
			break;
		case OPT_CHECK_CONFIG:
			o.check_config = true;
			break;
		case OPT_VERSION:
			puts("fetchd " FETCHD_VERSION);
			return 0;
		case 'h':
			fputs(usage, stdout);
			return 0;
		default:
			return mistake();
		}
	}
	if (optind < argc) {
		fprintf(stderr, "fetchd: unexpected argument '%s'\n", argv[optind]);
		return mistake();
	}
	*ret = o;
	return -1;
}
