/* SPDX-License-Identifier: MIT
 *
 * sserver: a child process, killed at the end. Its first lines tell the port that the kernel gave it.
 */
#include "tests/client/sserver.h"

#include <openssl/pem.h>
#include <signal.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runtime/net.h"
#include "tests/harness.h"

#define ARGUMENTS 40

extern char **environ;

/* The certificate, its key and what else it shows, in one file. */
static void write_identity(struct certs *certs, const struct cert *how, const char *path)
{
	SSL_CTX *ctx = certs_server(certs, how);
	STACK_OF(X509) *chain = NULL;
	FILE *f = fopen(path, "w");
	CHECK(f);
	CHECK(PEM_write_X509(f, SSL_CTX_get0_certificate(ctx)));
	CHECK(SSL_CTX_get0_chain_certs(ctx, &chain));
	for (int i = 0; i < sk_X509_num(chain); i++)
		CHECK(PEM_write_X509(f, sk_X509_value(chain, i)));
	CHECK(PEM_write_PrivateKey(f, SSL_CTX_get0_privatekey(ctx), NULL, NULL, 0, NULL, NULL));
	CHECK_OK(fclose(f));
	SSL_CTX_free(ctx);
}

/* Signals as a program expects them, not as a goroutine's thread has them; output into the pipe. */
static pid_t spawn(char *const argv[], int output)
{
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attr;
	sigset_t none;
	pid_t pid;
	sigemptyset(&none);
	CHECK_OK(posix_spawn_file_actions_init(&files));
	CHECK_OK(posix_spawn_file_actions_addopen(&files, 0, "/dev/null", 0, 0));
	CHECK_OK(posix_spawn_file_actions_adddup2(&files, output, 1));
	CHECK_OK(posix_spawn_file_actions_adddup2(&files, output, 2));
	CHECK_OK(posix_spawn_file_actions_addchdir_np(&files, test_dir()));
	CHECK_OK(posix_spawnattr_init(&attr));
	CHECK_OK(posix_spawnattr_setsigmask(&attr, &none));
	CHECK_OK(posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK));
	CHECK_OK(posix_spawnp(&pid, argv[0], &files, &attr, argv, environ));
	posix_spawnattr_destroy(&attr);
	posix_spawn_file_actions_destroy(&files);
	return pid;
}

static uint16_t read_port(int output)
{
	char text[4096] = "";
	size_t len = 0;
	unsigned port;
	for (;;) {
		const char *accept = strstr(text, "ACCEPT 127.0.0.1:");
		if (accept && strchr(accept, '\n') &&
		    sscanf(accept, "ACCEPT 127.0.0.1:%u", &port) == 1)
			return (uint16_t)port;
		CHECK(fd_wait(output, FD_READ, NEVER) > 0);
		ssize_t n = read(output, text + len, sizeof(text) - 1 - len);
		if (n <= 0)
			test_fail("openssl s_server: %s", text);
		len += (size_t)n;
		text[len] = '\0';
	}
}

void sserver_open(struct sserver *s, struct certs *certs, const struct cert *how,
		  const char *arguments)
{
	static _Atomic int serial;
	char identity[300], words[512], *rest = words;
	char *argv[ARGUMENTS] = { "openssl", "s_server",    "-accept", "127.0.0.1:0", "-cert",
				  identity,  "-cert_chain", identity,  "-key",	      identity };
	int pipe[2], n = 10;
	snprintf(identity, sizeof(identity), "%s/server%d.pem", test_dir(), serial++);
	snprintf(words, sizeof(words), "%s", arguments);
	write_identity(certs, how, identity);
	for (char *word; (word = strsep(&rest, " ")) && n < ARGUMENTS - 1;)
		argv[n++] = word;
	CHECK_OK(pipe2(pipe, O_CLOEXEC));
	s->pid = spawn(argv, pipe[1]);
	close(pipe[1]);
	s->output = pipe[0];
	s->port = read_port(s->output);
}

void sserver_close(struct sserver *s)
{
	CHECK_OK(kill(s->pid, SIGKILL));
	CHECK_EQ(waitpid(s->pid, NULL, 0), s->pid);
	fd_wait_end(s->output);
	close(s->output);
}

const char *sserver_url(struct sserver *s, const char *path)
{
	snprintf(s->url, sizeof(s->url), "https://127.0.0.1:%u%s", s->port, path);
	return s->url;
}
