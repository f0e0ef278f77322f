/* SPDX-License-Identifier: MIT
 *
 * test_log: lines as they arrive on stderr, which each test sends into a pipe.
 */
#include "src/common/log.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "tests/harness.h"

static char text[8192];

/* What logs writes to stderr. */
static const char *capture(void (*logs)(void))
{
	int ends[2], saved = dup(STDERR_FILENO);
	CHECK_OK(pipe(ends));
	dup2(ends[1], STDERR_FILENO);
	close(ends[1]);
	logs();
	dup2(saved, STDERR_FILENO);
	close(saved);
	ssize_t n = read(ends[0], text, sizeof(text) - 1);
	close(ends[0]);
	text[n > 0 ? n : 0] = '\0';
	return text;
}

static void three_lines(void)
{
	log_err("store failed err=%d", 5);
	log_info("listening socket=%s", "/run/x");
	log_debug("unseen");
}

TEST(log_under_the_journal_has_priorities)
{
	log_set_journal(true);
	CHECK_STR(capture(three_lines), "<3>store failed err=5\n<6>listening socket=/run/x\n");
}

TEST(log_elsewhere_has_time_and_level)
{
	log_set_journal(false);
	log_set_level(LEVEL_ERR);
	struct str line = str_of(capture(three_lines));
	CHECK(str_ends(line, STR("Z err store failed err=5\n")));
	CHECK_EQ(line.len, strlen("2026-01-31T12:34:56.789Z err store failed err=5\n"));
	CHECK_EQ(line.data[10], 'T');
}

TEST(log_finds_the_journal_by_itself)
{
	setenv("JOURNAL_STREAM", "8:1", 1);
	CHECK(str_starts(str_of(capture(three_lines)), STR("<3>")));
}

static void hostile_line(void)
{
	log_warn("url=%s", "a\nb\x1b[2J\x7f é");
}

TEST(log_defuses_control_characters)
{
	log_set_journal(true);
	CHECK_STR(capture(hostile_line), "<4>url=a?b?[2J? é\n");
}

static void long_line(void)
{
	log_err("%04000d", 7);
}

TEST(log_cuts_long_lines_at_1_kib)
{
	log_set_journal(true);
	struct str line = str_of(capture(long_line));
	CHECK_EQ(line.len, 1024);
	CHECK_EQ(line.data[1023], '\n');
}

TEST(log_levels_have_names)
{
	enum log_level level = LEVEL_ERR;
	CHECK_OK(log_parse_level(STR("debug"), &level));
	CHECK_EQ(level, LEVEL_DEBUG);
	CHECK_EQ(log_parse_level(STR("loud"), &level), -EINVAL);
	log_set_level(LEVEL_WARN);
	CHECK_EQ(log_get_level(), LEVEL_WARN);
}
