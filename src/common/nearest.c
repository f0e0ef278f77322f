/* SPDX-License-Identifier: MIT
 *
 * nearest: edit distance (insert, delete, replace, swap of neighbours: Damerau's four slips of the
 * typist, in the restricted form that never edits a place twice) by the usual table, three rows of
 * which are kept.
 */
#include "src/common/nearest.h"

/* Longer words are never near to anything. */
#define WORD_MAX 40

static unsigned least(unsigned a, unsigned b, unsigned c)
{
	unsigned ab = a < b ? a : b;
	return ab < c ? ab : c;
}

/* rows[i % 3][j] is the distance between the first i letters of a and the first j of b. */
static unsigned edit_distance(struct str a, struct str b)
{
	unsigned rows[3][WORD_MAX + 1];
	for (unsigned j = 0; j <= b.len; j++)
		rows[0][j] = j;
	for (unsigned i = 1; i <= a.len; i++) {
		unsigned *row = rows[i % 3], *above = rows[(i + 2) % 3],
			 *two_above = rows[(i + 1) % 3];
		row[0] = i;
		for (unsigned j = 1; j <= b.len; j++) {
			bool same = a.data[i - 1] == b.data[j - 1];
			row[j] = least(above[j] + 1, row[j - 1] + 1, above[j - 1] + !same);
			bool swapped = i > 1 && j > 1 && a.data[i - 1] == b.data[j - 2] &&
				       a.data[i - 2] == b.data[j - 1];
			if (swapped && two_above[j - 2] + 1 < row[j])
				row[j] = two_above[j - 2] + 1;
		}
	}
	return rows[a.len % 3][b.len];
}

void nearest_offer(struct nearest *n, struct str word, const char *candidate)
{
	struct str other = str_of(candidate);
	if (word.len == 0 || word.len > WORD_MAX || other.len > WORD_MAX)
		return;
	unsigned distance = edit_distance(word, other);
	unsigned allowed = other.len < 6 ? 1 : (unsigned)other.len / 3;
	if (distance > allowed || (n->best && distance >= n->distance))
		return;
	n->best = candidate;
	n->distance = distance;
}
