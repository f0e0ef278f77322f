/* SPDX-License-Identifier: MIT
 *
 * farm: the other process is this program again, as the test `farm`, which is left out when all are run.
 * It writes its ports into a pipe and goes on until it is killed.
 */
#include "tests/client/faults/farm.h"

#include <arpa/inet.h>
#include <brotli/encode.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#include "runtime/goroutine.h"
#include "src/common/cleanup.h"
#include "tests/client/nameserver.h"
#include "tests/client/relay.h"
#include "tests/client/upload.h"

#define PIPE_VARIABLE "FARM_PIPE"
#define CHUNK_BYTES   1000

static struct {
	struct str path;
	struct buf answer;
} coded[] = { { .path = STR("/gzip") }, { .path = STR("/br") }, { .path = STR("/zstd") } };

void farm_text(char out[FARM_TEXT_BYTES])
{
	for (uint32_t i = 0; i < FARM_TEXT_BYTES; i++)
		out[i] = (char)(i % 64 < 60 ? 'a' + i % 26 : 'A' + i * 2654435761u % 26);
}

/* --- What is served --- */

static size_t compress_gzip(char *out, size_t size, const char *text)
{
	z_stream z = { .next_in = (unsigned char *)(uintptr_t)text,
		       .avail_in = FARM_TEXT_BYTES,
		       .next_out = (unsigned char *)out,
		       .avail_out = (uInt)size };
	CHECK_EQ(deflateInit2(&z, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
	CHECK_EQ(deflate(&z, Z_FINISH), Z_STREAM_END);
	CHECK_EQ(deflateEnd(&z), Z_OK);
	return z.total_out;
}

static size_t compress_br(char *out, size_t size, const char *text)
{
	CHECK(BrotliEncoderCompress(5, 18, BROTLI_MODE_GENERIC, FARM_TEXT_BYTES,
				    (const uint8_t *)text, &size, (uint8_t *)out));
	return size;
}

static size_t compress_zstd(char *out, size_t size, const char *text)
{
	return ZSTD_compress(out, size, text, FARM_TEXT_BYTES, 3);
}

static void prepare_coded(void)
{
	static size_t (*const compress_as[])(
		char *, size_t, const char *) = { compress_gzip, compress_br, compress_zstd };
	static char text[FARM_TEXT_BYTES], out[2 * FARM_TEXT_BYTES];
	farm_text(text);
	for (size_t i = 0; i < ARRAY_LEN(coded); i++) {
		struct buf *b = &coded[i].answer;
		size_t len = compress_as[i](out, sizeof(out), text);
		buf_printf(b,
			   "HTTP/1.1 200 OK\r\nContent-Encoding: %s\r\n"
			   "Transfer-Encoding: chunked\r\n\r\n",
			   coded[i].path.data + 1);
		for (size_t at = 0; at < len; at += CHUNK_BYTES) {
			size_t n = len - at < CHUNK_BYTES ? len - at : CHUNK_BYTES;
			buf_printf(b, "%zx\r\n", n);
			buf_append(b, out + at, n);
			buf_append_str(b, STR("\r\n"));
		}
		buf_append_str(b, STR("0\r\n\r\n"));
		CHECK_OK(b->failed);
	}
}

static struct str path_of(struct peer *p)
{
	const char *path = strchr(p->request, '/');
	return str_make(path, strcspn(path, " ?"));
}

static void lead(struct peer *p, const char *target)
{
	char text[512];
	snprintf(text, sizeof(text),
		 "HTTP/1.1 302 Found\r\nLocation: %s\r\nContent-Length: 0\r\n\r\n", target);
	peer_say(p, text);
}

static bool echo(struct peer *p)
{
	cleanup(buf_done) struct buf body = { 0 };
	if (!upload_read_body(p, &body))
		return false;
	upload_answer(p, "200 OK", buf_str(&body));
	return true;
}

static void serve(struct peer *p, struct str path)
{
	char target[128];
	snprintf(target, sizeof(target),
		 "http://b\xc3\xbc"
		 "cher.ok.test:%u/hop",
		 p->origin->port);
	for (size_t i = 0; i < ARRAY_LEN(coded); i++)
		if (str_eq(path, coded[i].path))
			peer_write(p, coded[i].answer.data, coded[i].answer.len);
	if (str_eq(path, STR("/hops")))
		lead(p, target);
	if (str_eq(path, STR("/hop")))
		lead(p, "/ok");
	if (str_eq(path, STR("/ok")) || str_eq(path, STR("/stale")))
		peer_say(p, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi");
}

static void play(struct peer *p)
{
	for (int n = 1; peer_read_head(p); n++) {
		struct str path = path_of(p);
		if (str_eq(path, STR("/stale")) && n > 1)
			return;
		if (!str_eq(path, STR("/echo")))
			serve(p, path);
		else if (!echo(p))
			return;
	}
}

/* A listener whose queue is full drops SYNs: connecting to it hangs. */
static void make_deaf(const char *address, uint16_t port)
{
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_port = htons(port) };
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	CHECK_EQ(inet_pton(AF_INET, address, &in.sin_addr), 1);
	CHECK(bind(fd, (struct sockaddr *)&in, sizeof(in)) == 0 && listen(fd, 0) == 0);
	for (int i = 0; i < 8; i++) {
		int full = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
		(void)connect(full, (struct sockaddr *)&in, sizeof(in));
	}
}

TEST_GO(farm, .only_by_name = true)
{
	static const struct record records[] = { { "*.ok.test", .v4 = "127.0.0.1", .ttl = 300 },
						 { "*.race.test", .v4 = "127.0.0.5" },
						 { "*.race.test", .v4 = "127.0.0.1" },
						 { 0 } };
	const char *pipe = getenv(PIPE_VARIABLE);
	if (!pipe)
		test_skip("it is the other side of the other tests");
	struct certs *certs = certs_new();
	struct origin *plain = origin_open(&(struct origin_options){ .play = play });
	struct origin *tls = origin_open(&(struct origin_options){
		.play = play, .tls = certs_server(certs, &(struct cert){ 0 }) });
	struct nameserver *ns = nameserver_open(records);
	struct relay *http_proxy = relay_open(&(struct relay_options){ .socks = false });
	struct relay *socks_proxy = relay_open(&(struct relay_options){ .socks = true });
	prepare_coded();
	make_deaf("127.0.0.5", plain->port);
	dprintf(atoi(pipe), "%u %u %u %u %s %s\n", plain->port, tls->port, http_proxy->front->port,
		socks_proxy->front->port, ns->address, certs->ca_file);
	for (;;)
		goroutine_sleep(60 * SECOND);
}

/* --- The other side --- */

_Noreturn static void become_farm(int pipe)
{
	char number[16];
	snprintf(number, sizeof(number), "%d", dup(pipe)); /* one that exec keeps */
	setenv(PIPE_VARIABLE, number, 1);
	harness_become("farm");
}

struct farm *farm_open(void)
{
	int ends[2];
	struct farm *farm = calloc(1, sizeof(*farm));
	(void)test_dir(); /* before there are two to make it */
	CHECK(pipe2(ends, O_CLOEXEC) == 0);
	farm->pid = fork();
	if (farm->pid == 0)
		become_farm(ends[1]);
	close(ends[1]);
	FILE *in = fdopen(ends[0], "r");
	if (fscanf(in, "%u %u %u %u %63s %255s", &farm->plain, &farm->tls, &farm->http_proxy,
		   &farm->socks_proxy, farm->dns, farm->ca_file) != 6)
		test_fail("the farm has not begun");
	fclose(in);
	return farm;
}

void farm_close(struct farm *farm)
{
	CHECK(kill(farm->pid, SIGKILL) == 0);
	CHECK_EQ(waitpid(farm->pid, NULL, 0), farm->pid);
	free(farm);
}
