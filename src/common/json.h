/* SPDX-License-Identifier: MIT
 *
 * json: an append-only emitter and a pull reader, for JSON of our own making. (What strangers send
 * goes through jansson.)
 *
 *	struct json j = json_to(&out);
 *	json_object_begin(&j);
 *	json_put_str(&j, "url", url);
 *	json_put_u64(&j, "size", 42);
 *	json_put_seconds(&j, "time_total", 1250 * MICROSECOND);
 *	json_object_end(&j);	// {"url":"http://h/","size":42,"time_total":0.001250}
 *
 *	struct json_reader r;
 *	struct json_item item;
 *	int more = json_reader_init(&r, line);
 *	if (more == 0)
 *		while ((more = json_next(&r, &item)) > 0)
 *			...;	// and more < 0 says that it is malformed
 *
 * The emitter puts commas itself and never fails but through its buf's sticky error. Strings come
 * out as valid UTF-8: each byte that isn't part of a valid sequence becomes U+FFFD. The reader is
 * not recursive, allocates nothing, and gives slices of its text. No name here is one of jansson.h,
 * so that a file may include both. Any thread.
 */
#ifndef COMMON_JSON_H
#define COMMON_JSON_H

#include <stdbool.h>
#include <stdint.h>

#include "src/common/buf.h"
#include "src/common/str.h"

struct json {
	struct buf *out;
	bool comma; /* the next key or element needs one before it */
};

/* An emitter onto out (borrowed). */
static inline struct json json_to(struct buf *out)
{
	return (struct json){ .out = out };
}

void json_object_begin(struct json *j);
void json_object_end(struct json *j);
void json_array_begin(struct json *j);
void json_array_end(struct json *j);

/* A member's key; the next call gives its value. */
void json_key(struct json *j, const char *key);
void json_key_str(struct json *j, struct str key);

void json_str(struct json *j, struct str v);
void json_cstr(struct json *j, const char *v); /* NULL gives null */
void json_u64(struct json *j, uint64_t v);
void json_i64(struct json *j, int64_t v);
void json_bool(struct json *j, bool v);
void json_nothing(struct json *j); /* null */
/* Nanoseconds as seconds with 6 decimals, rounded half up: 1250 µs gives 0.001250. */
void json_seconds(struct json *j, int64_t ns);
/* v with exactly `decimals` (0..9) digits after the point; NaN, infinities and |v| >= 1e15 give
 * null. */
void json_fixed(struct json *j, double v, unsigned decimals);
/* A value that is JSON already. */
void json_raw(struct json *j, struct str v);

/* Key and value. */
void json_put_str(struct json *j, const char *key, struct str v);
void json_put_cstr(struct json *j, const char *key, const char *v);
void json_put_u64(struct json *j, const char *key, uint64_t v);
void json_put_i64(struct json *j, const char *key, int64_t v);
void json_put_bool(struct json *j, const char *key, bool v);
void json_put_seconds(struct json *j, const char *key, int64_t ns);

/* A key's object or array: json_object_begin after json_key. */
void json_put_object(struct json *j, const char *key);
void json_put_array(struct json *j, const char *key);

enum json_kind {
	JSON_IS_STRING, /* raw is what stands between the quotes, still escaped */
	JSON_IS_NUMBER,
	JSON_IS_TRUE,
	JSON_IS_FALSE,
	JSON_IS_NULL,
	JSON_IS_OBJECT, /* raw is all of it, braces included; json_reader_init reads it in turn */
	JSON_IS_ARRAY,
};

struct json_item {
	struct str key; /* between the quotes, still escaped; empty in an array */
	enum json_kind type;
	struct str raw;
};

/* Nested deeper than this, a value is refused. */
#define JSON_DEPTH 64

struct json_reader {
	struct str text;
	size_t pos;
	char close; /* '}' or ']'; 0 once it was read */
	bool first;
};

/* Starts reading one object or array (spaces around it are fine, anything else after it is an error
 * of the last json_next). 0, or -EINVAL when the text is neither. */
int json_reader_init(struct json_reader *r, struct str text) MUST_USE;

/* 1 and *ret_item, 0 at the end, -EINVAL when malformed, -E2BIG when nested too deep. */
int json_next(struct json_reader *r, struct json_item *ret_item) MUST_USE;

/* Finds one member of an object, without a loop in the caller. False when absent or malformed. The
 * first of that key wins. */
bool json_get(struct str object, const char *key, struct json_item *ret_item);

/* True when the key has exactly these bytes (a key written with escapes doesn't match). */
bool json_key_is(const struct json_item *item, const char *key);

/* Appends the text of a raw string to b. 0, -EINVAL (bad escape, lone surrogate), or b's error. */
int json_unescape(struct str raw, struct buf *b) MUST_USE;

/* The value of a number without fraction and exponent; json_item_seconds takes a fraction too.
 * -EINVAL when it is no such number, -ERANGE. */
int json_item_u64(const struct json_item *item, uint64_t max, uint64_t *ret) MUST_USE;
int json_item_i64(const struct json_item *item, int64_t *ret) MUST_USE;
int json_item_seconds(const struct json_item *item, int64_t *ret_ns) MUST_USE;
int json_item_bool(const struct json_item *item, bool *ret) MUST_USE;

#endif
