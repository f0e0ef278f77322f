/* SPDX-License-Identifier: MIT
 *
 * batch: from the daemon's JSON into a struct. Members that are absent are 0 or empty; unknown ones
 * are passed over, so that an older fetchctl understands a newer daemon.
 */
#include "src/fetchctl/batch.h"

#include <errno.h>
#include <stdio.h>

#include "src/common/json.h"

static const struct {
	const char *key;
	size_t offset;
} numbers[] = {
	{ "id", offsetof(struct batch, id) },
	{ "jobs", offsetof(struct batch, jobs) },
	{ "done", offsetof(struct batch, done) },
	{ "fetched", offsetof(struct batch, fetched) },
	{ "failed", offsetof(struct batch, failed) },
	{ "cancelled", offsetof(struct batch, cancelled) },
	{ "expired", offsetof(struct batch, expired) },
	{ "in_flight", offsetof(struct batch, in_flight) },
	{ "queued", offsetof(struct batch, queued) },
}, texts[] = {
	{ "state", offsetof(struct batch, state) },
	{ "waits_for", offsetof(struct batch, waits_for) },
	{ "created", offsetof(struct batch, created) },
	{ "finished", offsetof(struct batch, ended) },
	{ "options", offsetof(struct batch, options) },
};

static int take_member(const struct json_item *item, struct batch *b)
{
	for (size_t i = 0; i < ARRAY_LEN(numbers); i++)
		if (json_key_is(item, numbers[i].key))
			return json_item_u64(item, UINT64_MAX,
					     (uint64_t *)(void *)((char *)b + numbers[i].offset));
	for (size_t i = 0; i < ARRAY_LEN(texts); i++)
		if (json_key_is(item, texts[i].key))
			*(struct str *)(void *)((char *)b + texts[i].offset) = item->raw;
	if (json_key_is(item, "rate") && item->type == JSON_IS_NUMBER)
		return json_item_seconds(item, &b->rate_ns);
	return 0;
}

int batch_read(struct str json, struct batch *ret)
{
	struct batch b = { 0 };
	struct json_reader r;
	struct json_item item;
	int more = 1, err = json_reader_init(&r, json);
	while (err == 0 && (more = json_next(&r, &item)) > 0)
		err = take_member(&item, &b);
	if (err || more < 0 || b.id == 0)
		return -EBADMSG;
	b.finished = str_eq(b.state, STR("done"));
	*ret = b;
	return 0;
}

int batch_get(const struct ctl *ctl, uint64_t id, struct answer *answer, struct batch *ret)
{
	char target[64];
	snprintf(target, sizeof(target), "/v1/batches/%llu", (unsigned long long)id);
	int err = api_call(ctl, "GET", target, answer);
	return err || answer->status != 200 ? err : batch_read(buf_str(&answer->body), ret);
}

unsigned batch_percent(const struct batch *b)
{
	return b->jobs ? (unsigned)((double)b->done * 100 / (double)b->jobs) : 100;
}
