/* SPDX-License-Identifier: MIT
 *
 * api_control: what changes a batch after its submission. Both answer once the order is durable.
 */
#include "src/fetchd/api.h"

void api_control_cancel(struct api *a, struct call *x, uint64_t id)
{
	int err = engine_batch_cancel(a->engine, id);
	if (err)
		api_reply_engine_error(x, id, err);
	else
		api_batches_show(a, x, id);
}

void api_control_delete(struct api *a, struct call *x, uint64_t id)
{
	int err = engine_batch_delete(a->engine, id);
	if (err)
		api_reply_engine_error(x, id, err);
	else
		call_reply(x, 204, NULL, (struct str){ 0 });
}
