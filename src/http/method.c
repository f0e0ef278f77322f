/* SPDX-License-Identifier: MIT
 *
 * method: the table, from RFC 9110 §9.3 and IANA's registry.
 */
#include "src/http/method.h"

#include "src/http/fields.h"

static const struct method {
	struct str name;
	bool safe, idempotent;
} methods[] = {
	{ STR_INIT("GET"), true, true },	{ STR_INIT("HEAD"), true, true },
	{ STR_INIT("POST"), false, false },	{ STR_INIT("PUT"), false, true },
	{ STR_INIT("DELETE"), false, true },	{ STR_INIT("OPTIONS"), true, true },
	{ STR_INIT("TRACE"), true, true },	{ STR_INIT("PATCH"), false, false },
	{ STR_INIT("CONNECT"), false, false },	{ STR_INIT("PROPFIND"), true, true },
	{ STR_INIT("PROPPATCH"), false, true }, { STR_INIT("MKCOL"), false, true },
	{ STR_INIT("COPY"), false, true },	{ STR_INIT("MOVE"), false, true },
	{ STR_INIT("LOCK"), false, false },	{ STR_INIT("UNLOCK"), false, true },
	{ STR_INIT("REPORT"), true, true },	{ STR_INIT("SEARCH"), true, true },
};

static const struct method *method_find(struct str name)
{
	for (size_t i = 0; i < ARRAY_LEN(methods); i++)
		if (str_eq(name, methods[i].name))
			return &methods[i];
	return NULL;
}

bool method_valid(struct str method)
{
	return field_name_valid(method); /* both are tokens */
}

bool method_safe(struct str method)
{
	const struct method *m = method_find(method);
	return m != NULL && m->safe;
}

bool method_idempotent(struct str method)
{
	const struct method *m = method_find(method);
	return m != NULL && m->idempotent;
}
