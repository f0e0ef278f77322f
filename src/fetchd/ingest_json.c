/* SPDX-License-Identifier: MIT
 *
 * ingest_json: one line of an NDJSON submission, by jansson:
 * {"url":"http://…","tag":"…","method":"HEAD"}.
 *
 * jansson recurses (170 KB of stack on 2,047 open brackets), and a job is flat: so
 * depth is checked before it sees the line. This file can't include src/common/json.h, whose names
 * are like jansson's.
 */
#include <errno.h>
#include <jansson.h>

#include "src/common/cleanup.h"
#include "src/fetchd/ingest.h"

#define DEPTH_MAX 8

void ingest_job_done(struct ingest_job *job)
{
	buf_done(&job->url);
	buf_done(&job->tag);
	buf_done(&job->method);
}

static void unref_json(json_t **value)
{
	json_decref(*value);
}

static bool too_deep(struct str line)
{
	int depth = 0;
	bool in_string = false;
	for (size_t i = 0; i < line.len; i++) {
		char c = line.data[i];
		if (in_string && c == '\\')
			i++;
		else if (c == '"')
			in_string = !in_string;
		else if (!in_string && (c == '[' || c == '{'))
			depth++;
		else if (!in_string && (c == ']' || c == '}'))
			depth--;
		if (depth > DEPTH_MAX)
			return true;
	}
	return false;
}

static int take_string(json_t *value, const char *key, struct buf *b, struct buf *why)
{
	if (!json_is_string(value)) {
		buf_printf(why, "\"%s\" is no string", key);
		return -EINVAL;
	}
	return buf_append(b, json_string_value(value), json_string_length(value));
}

static int take_tag(json_t *value, struct ingest_job *job, struct buf *why)
{
	job->has_tag = true;
	int err = take_string(value, "tag", &job->tag, why);
	if (!err && job->tag.len > INGEST_TAG_BYTES) {
		buf_printf(why, "\"tag\" is longer than %d bytes", INGEST_TAG_BYTES);
		err = -EINVAL;
	}
	return err;
}

static int take_method(json_t *value, struct ingest_job *job, struct buf *why)
{
	int err = take_string(value, "method", &job->method, why);
	struct str method = buf_str(&job->method);
	if (!err && !str_eq(method, STR("GET")) && !str_eq(method, STR("HEAD"))) {
		buf_printf(why, "method \"%.*s\" is not supported: GET and HEAD are",
			   (int)(method.len < 40 ? method.len : 40), method.data);
		err = -EINVAL;
	}
	return err;
}

static int take_member(const char *key, json_t *value, struct ingest_job *job, struct buf *why)
{
	if (strcmp(key, "url") == 0)
		return take_string(value, key, &job->url, why);
	if (strcmp(key, "tag") == 0)
		return take_tag(value, job, why);
	if (strcmp(key, "method") == 0)
		return take_method(value, job, why);
	buf_printf(why, "unknown key \"%.40s\": url, tag and method are known", key);
	return -EINVAL;
}

int ingest__check_utf8(struct str line)
{
	bool ascii = true;
	for (size_t i = 0; i < line.len && ascii; i++)
		ascii = (unsigned char)line.data[i] < 0x80;
	if (ascii)
		return 0;
	cleanup(unref_json) json_t *checked = json_stringn(line.data, line.len);
	return checked ? 0 : -EINVAL;
}

int ingest__parse_json(struct str line, struct ingest_job *job, struct buf *ret_why)
{
	if (too_deep(line)) {
		buf_printf(ret_why, "JSON nested deeper than %d", DEPTH_MAX);
		return -EINVAL;
	}
	json_error_t error;
	cleanup(unref_json) json_t *object =
		json_loadb(line.data, line.len, JSON_REJECT_DUPLICATES, &error);
	if (object == NULL && json_error_code(&error) == json_error_out_of_memory)
		return -ENOMEM;
	if (object == NULL) {
		buf_printf(ret_why, "no JSON: %s", error.text);
		return -EINVAL;
	}
	if (!json_is_object(object)) {
		buf_printf(ret_why, "no JSON object");
		return -EINVAL;
	}
	const char *key;
	json_t *value;
	json_object_foreach(object, key, value)
	{
		int err = take_member(key, value, job, ret_why);
		if (err)
			return err;
	}
	if (json_object_get(object, "url") == NULL) {
		buf_printf(ret_why, "\"url\" is missing");
		return -EINVAL;
	}
	return 0;
}
