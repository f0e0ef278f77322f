/* SPDX-License-Identifier: MIT
 *
 * router: the one table of the API: method, path, handler. A '#' in a path stands for a batch's
 * number. HEAD is served by GET's handler; the call leaves the body out.
 */
#include "src/fetchd/api.h"

#include "src/common/cleanup.h"

static const struct route {
	struct str method, path;
	api_handler *handler;
} routes[] = {
	{ STR_INIT("POST"), STR_INIT("/v1/batches"), api_batches_submit },
	{ STR_INIT("GET"), STR_INIT("/v1/batches"), api_batches_list },
	{ STR_INIT("GET"), STR_INIT("/v1/batches/#"), api_batches_show },
	{ STR_INIT("DELETE"), STR_INIT("/v1/batches/#"), api_control_delete },
	{ STR_INIT("POST"), STR_INIT("/v1/batches/#/cancel"), api_control_cancel },
	{ STR_INIT("GET"), STR_INIT("/v1/batches/#/results"), api_results_read },
	{ STR_INIT("GET"), STR_INIT("/v1/version"), api_misc_version },
	{ STR_INIT("GET"), STR_INIT("/healthz"), api_misc_health },
	{ STR_INIT("GET"), STR_INIT("/readyz"), api_misc_ready },
	{ STR_INIT("GET"), STR_INIT("/metrics"), api_misc_metrics },
	{ STR_INIT("GET"), STR_INIT("/debug/goroutines"), api_misc_goroutines },
};

/* Segment by segment. *ret_id is set where the pattern has '#'. */
static bool path_matches(struct str pattern, struct str path, uint64_t *ret_id)
{
	struct str want, have;
	bool more_path, more_pattern;
	for (;;) {
		more_pattern = str_cut(pattern, '/', &want, &pattern);
		more_path = str_cut(path, '/', &have, &path);
		bool same = str_eq(want, STR("#")) ? str_parse_u64(have, INT64_MAX, ret_id) == 0
						   : str_eq(want, have);
		if (!same || more_pattern != more_path)
			return false;
		if (!more_path)
			return true;
	}
}

static void refuse_method(struct call *x, struct str path)
{
	cleanup(buf_done) struct buf allow = { 0 };
	uint64_t id;
	for (size_t i = 0; i < ARRAY_LEN(routes); i++) {
		if (!path_matches(routes[i].path, path, &id))
			continue;
		if (allow.len)
			buf_append_str(&allow, STR(", "));
		buf_append_str(&allow, routes[i].method);
	}
	if (allow.len == 0)
		api_reply_error(x, 404, "no_such_path", "there is nothing at %.*s",
				STR_ARG(str_slice(path, 0, 200)));
	else
		call_reply_with(x, 405, "application/json",
				STR("{\"error\":\"method_not_allowed\",\"detail\":\"see the field "
				    "Allow\"}\n"),
				(struct field){ STR("Allow"), buf_str(&allow) });
}

void api_handle(void *user, struct call *x)
{
	struct str method = call_method(x), path = call_path(x);
	if (str_eq(method, STR("HEAD")))
		method = STR("GET");
	for (size_t i = 0; i < ARRAY_LEN(routes); i++) {
		uint64_t id = 0;
		if (str_eq(method, routes[i].method) && path_matches(routes[i].path, path, &id)) {
			routes[i].handler(user, x, id);
			return;
		}
	}
	refuse_method(x, path);
}
