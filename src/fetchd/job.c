/* SPDX-License-Identifier: MIT
 *
 * job: see job.h.
 */
#include "src/fetchd/job.h"

#include <errno.h>

#include "src/common/json.h"

int job_write(struct buf *b, const struct job_text *t)
{
	struct json j = json_to(b);
	json_object_begin(&j);
	json_put_u64(&j, "index", t->index);
	json_put_str(&j, "url", t->url);
	if (t->tag.data != NULL)
		json_put_str(&j, "tag", t->tag);
	if (!str_eq(t->method, STR("GET")))
		json_put_str(&j, "method", t->method);
	json_object_end(&j);
	return buf_append_char(b, '\n');
}

static int take_item(const struct json_item *item, struct job_line *line)
{
	if (json_key_is(item, "index"))
		return json_item_u64(item, UINT32_MAX, &line->index);
	if (item->type != JSON_IS_STRING)
		return -EINVAL;
	if (json_key_is(item, "url"))
		line->url = item->raw;
	else if (json_key_is(item, "tag"))
		line->tag = item->raw;
	else if (json_key_is(item, "method"))
		line->method = item->raw;
	else
		return -EINVAL;
	return 0;
}

int job_read(struct str line, struct job_line *ret_line)
{
	struct job_line read = { .method = STR("GET") };
	struct json_reader r;
	struct json_item item;
	int more = json_reader_init(&r, line);
	while (more == 0 && (more = json_next(&r, &item)) > 0)
		more = take_item(&item, &read);
	if (more != 0 || read.url.data == NULL) {
		*ret_line = (struct job_line){ .index = UINT32_MAX,
					       .url = STR(""),
					       .method = STR("GET") };
		return -EINVAL;
	}
	*ret_line = read;
	return 0;
}
