/* SPDX-License-Identifier: MIT
 *
 * play: feeds a message to the parser and writes down what came out, as one line:
 *
 *	response("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi")
 *		"200 1.1 length=2 keep [Content-Length: 2] 'hi' done"
 *
 * Each input is played whole, byte by byte, and cut in two at each place; the test fails unless all
 * give the same line. Also with the input ending early at each place, when asked by
 * `truncated_everywhere`.
 */
#ifndef TESTS_HTTP_PLAY_H
#define TESTS_HTTP_PLAY_H

#include "src/common/buf.h"
#include "src/http/message.h"

struct play {
	enum message_type type;
	struct message_limits limits;
	bool bodiless;		     /* on_head says so */
	bool end;		     /* the stream ends after the input */
	enum fetch_error body_fails; /* what on_body returns */
};

/* Whole; no cuts. The line lives until the next call of any function here but two. */
const char *play_once(const struct play *play, struct str input, size_t first_piece, size_t piece);
const char *play(const struct play *play, struct str input);

/* With default limits; the stream ends after the input. */
const char *response(const char *input);
const char *request(const char *input);

/* Every beginning of this answer, ended there, is an error: closed_early in the head, truncated
 * behind it. */
void truncated_everywhere(const char *input);

#endif
