/* SPDX-License-Identifier: MIT
 *
 * Tests of reason.c.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "src/common/reason.h"
#include "tests/harness.h"

TEST(refuse_gives_a_text_of_any_length_and_the_error)
{
	char *reason = NULL;
	CHECK_EQ(refuse(-EINVAL, &reason, "%s:%u: %0500d", "file", 7u, 1), -EINVAL);
	CHECK_EQ(strlen(reason), strlen("file:7: ") + 500);
	CHECK_EQ(strncmp(reason, "file:7: 00", 10), 0);
	free(reason);
}
