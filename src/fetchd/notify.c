/* SPDX-License-Identifier: MIT
 *
 * notify: sd_notify and sd_listen_fds without libsystemd. The protocols are described in
 * sd_notify(3) and sd_listen_fds(3) of systemd and promised to be stable. A leading '@' of the
 * socket's name stands for the abstract namespace.
 */
#define _GNU_SOURCE
#include "src/fetchd/notify.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "src/common/str.h"

static int address_of(const char *name, struct sockaddr_un *ret, socklen_t *ret_len)
{
	size_t len = strlen(name);
	if ((name[0] != '/' && name[0] != '@') || len >= sizeof(ret->sun_path))
		return -EINVAL;
	*ret = (struct sockaddr_un){ .sun_family = AF_UNIX };
	memcpy(ret->sun_path, name, len);
	if (name[0] == '@')
		ret->sun_path[0] = '\0';
	*ret_len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len);
	return 0;
}

int notify_send(const char *state)
{
	const char *name = getenv("NOTIFY_SOCKET");
	struct sockaddr_un address;
	socklen_t address_len;
	if (!name || !*name)
		return 0;
	int err = address_of(name, &address, &address_len);
	if (err)
		return err;
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	ssize_t sent = sendto(fd, state, strlen(state), MSG_NOSIGNAL, (struct sockaddr *)&address,
			      address_len);
	err = sent < 0 ? -errno : 0;
	close(fd);
	return err;
}

/* A variable's value as a number, 0 when it is none. */
static uint64_t env_number(const char *name)
{
	uint64_t n = 0;
	return str_parse_u64(str_of(getenv(name)), INT32_MAX, &n) == 0 ? n : 0;
}

int notify_listen_fds(void)
{
	uint64_t count = env_number("LISTEN_FDS");
	bool ours = env_number("LISTEN_PID") == (uint64_t)getpid();
	unsetenv("LISTEN_FDS");
	unsetenv("LISTEN_PID");
	unsetenv("LISTEN_FDNAMES");
	if (!ours)
		return 0;
	for (int i = 0; i < (int)count; i++)
		fcntl(NOTIFY_FIRST_FD + i, F_SETFD, FD_CLOEXEC);
	return (int)count;
}
