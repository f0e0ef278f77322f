/* SPDX-License-Identifier: MIT
 *
 * main: the daemon from its start to its end, always in this order: options, configuration, limits,
 * signals, store, client, engine, API, READY; then it waits; then all of that backwards. Each step
 * that fails says why in one line and ends with a code of sysexits.h.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "runtime/clock.h"
#include "runtime/goroutine.h"
#include "runtime/signal.h"
#include "src/common/cleanup.h"
#include "src/common/exit.h"
#include "src/common/log.h"
#include "src/common/standard.h"
#include "src/common/version.h"
#include "src/fetchd/api.h"
#include "src/fetchd/config.h"
#include "src/fetchd/limits.h"
#include "src/fetchd/notify.h"
#include "src/fetchd/options.h"
#include "src/fetchd/unix_socket.h"

/* What is open; closed backwards. */
static struct daemon {
	struct config config;
	uint64_t descriptors;
	int inherited_sockets;
	signal_chan signals;
	struct store *store;
	struct client *client;
	struct engine *engine;
	struct api api;
} d;

/* Says why, frees the reason, gives the exit code. */
static int fail(int code, const char *what, int err, char *reason)
{
	log_err("%s: %s", what, reason ? reason : strerrordesc_np(-err));
	free(reason);
	return code;
}

/* ---- before the runtime ---- */

static int override(char **value, const char *given)
{
	if (!given)
		return 0;
	char *copy = strdup(given);
	if (!copy)
		return -ENOMEM;
	free(*value);
	*value = copy;
	return 0;
}

static int load_config(const struct options *o)
{
	enum log_level level;
	char *reason = NULL;
	bool absent = !o->config_given && access(o->config_path, F_OK) < 0;
	int err = config_load(absent ? NULL : o->config_path, &d.config, &reason);
	if (err)
		return fail(EXIT_BAD_CONFIG, "configuration", err, reason);
	if (override(&d.config.state_dir, o->state_dir) ||
	    override(&d.config.socket_path, o->socket_path))
		return fail(EXIT_SYSTEM, "configuration", -ENOMEM, NULL);
	if (log_parse_level(str_of(d.config.log_level), &level) == 0)
		log_set_level(level);
	if (o->check_config)
		printf("%s: ok\n", absent ? "defaults" : o->config_path);
	else
		log_info("fetchd " FETCHD_VERSION " starts, configuration=%s",
			 absent ? "defaults" : o->config_path);
	return 0;
}

/* ---- the steps up ---- */

static int open_store(void)
{
	char *reason = NULL;
	int err = store_sqlite_open(d.config.state_dir, &d.store, &reason);
	return err ? fail(err == -ENOSPC || err == -EIO ? EXIT_IO : EXIT_NO_STATE, "store", err,
			  reason)
		   : 0;
}

static int open_client(void)
{
	char *reason = NULL;
	int err = client_new(&d.config.client, &d.client, &reason);
	return err ? fail(err == -ENOMEM ? EXIT_SYSTEM : EXIT_BAD_CONFIG, "client", err, reason)
		   : 0;
}

static int open_engine(void)
{
	int err = engine_open(&d.config.engine, d.store, d.client, &d.engine);
	return err ? fail(EXIT_IO, "engine", err, NULL) : 0;
}

static int open_api(void)
{
	struct server_options o = { .max_connections = LIMITS_API_CONNECTIONS,
				    .handle = api_handle,
				    .user = &d.api };
	char *reason = NULL;
	int err = d.inherited_sockets ? unix_socket_adopt(NOTIFY_FIRST_FD, &o.socket, &reason)
				      : unix_socket_open(d.config.socket_path, &o.socket, &reason);
	if (err)
		return fail(err == -EACCES || err == -EPERM ? EXIT_NOT_PERMITTED : EXIT_IO,
			    "socket", err, reason);
	d.api = (struct api){ .engine = d.engine, .client = d.client, .started_ns = clock_now() };
	err = server_open(&o, &d.api.server);
	if (err) {
		unix_socket_remove(&o.socket);
		close(o.socket.fd);
		return fail(EXIT_SYSTEM, "socket", err, NULL);
	}
	log_info("serving %s, state in %s, %d processors", o.socket.path, d.config.state_dir,
		 runtime_procs());
	return 0;
}

static void close_all(void)
{
	if (d.api.server)
		server_close(d.api.server);
	if (d.engine)
		engine_close(d.engine, d.config.shutdown_grace_ns);
	if (d.client)
		client_free(d.client);
	if (d.store)
		d.store->ops->close(d.store);
}

static void tell_systemd(const char *state)
{
	int err = notify_send(state);
	if (err)
		log_warn("notify: %s", strerrordesc_np(-err));
}

/* The default actions come back first, so a second signal ends the process whatever the steps down
 * wait for. */
static void wait_for_signal(void)
{
	int signal_number = 0;
	chan_recv(d.signals, &signal_number);
	signal_stop(d.signals);
	log_info("%s: stopping, requests under way get %llds", sigdescr_np(signal_number),
		 (long long)(d.config.shutdown_grace_ns / SECOND));
	tell_systemd("STOPPING=1\nSTATUS=stopping");
}

static int serve(int argc, char **argv)
{
	(void)argc, (void)argv;
	if (limits_choose(&d.config, d.descriptors, goroutine_limit()))
		return EXIT_SYSTEM;
	d.signals = chan_make(signal_chan, 4);
	signal_notify(d.signals, SIGTERM, SIGINT, 0);

	int (*const steps[])(void) = { open_store, open_client, open_engine, open_api };
	int code = 0;
	for (size_t i = 0; i < ARRAY_LEN(steps) && code == 0; i++)
		code = steps[i]();
	if (code == 0) {
		tell_systemd("READY=1\nSTATUS=ready");
		log_info("ready");
		wait_for_signal();
	}
	close_all();
	chan_unref(d.signals);
	if (code == 0)
		log_info("stopped");
	return code;
}

int main(int argc, char **argv)
{
	standard_open();
	struct options o;
	int code = options_parse(argc, argv, &o);
	if (code >= 0)
		return code;
	code = load_config(&o);
	if (code == 0 && !o.check_config) {
		signal(SIGPIPE, SIG_IGN);
		d.descriptors = limits_raise_descriptors();
		d.inherited_sockets = notify_listen_fds();
		code = runtime_main(serve, argc, argv);
	}
	config_done(&d.config);
	return code;
}
