/* SPDX-License-Identifier: MIT
 *
 * sserver: `openssl s_server`, a real TLS server with a switch for most mistakes that one can make.
 *
 *	struct sserver s;
 *	sserver_open(&s, certs, &(struct cert){ 0 }, "-tls1_2 -www");
 *	... sserver_url(&s, "/") ...
 *	sserver_close(&s);
 *
 * It serves the files of test_dir() with -WWW.
 */
#ifndef TESTS_CLIENT_SSERVER_H
#define TESTS_CLIENT_SSERVER_H

#include <stdint.h>
#include <sys/types.h>

#include "tests/client/certs.h"

struct sserver {
	pid_t pid;
	int output;
	uint16_t port;
	char url[128];
};

/* arguments: separated by spaces. Parks until it listens. */
void sserver_open(struct sserver *s, struct certs *certs, const struct cert *how,
		  const char *arguments);
void sserver_close(struct sserver *s);
/* "https://127.0.0.1:PORT/path" */
const char *sserver_url(struct sserver *s, const char *path);

#endif
