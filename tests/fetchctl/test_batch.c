/* SPDX-License-Identifier: MIT
 *
 * The daemon's JSON about a batch, as fetchctl reads it.
 */
#include "src/fetchctl/batch.h"

#include <errno.h>

#include "tests/harness.h"

TEST(batch_reads_all_members)
{
	struct batch b;
	struct str json = STR(
		"{\"id\":7,\"state\":\"running\",\"jobs\":10,\"done\":4,\"fetched\":1,\"failed\":2,"
		"\"cancelled\":1,"
		"\"expired\":0,\"in_flight\":3,\"queued\":2,\"rate\":12.5,\"waits_for\":\"disk "
		"space\","
		"\"created\":\"2026-01-31T12:34:56.789Z\",\"options\":{\"digest\":\"sha256\"}}\n");
	CHECK_OK(batch_read(json, &b));
	CHECK_EQ(b.id, 7);
	CHECK_EQ(b.jobs, 10);
	CHECK_EQ(b.done, 4);
	CHECK_EQ(b.failed, 2);
	CHECK_EQ(b.in_flight, 3);
	CHECK_EQ(b.rate_ns, 12500 * MILLISECOND);
	CHECK(!b.finished);
	CHECK(str_eq(b.state, STR("running")));
	CHECK(str_eq(b.waits_for, STR("disk space")));
	CHECK(str_eq(b.options, STR("{\"digest\":\"sha256\"}")));
	CHECK_EQ(batch_percent(&b), 40);
}

TEST(batch_done_is_finished)
{
	struct batch b;
	CHECK_OK(batch_read(STR("{\"id\":1,\"state\":\"done\"}"), &b));
	CHECK(b.finished);
	CHECK_EQ(batch_percent(&b), 100); /* of nothing */
}

TEST(batch_passes_over_members_of_a_newer_daemon)
{
	struct batch b;
	CHECK_OK(batch_read(STR("{\"mood\":[1,{\"a\":null}],\"id\":1,\"rate\":null}"), &b));
	CHECK_EQ(b.id, 1);
}

TEST(batch_refuses_what_is_none)
{
	struct batch b = { .id = 99 };
	CHECK_EQ(batch_read(STR("[]"), &b), -EBADMSG);
	CHECK_EQ(batch_read(STR("{\"state\":\"done\"}"), &b), -EBADMSG);
	CHECK_EQ(batch_read(STR("{\"id\":1"), &b), -EBADMSG);
	CHECK_EQ(batch_read(STR("{\"id\":-1}"), &b), -EBADMSG);
	CHECK_EQ(b.id, 99);
}
