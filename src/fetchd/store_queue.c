/* SPDX-License-Identifier: MIT
 *
 * store_queue: group commit. Each writer queues its operation, then asks the thread to run drain().
 * The thread serves calls first in, first out, and a drain takes everything that waits by then into
 * one transaction: so the first caller leads, and those that came while it was on its way, or while
 * an earlier commit synced the disk, share its commit. Their own calls find them settled.
 *
 * An operation that fails is rolled back to its savepoint and fails alone. When the transaction as
 * a whole fails (a full disk at commit, or an error at which SQLite rolls back everything), its
 * operations run again, each in a transaction of its own, so that one too large for the disk
 * doesn't refuse the small ones. Operations are settled only behind a commit.
 */
#include "src/fetchd/store_sqlite.h"

#include <errno.h>

/* A commit takes at most so many operations, so that the first waiter's wait is bounded. */
#define GROUP_MAX 64

static size_t take_group(struct sqlite_store *s, struct store_op *group[GROUP_MAX])
{
	size_t n = 0;
	lock_acquire(&s->lock);
	struct list *node;
	while (n < GROUP_MAX && (node = list_pop_front(&s->queue)) != NULL)
		group[n++] = CONTAINER_OF(node, struct store_op, node);
	lock_release(&s->lock);
	return n;
}

/* SQLite ends the transaction itself at some errors (full disk, I/O). */
static bool in_transaction(struct sqlite_store *s)
{
	return sqlite3_get_autocommit(s->db) == 0;
}

static void rollback(struct sqlite_store *s)
{
	if (in_transaction(s) && store__exec(s, SQL_ROLLBACK) != 0)
		panic("store: a transaction can't be rolled back: %s", sqlite3_errmsg(s->db));
}

/* op->result; an error here means that the whole transaction is lost. */
static int apply_one(struct sqlite_store *s, struct store_op *op)
{
	int err = store__exec(s, SQL_SAVEPOINT);
	if (err)
		return err;
	op->result = op->apply(s, op);
	if (!in_transaction(s))
		return op->result ? op->result : -EIO;
	if (op->result) {
		err = store__exec(s, SQL_ROLLBACK_TO);
		if (err)
			return err;
	}
	return store__exec(s, SQL_RELEASE);
}

static int commit_group(struct sqlite_store *s, struct store_op *group[], size_t n)
{
	int err = store__exec(s, SQL_BEGIN);
	for (size_t i = 0; i < n && !err; i++)
		err = apply_one(s, group[i]);
	if (!err)
		err = store__exec(s, SQL_COMMIT);
	if (err)
		rollback(s);
	return err;
}

static void settle(struct store_op *op, int err)
{
	if (err)
		op->result = err;
	op->settled = true;
}

static void drain(struct sqlite_store *s)
{
	struct store_op *group[GROUP_MAX];
	size_t n = take_group(s, group);
	if (n == 0)
		return;
	int err = commit_group(s, group, n);
	for (size_t i = 0; i < n; i++) {
		if (err && n > 1)
			settle(group[i], commit_group(s, &group[i], 1));
		else
			settle(group[i], err);
	}
}

struct drain_call {
	struct sqlite_store *store;
	struct store_op *op;
};

static void drain_until_settled(void *arg)
{
	struct drain_call *call = arg;
	while (!call->op->settled)
		drain(call->store);
}

int store__write(struct sqlite_store *s, struct store_op *op)
{
	op->settled = false;
	lock_acquire(&s->lock);
	list_push_back(&s->queue, &op->node);
	lock_release(&s->lock);
	struct drain_call call = { .store = s, .op = op };
	blocking_thread_call(s->thread, drain_until_settled, &call);
	return op->result;
}
