/* SPDX-License-Identifier: MIT
 *
 * specimen: see the header. One output at a time, in a static buffer.
 */
#include "tests/specimen.h"

#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/harness.h"

static char output[32768];

static const char *check(int expected_status, const char *arguments, const char *text)
{
	char self[200] = "", command[400];
	CHECK(readlink("/proc/self/exe", self, sizeof(self) - 1) > 0);
	snprintf(command, sizeof(command), "TEST_TIMEOUT=1 '%s' %s 2>&1", self, arguments);
	FILE *f = popen(command, "r");
	CHECK(f);
	output[fread(output, 1, sizeof(output) - 1, f)] = '\0';
	int status = pclose(f);
	CHECK(WIFEXITED(status));
	if (WEXITSTATUS(status) != expected_status || !strstr(output, text))
		test_fail("exit status %d, expected %d; \"%s\" is expected in:\n%s",
			  WEXITSTATUS(status), expected_status, text, output);
	return output;
}

const char *specimen_check_passes(const char *arguments, const char *text)
{
	return check(0, arguments, text);
}

const char *specimen_check_fails(const char *arguments, const char *text)
{
	return check(1, arguments, text);
}
