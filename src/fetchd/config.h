/* SPDX-License-Identifier: MIT
 *
 * config: the daemon's settings: one table of keys (config.def), read by inih, checked, with file,
 * line and key in each error.
 *
 *	struct config config;
 *	char *reason;
 *	int err = config_load("/etc/fetchd/fetchd.conf", &config, &reason);
 *	if (err)
 *		log_err("%s", reason); // f.conf:3: [fetch] max_per_host: "a" is not a number
 *
 * INI: [section] key = value. A section may repeat, the last value wins; lists given twice are
 * replaced. Unknown sections and keys, and bad values, are refused. config/fetchd.conf lists every
 * key as `#key = default` under its explanation; a test compares.
 */
#ifndef FETCHD_CONFIG_H
#define FETCHD_CONFIG_H

#include "src/client/client.h"
#include "src/fetchd/engine.h"

/* All strings are config's own; NULL where the value is empty. */
struct config {
	char *socket_path;	      /* [daemon] socket */
	char *state_dir;	      /* [daemon] state_dir */
	char *log_level;	      /* [daemon] log_level */
	int64_t shutdown_grace_ns;    /* [daemon] shutdown_grace */
	struct engine_options engine; /* [fetch]; max_in_flight and window 0 = auto */
	struct client_options
		client;	       /* [fetch], [tls], [auth], [dns]; its policy and proxies are below */
	bool decode;	       /* [fetch] decode */
	struct policy *policy; /* made of the next three */
	char *policy_allow;    /* [policy] allow */
	char *policy_deny;     /* [policy] deny */
	char *policy_ports;    /* [policy] ports */
	struct proxy_rules *proxies; /* made of the next four */
	char *proxy_http;	     /* [proxy] http */
	char *proxy_https;	     /* [proxy] https */
	char *proxy_all;	     /* [proxy] all */
	char *proxy_except;	     /* [proxy] no_proxy */
};

/* path NULL = the defaults. Never parks, but reads a file. 0; -EINVAL for what the file says;
 * -ENOMEM; or why it can't be read. *ret_reason is then for people: free(). */
int config_load(const char *path, struct config *ret_config, char **ret_reason) MUST_USE;
void config_done(struct config *c);

#endif
