/* SPDX-License-Identifier: MIT
 *
 * specimen: tests of the harness itself run their own program once more on a test that fails, hangs or
 * dies on purpose (.only_by_name, so that it runs only then), and look at the report.
 *
 *	TEST(specimen_fails, SPECIMEN) { CHECK(false); }
 *	TEST(harness_reports_a_failure) { specimen_check_fails("specimen_fails", "CHECK(false)"); }
 */
#ifndef TESTS_SPECIMEN_H
#define TESTS_SPECIMEN_H

#define SPECIMEN .only_by_name = true

/* Run this program with the arguments, which must end with 0 or 1, the text among its output. Give the
 * output, static. */
const char *specimen_check_passes(const char *arguments, const char *text);
const char *specimen_check_fails(const char *arguments, const char *text);

#endif
