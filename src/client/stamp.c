/* SPDX-License-Identifier: MIT
 *
 * stamp: see stamp.h.
 */
#include "src/client/stamp.h"

static bool equal(const struct stamp *a, const struct stamp *b)
{
	return a->known && a->dev == b->dev && a->ino == b->ino && a->size == b->size &&
	       a->mtime.tv_sec == b->mtime.tv_sec && a->mtime.tv_nsec == b->mtime.tv_nsec;
}

bool stamp_update(struct stamp *s, const char *path)
{
	struct stat st;
	struct stamp now = { .known = true };
	if (stat(path, &st) == 0) {
		now.dev = st.st_dev;
		now.ino = st.st_ino;
		now.size = st.st_size;
		now.mtime = st.st_mtim;
	}
	bool changed = !equal(s, &now);
	*s = now;
	return changed;
}
