/* SPDX-License-Identifier: MIT
 *
 * options: the daemon's command line. Before any goroutine.
 */
#ifndef FETCHD_OPTIONS_H
#define FETCHD_OPTIONS_H

#include <stdbool.h>

#define OPTIONS_CONFIG_PATH "/etc/fetchd/fetchd.conf"

/* All borrowed from argv; NULL = not given. */
struct options {
	const char *config_path; /* never NULL: the default path unless config_given */
	bool config_given;
	const char *state_dir, *socket_path;
	bool check_config;
};

/* The exit code when there is nothing more to do (--help, --version, a mistake, which it has
 * named), else -1. */
int options_parse(int argc, char **argv, struct options *ret);

#endif
