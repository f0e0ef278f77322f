/* SPDX-License-Identifier: MIT
 *
 * hostile_heads: status lines, field lines, and what a head says of its body. The choices are those of src/http/message.h.
 */
#include "tests/client/hostile.h"

#define OK	"HTTP/1.1 200 OK\r\n"
#define HI	"Content-Length: 2\r\n\r\nhi"
#define LAST	"0\r\n\r\n"
#define CHUNKED "Transfer-Encoding: chunked\r\n"

#define FINE(name_, text_)                                                                      \
	{                                                                                       \
		.name = (name_), .text = TEXT(text_), .status = 200, .body = "hi", .kept = true \
	}
/* Fine, but a doubt is left about the connection. */
#define DOUBT(name_, text_)                                                       \
	{                                                                         \
		.name = (name_), .text = TEXT(text_), .status = 200, .body = "hi" \
	}
#define BAD(error_, name_, text_)                                       \
	{                                                               \
		.name = (name_), .text = TEXT(text_), .error = (error_) \
	}
#define BAD_STATUS(name_, text_) BAD(FETCH_MALFORMED_STATUS, name_, text_)
#define BAD_FIELD(name_, text_)	 BAD(FETCH_MALFORMED_FIELD, name_, OK text_ HI)
#define BAD_LENGTH(value_)                                   \
	BAD(FETCH_CONTENT_LENGTH, "Content-Length: " value_, \
	    OK "Content-Length: " value_ "\r\n\r\nhello")
#define BAD_CODING(value_)                                         \
	BAD(FETCH_TRANSFER_ENCODING, "Transfer-Encoding: " value_, \
	    OK "Transfer-Encoding: " value_ "\r\n\r\n" LAST)
#define INTERIM	   "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"
#define INTERIM_4  INTERIM INTERIM INTERIM INTERIM
#define INTERIM_16 INTERIM_4 INTERIM_4 INTERIM_4 INTERIM_4

static const struct hostile rows[] = {
	/* status lines */
	FINE("status line without a reason", "HTTP/1.1 200 \r\n" HI),
	FINE("status line without a reason and its space", "HTTP/1.1 200\r\n" HI),
	FINE("reason of 8-bit bytes", "HTTP/1.1 200 Schn\xf6n \xe2\x98\x83\r\n" HI),
	FINE("reason with tabs", "HTTP/1.1 200 \tO\tK\r\n" HI),
	{ .name = "code 600",
	  .text = TEXT("HTTP/1.1 600 What\r\n" HI),
	  .status = 600,
	  .body = "hi",
	  .kept = true },
	{ .name = "code 999",
	  .text = TEXT("HTTP/1.1 999 No\r\n" HI),
	  .status = 999,
	  .body = "hi",
	  .kept = true },
	BAD_STATUS("code 099", "HTTP/1.1 099 OK\r\n" HI),
	BAD_STATUS("code 000", "HTTP/1.1 000 OK\r\n" HI),
	BAD_STATUS("code 1000", "HTTP/1.1 1000 OK\r\n" HI),
	BAD_STATUS("code 20", "HTTP/1.1 20 OK\r\n" HI),
	BAD_STATUS("code 2x0", "HTTP/1.1 2x0 OK\r\n" HI),
	BAD_STATUS("code -200", "HTTP/1.1 -200 OK\r\n" HI),
	BAD_STATUS("two spaces before the code", "HTTP/1.1  200 OK\r\n" HI),
	BAD_STATUS("tab before the code", "HTTP/1.1\t200 OK\r\n" HI),
	BAD_STATUS("no space behind the code", "HTTP/1.1 200OK\r\n" HI),
	BAD_STATUS("version in small letters", "http/1.1 200 OK\r\n" HI),
	BAD_STATUS("version 0.9", "HTTP/0.9 200 OK\r\n" HI),
	BAD_STATUS("version 1.2", "HTTP/1.2 200 OK\r\n" HI),
	BAD_STATUS("version 1.10", "HTTP/1.10 200 OK\r\n" HI),
	BAD_STATUS("version 01.1", "HTTP/01.1 200 OK\r\n" HI),
	BAD_STATUS("version 2.0", "HTTP/2.0 200 OK\r\n" HI),
	BAD_STATUS("no version", "HTTP 200 OK\r\n" HI),
	BAD_STATUS("HTTP/0.9's body alone", "<html>hello</html>"),
	BAD_STATUS("Shoutcast", "ICY 200 OK\r\n" HI),
	BAD_STATUS("a mail server", "220 mail.example.com ESMTP\r\n"),
	BAD_STATUS("an SSH server", "SSH-2.0-OpenSSH_9.2\r\n"),
	BAD_STATUS("HTTP/2's first frame", "\0\0\0\4\0\0\0\0\0"),
	BAD_STATUS("a TLS alert", "\x15\x03\x01\x00\x02\x02\x46"),
	BAD_STATUS("a request", "GET / HTTP/1.1\r\nHost: a\r\n\r\n"),
	BAD_STATUS("CRLF before the status line", "\r\n" OK HI),
	BAD_STATUS("space before the status line", " " OK HI),
	BAD_STATUS("garbage before the status line", "junk\r\n" OK HI),
	BAD_STATUS("byte order mark", "\xef\xbb\xbf" OK HI),
	BAD_STATUS("NUL in the reason", "HTTP/1.1 200 O\0K\r\n" HI),
	BAD_STATUS("escape in the reason", "HTTP/1.1 200 \x1b[2J\r\n" HI),
	BAD_STATUS("bare CR in the reason", "HTTP/1.1 200 O\rK\r\n" HI),
	BAD_STATUS("bare CR for a line's end", "HTTP/1.1 200 OK\r" HI),
	BAD_STATUS("two CRs before the LF", "HTTP/1.1 200 OK\r\r\n" HI),
	FINE("bare LF ends each line of a head", "HTTP/1.1 200 OK\nA: b\nContent-Length: 2\n\nhi"),
	FINE("bare LF ends a few lines of a head",
	     "HTTP/1.1 200 OK\r\nA: b\nContent-Length: 2\r\n\nhi"),

	/* field lines */
	FINE("value of 8-bit bytes", OK "A: \xe4\xf6 \xe2\x98\x83\r\n" HI),
	FINE("empty value", OK "A:\r\nB: \t \r\n" HI),
	FINE("value with tabs and colons", OK "A:\tb\t:c:\r\n" HI),
	FINE("the same field twice", OK "A: b\r\na: c\r\n" HI),
	BAD_FIELD("bare CR in a value", "A: b\rContent-Length: 9\r\n"),
	BAD_FIELD("bare CR at a value's end", "A: b\r\r\n"),
	BAD_FIELD("bare CR at a line's beginning", "\rA: b\r\n"),
	BAD_FIELD("folded by a space", "A: b\r\n c\r\n"),
	BAD_FIELD("folded by a tab", "A: b\r\n\tc\r\n"),
	BAD_FIELD("folded, and empty", "A: b\r\n \r\n"),
	BAD_FIELD("folded Content-Length", "Content-Length:\r\n 2\r\n"),
	BAD_FIELD("folded after a bare LF", "A: b\n c\r\n"),
	BAD_FIELD("space before the first field", " A: b\r\n"),
	BAD_FIELD("space before the colon", "A : b\r\n"),
	BAD_FIELD("tab before the colon", "Transfer-Encoding\t: chunked\r\n"),
	BAD_FIELD("space within a name", "A B: c\r\n"),
	BAD_FIELD("empty name", ": b\r\n"),
	BAD_FIELD("no colon", "A b\r\n"),
	BAD_FIELD("NUL in a value", "A: b\0c\r\n"),
	BAD_FIELD("NUL in a name", "A\0: b\r\n"),
	BAD_FIELD("control byte in a value", "A: b\x01\r\n"),
	BAD_FIELD("vertical tab in a value", "A: \x0b\r\n"),
	BAD_FIELD("DEL in a value", "A: \x7f\r\n"),
	BAD_FIELD("8-bit byte in a name", "\xc3\x84: b\r\n"),
	BAD_FIELD("separator in a name", "A(B): c\r\n"),

	/* Content-Length */
	FINE("Content-Length with zeros before it",
	     OK "Content-Length: 0000000000000000000000002\r\n\r\nhi"),
	FINE("Content-Length with spaces around it", OK "Content-Length: \t 2  \r\n\r\nhi"),
	FINE("Content-Length twice, the same",
	     OK "Content-Length: 2\r\nContent-Length: 2\r\n\r\nhi"),
	FINE("Content-Length twice, the same in other words",
	     OK "Content-Length: 2\r\nContent-Length: 02\r\n\r\nhi"),
	BAD(FETCH_CONTENT_LENGTH, "Content-Length twice, different",
	    OK "Content-Length: 2\r\nContent-Length: 3\r\n\r\nhi!"),
	BAD(FETCH_CONTENT_LENGTH, "Content-Length twice, the second is no number",
	    OK "Content-Length: 2\r\nContent-Length: x\r\n\r\nhi!"),
	BAD_LENGTH(""),
	BAD_LENGTH("+5"),
	BAD_LENGTH("-5"),
	BAD_LENGTH("0x5"),
	BAD_LENGTH("5\t"),
	BAD_LENGTH("5 5"),
	BAD_LENGTH("1e3"),
	BAD_LENGTH("5.0"),
	BAD_LENGTH("5;"),
	BAD_LENGTH("\"5\""),
	BAD_LENGTH("5, 5"),
	BAD_LENGTH("5,5"),
	BAD_LENGTH("\xd9\xa5"),
	BAD_LENGTH("9223372036854775808"),
	BAD_LENGTH("18446744073709551616"),
	BAD_LENGTH("18446744073709551621"),
	BAD_LENGTH("100000000000000000000000000000000005"),

	/* Transfer-Encoding */
	FINE("Transfer-Encoding in capitals",
	     OK "TRANSFER-ENCODING: CHUNKED\r\n\r\n2\r\nhi\r\n" LAST),
	DOUBT("chunked in HTTP/1.0",
	      "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\n" CHUNKED "\r\n2\r\nhi\r\n" LAST),
	BAD_CODING(""),
	BAD_CODING("identity"),
	BAD_CODING("gzip"),
	BAD_CODING("gzip, chunked"),
	BAD_CODING("chunked, gzip"),
	BAD_CODING("chunked, chunked"),
	BAD_CODING("chunked,"),
	BAD_CODING("xchunked"),
	BAD_CODING("chunkedx"),
	BAD_CODING("chunked;q=1"),
	BAD_CODING("\"chunked\""),
	BAD(FETCH_TRANSFER_ENCODING, "Transfer-Encoding twice", OK CHUNKED CHUNKED "\r\n" LAST),
	BAD(FETCH_TRANSFER_ENCODING, "Transfer-Encoding twice, the second identity",
	    OK CHUNKED "Transfer-Encoding: identity\r\n\r\n" LAST),
	BAD(FETCH_TRANSFER_ENCODING, "Content-Length before Transfer-Encoding",
	    OK "Content-Length: 5\r\n" CHUNKED "\r\n" LAST),
	BAD(FETCH_TRANSFER_ENCODING, "Content-Length behind Transfer-Encoding",
	    OK CHUNKED "Content-Length: 5\r\n\r\n" LAST),
	BAD(FETCH_TRANSFER_ENCODING, "Content-Length beside Transfer-Encoding in HTTP/1.0",
	    "HTTP/1.0 200 OK\r\n" CHUNKED "Content-Length: 5\r\n\r\n" LAST),
	BAD(FETCH_MALFORMED_FIELD, "Transfer-Encoding behind a vertical tab",
	    OK "Transfer-Encoding: \x0b"
	       "chunked\r\n\r\n" LAST),

	/* what comes before the final answer */
	FINE("sixteen interim answers", INTERIM_16 OK HI),
	BAD(FETCH_TOO_MANY_INFORMATIONAL, "seventeen interim answers", INTERIM_16 INTERIM OK HI),
	FINE("a 100 that nobody waits for", "HTTP/1.1 100 Continue\r\n\r\n" OK HI),
	FINE("an interim answer has no body",
	     "HTTP/1.1 102 Wait\r\nContent-Length: 99\r\n\r\n" OK HI),
	BAD_STATUS("an interim answer with a body",
		   "HTTP/1.1 102 Wait\r\nContent-Length: 2\r\n\r\nhi" OK HI),
	BAD(FETCH_UNEXPECTED_UPGRADE, "a 101 that nobody asked for",
	    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n\r\n" OK
		    HI),
	BAD(FETCH_UNEXPECTED_UPGRADE, "a 101 behind a 100",
	    "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 101 Now\r\n\r\n"),
	FINE("an offer to upgrade", OK "Connection: upgrade\r\nUpgrade: h2c\r\n" HI),

	/* statuses that have no body */
	{ .name = "204",
	  .text = TEXT("HTTP/1.1 204 No\r\n\r\n"),
	  .status = 204,
	  .body = "",
	  .kept = true },
	{ .name = "204 with a length",
	  .text = TEXT("HTTP/1.1 204 No\r\n" HI),
	  .status = 204,
	  .body = "" },
	{ .name = "204 with a length, of no body",
	  .text = TEXT("HTTP/1.1 204 No\r\nContent-Length: 2\r\n\r\n"),
	  .status = 204,
	  .body = "" },
	{ .name = "204 in chunks",
	  .text = TEXT("HTTP/1.1 204 No\r\n" CHUNKED "\r\n" LAST),
	  .status = 204,
	  .body = "" },
	{ .name = "304 with a length and no body",
	  .text = TEXT("HTTP/1.1 304 Same\r\nContent-Length: 99\r\n\r\n"),
	  .status = 304,
	  .body = "",
	  .kept = true },
	{ .name = "304 with a body",
	  .text = TEXT("HTTP/1.1 304 Same\r\n" HI),
	  .status = 304,
	  .body = "" },
	{ .name = "205 with a body",
	  .text = TEXT("HTTP/1.1 205 Reset\r\n" HI),
	  .status = 205,
	  .body = "hi",
	  .kept = true },
	{ .name = "answer to HEAD",
	  .method = "HEAD",
	  .text = TEXT(OK "Content-Length: 2\r\n\r\n"),
	  .status = 200,
	  .body = "",
	  .kept = true },
	{ .name = "answer to HEAD in chunks",
	  .method = "HEAD",
	  .text = TEXT(OK CHUNKED "\r\n"),
	  .status = 200,
	  .body = "",
	  .kept = true },
	{ .name = "answer to HEAD with a body",
	  .method = "HEAD",
	  .text = TEXT(OK HI),
	  .status = 200,
	  .body = "" },

	/* more than one answer, or than the answer */
	DOUBT("two answers", OK HI OK "Content-Length: 4\r\n\r\nevil"),
	DOUBT("an empty line behind the body", OK HI "\r\n"),
	DOUBT("a byte behind the body", OK HI "!"),
	DOUBT("a byte behind the last chunk", OK CHUNKED "\r\n2\r\nhi\r\n" LAST "!"),
	DOUBT("a wish to close", OK "Connection: close\r\n" HI),
	DOUBT("a wish to close among others", OK "Connection: keep-alive, CLOSE\r\n" HI),
	DOUBT("HTTP/1.0 that says nothing of keeping", "HTTP/1.0 200 OK\r\n" HI),
	{ .name = "HTTP/1.0 that keeps",
	  .text = TEXT("HTTP/1.0 200 OK\r\nConnection: Keep-Alive\r\n" HI),
	  .status = 200,
	  .body = "hi",
	  .kept = true },
};

HOSTILE_TABLE(hostile_heads, rows);
