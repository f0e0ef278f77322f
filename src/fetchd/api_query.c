/* SPDX-License-Identifier: MIT
 *
 * api_query: "a=b&c=d" with percent-encoding, item by item. An item without '=' has an empty value;
 * empty items are skipped.
 */
#include "src/fetchd/api.h"

#include "src/http/percent.h"

bool query_next(struct str *rest, struct query_item *ret)
{
	struct str item, name, value;
	while (str_next(rest, '&', &item)) {
		if (item.len == 0)
			continue;
		str_cut(item, '=', &name, &value);
		buf_clear(&ret->name);
		buf_clear(&ret->value);
		percent_decode(&ret->name, name);
		percent_decode(&ret->value, value);
		return true;
	}
	return false;
}

void query_item_done(struct query_item *item)
{
	buf_done(&item->name);
	buf_done(&item->value);
}
