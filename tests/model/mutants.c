/* SPDX-License-Identifier: MIT
 *
 * mutants: the proof that the models can fail. A mutant is the code under test with one operation weakened: an order by one step, a fence or a
 * store left out, a read-modify-write taken apart. Each must make one of the program's models fail, but those that the program names as
 * survivors, with the reason. So of every order in the sources it is seen whether it matters; and an order that comes to matter, or ceases to,
 * makes the test fail until its reason is changed.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tests/model/engine.h"

enum {
	MODELS_MAX = 32,
	MUTANTS_MAX = 1024
};

struct mutant {
	struct mutation mutation;
	char name[160];
};

/* The models that have passed, each with the operations that it came by. */
static struct {
	const struct model *model;
	uint32_t n;
	struct site *sites;
} passed[MODELS_MAX];
static int passed_n;

static struct mutant mutants[MUTANTS_MAX];
static int mutants_n;

static struct site sites[SITES_MAX];
static uint32_t sites_n;

static bool has_site(const struct site *list, uint32_t n, const void *pc)
{
	for (uint32_t i = 0; i < n; i++)
		if (list[i].pc == pc)
			return true;
	return false;
}

void mutants_note(const struct model *m, const struct result *r)
{
	if (passed_n == MODELS_MAX)
		abort();
	struct site *copy = calloc(r->sites_n + 1, sizeof(*copy));
	if (copy == NULL)
		abort();
	memcpy(copy, r->sites, r->sites_n * sizeof(*copy));
	passed[passed_n].model = m;
	passed[passed_n].n = r->sites_n;
	passed[passed_n++].sites = copy;
	for (uint32_t i = 0; i < r->sites_n && sites_n < SITES_MAX; i++)
		if (!has_site(sites, sites_n, r->sites[i].pc))
			sites[sites_n++] = r->sites[i];
}

static bool is_under_test(const char *function)
{
	char names[1024];
	snprintf(names, sizeof(names), "%s", mutants_wanted.of);
	for (char *name = strtok(names, " "); name != NULL; name = strtok(NULL, " "))
		if (strncmp(function, name, strlen(name)) == 0)
			return true;
	return false;
}

/* The how manieth such operation of its function s is. */
static int number_of(const struct site *s)
{
	const char *function = function_at(s->pc);
	int before = 1;
	for (uint32_t i = 0; i < sites_n; i++)
		if (sites[i].pc < s->pc && sites[i].kind == s->kind && sites[i].order == s->order &&
		    strcmp(function_at(sites[i].pc), function) == 0)
			before++;
	return before;
}

static void add_mutant(const char *site, const struct site *s, enum mutation_kind kind,
		       uint8_t order, const char *how)
{
	if (mutants_n == MUTANTS_MAX)
		abort();
	struct mutant *m = &mutants[mutants_n++];
	*m = (struct mutant){ .mutation = { .kind = kind, .pc = s->pc, .order = order } };
	snprintf(m->name, sizeof(m->name), "%s: %s", site, how);
}

static void add_order(const char *site, const struct site *s, uint8_t order)
{
	char how[32];
	snprintf(how, sizeof(how), "only %s", order_name(order));
	add_mutant(site, s, MUTATE_ORDER, order, how);
}

static void weaken_access(const char *site, const struct site *s)
{
	switch (s->order) {
	case __ATOMIC_SEQ_CST:
		add_order(site, s,
			  s->kind == OP_LOAD	? __ATOMIC_ACQUIRE
			  : s->kind == OP_STORE ? __ATOMIC_RELEASE
						: __ATOMIC_ACQ_REL);
		break;
	case __ATOMIC_ACQ_REL:
		add_order(site, s, __ATOMIC_ACQUIRE);
		add_order(site, s, __ATOMIC_RELEASE);
		break;
	case __ATOMIC_ACQUIRE:
	case __ATOMIC_RELEASE:
		add_order(site, s, __ATOMIC_RELAXED);
		break;
	default:
		break;
	}
}

static void add_mutants_of(const char *site, const struct site *s)
{
	if (s->kind == OP_FENCE && s->order == __ATOMIC_SEQ_CST)
		add_order(site, s, __ATOMIC_ACQ_REL);
	if (s->kind >= OP_LOAD && s->kind <= OP_CAS)
		weaken_access(site, s);
	if (s->kind == OP_CAS && s->fail_order == __ATOMIC_ACQUIRE)
		add_mutant(site, s, MUTATE_FAIL_ORDER, __ATOMIC_RELAXED, "relaxed when lost");
	if (s->kind == OP_RMW || s->kind == OP_CAS)
		add_mutant(site, s, MUTATE_TORN, 0, "not atomic");
	if (s->kind == OP_STORE || s->kind == OP_FENCE_OF || s->kind == OP_FUTEX_WAKE ||
	    (s->kind == OP_FENCE && s->order != __ATOMIC_SEQ_CST))
		add_mutant(site, s, MUTATE_DROP, 0, "left out");
}

static int by_address(const void *a, const void *b)
{
	const struct site *x = a, *y = b;
	return x->pc < y->pc ? -1 : x->pc > y->pc;
}

static void make_mutants(void)
{
	char site[128];
	qsort(sites, sites_n, sizeof(*sites), by_address);
	for (uint32_t i = 0; i < sites_n; i++) {
		const struct site *s = &sites[i];
		bool c11 = s->kind <= OP_FENCE;
		const char *function = function_at(s->pc);
		if (!is_under_test(function))
			continue;
		snprintf(site, sizeof(site), "%s: %s%s%s %d", function, kind_name(s->kind),
			 c11 ? " " : "", c11 ? order_name(s->order) : "", number_of(s));
		add_mutants_of(site, s);
	}
}

static const struct survivor *survivor_named(const char *name)
{
	for (const struct survivor *s = mutants_wanted.survivors; s->mutant != NULL; s++)
		if (strcmp(s->mutant, name) == 0)
			return s;
	return NULL;
}

/* Tries the models that come by the place; gives the failure of the first that notices, or NULL. */
static const struct result *hunt(const struct mutant *mutant, const struct model **ret_by)
{
	for (int i = 0; i < passed_n; i++) {
		if (!has_site(passed[i].sites, passed[i].n, mutant->mutation.pc))
			continue;
		*ret_by = passed[i].model;
		const struct result *r = run_model(passed[i].model, mutant->mutation, false);
		if (r->failed)
			return r;
	}
	return NULL;
}

static bool run_mutant(const struct mutant *mutant, bool verbose, bool *ret_found)
{
	const struct model *by = NULL;
	const struct survivor *s = survivor_named(mutant->name);
	const struct result *r = hunt(mutant, &by);
	*ret_found = r != NULL;
	bool ok = *ret_found == (s == NULL);
	if (!verbose && ok)
		return ok;
	if (r != NULL)
		printf("      %s%s: %s: %s\n%s",
		       ok ? "" : "FOUND, though said to survive: ", mutant->name, by->name,
		       r->message, verbose ? r->trace : "");
	else
		printf("      %s %s: %s\n", ok ? "survives" : "NOT FOUND", mutant->name,
		       s != NULL ? s->why : "");
	return ok;
}

/* Names that no mutant has are mistakes, or leftovers. */
static bool names_are_known(void)
{
	bool all = true;
	for (const struct survivor *s = mutants_wanted.survivors; s->mutant != NULL; s++) {
		bool known = false;
		for (int i = 0; i < mutants_n; i++)
			known = known || strcmp(mutants[i].name, s->mutant) == 0;
		if (!known)
			printf("      no such mutant: %s\n", s->mutant);
		all = all && known;
	}
	return all;
}

bool mutants_run(bool verbose)
{
	int found_n = 0;
	time_t begin = time(NULL);
	make_mutants();
	bool ok = names_are_known();
	for (int i = 0; i < mutants_n; i++) {
		bool found;
		ok = run_mutant(&mutants[i], verbose, &found) && ok;
		found_n += found;
	}
	printf("    %s every_weakening_that_matters_is_found %d s  %d mutants, %d found\n",
	       ok ? "ok  " : "FAIL", (int)(time(NULL) - begin), mutants_n, found_n);
	return ok;
}
