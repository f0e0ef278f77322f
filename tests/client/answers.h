/* SPDX-License-Identifier: MIT
 *
 * answers: what a name server would have said, from text: ANSWER("::1", "192.0.2.1").
 */
#ifndef TESTS_CLIENT_ANSWERS_H
#define TESTS_CLIENT_ANSWERS_H

#include "src/client/dns.h"

#define ANSWER(...) answer_of((const char *const[]){ __VA_ARGS__, NULL })

struct dns_answer *answer_of(const char *const *texts);

#endif
