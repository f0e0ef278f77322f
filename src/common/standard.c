/* SPDX-License-Identifier: MIT
 *
 * standard: open gives the lowest free number, so looking upwards fills the gaps. (glibc does the same for
 * set-user-ID programs.) Where there is no /dev/null there is nothing better to do than to go on.
 */
#include "src/common/standard.h"

#include <fcntl.h>
#include <unistd.h>

void standard_open(void)
{
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		if (fcntl(fd, F_GETFD) < 0)
			(void)!open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY);
}
