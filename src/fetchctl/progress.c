/* SPDX-License-Identifier: MIT
 *
 * progress: ASCII, since nothing is known of the terminal but its width. A line goes out in one
 * write.
 */
#include "src/fetchctl/progress.h"

#include <stdio.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "runtime/clock.h"
#include "src/common/cleanup.h"

#define PLAIN_LINE_EVERY (2 * SECOND)
#define BAR_WIDTH_MAX	 40
#define ERASE_LINE	 "\r\033[K"

struct progress progress_to_stderr(void)
{
	return (struct progress){ .terminal = isatty(STDERR_FILENO), .started_ns = clock_now() };
}

static void out(struct buf *b)
{
	if (!b->failed && b->len)
		(void)!write(STDERR_FILENO, b->data, b->len);
	buf_done(b);
}

static int terminal_width(void)
{
	struct winsize w;
	return ioctl(STDERR_FILENO, TIOCGWINSZ, &w) == 0 && w.ws_col ? w.ws_col : 80;
}

/* 3 h 20 min; 4 min 5 s; 7 s. */
static void put_span(struct buf *b, int64_t seconds)
{
	if (seconds >= 3600)
		buf_printf(b, "%lld h %lld min", (long long)(seconds / 3600),
			   (long long)(seconds % 3600 / 60));
	else if (seconds >= 60)
		buf_printf(b, "%lld min %lld s", (long long)(seconds / 60),
			   (long long)(seconds % 60));
	else
		buf_printf(b, "%lld s", (long long)seconds);
}

/* " 512/1000 51% 230/s, 3 failed, 2 s left": shared by both forms. */
static void put_numbers(struct buf *b, const struct batch *s)
{
	buf_printf(b, "%llu/%llu %u%%", (unsigned long long)s->done, (unsigned long long)s->jobs,
		   batch_percent(s));
	if (s->rate_ns > 0)
		buf_printf(b, " %.0f/s", (double)s->rate_ns / SECOND);
	if (s->failed)
		buf_printf(b, ", %llu failed", (unsigned long long)s->failed);
	if (s->waits_for.len)
		buf_printf(b, ", waits for %.*s", STR_ARG(s->waits_for));
	if (s->rate_ns > 0 && s->done < s->jobs) {
		buf_append_str(b, STR(", "));
		put_span(b,
			 (int64_t)((double)(s->jobs - s->done) * SECOND / (double)s->rate_ns) + 1);
		buf_append_str(b, STR(" left"));
	}
}

static void draw_bar(struct progress *p, const struct batch *s)
{
	cleanup(buf_done) struct buf numbers = { 0 };
	struct buf b = { 0 };
	put_numbers(&numbers, s);
	int width = terminal_width() - (int)numbers.len - 4;
	if (width > BAR_WIDTH_MAX)
		width = BAR_WIDTH_MAX;
	buf_append_str(&b, STR(ERASE_LINE));
	if (width >= 8) {
		buf_append_char(&b, '[');
		for (int i = 0; i < width; i++)
			buf_append_char(&b, i < width * (int)batch_percent(s) / 100 ? '#' : '-');
		buf_append_str(&b, STR("] "));
	}
	buf_append_str(&b, str_slice(buf_str(&numbers), 0, (size_t)terminal_width() - 1));
	out(&b);
	p->drawn = true;
}

void progress_show(struct progress *p, const struct batch *s)
{
	int64_t now = clock_now();
	if (p->terminal) {
		draw_bar(p, s);
		return;
	}
	if (now < p->next_line_ns || (p->next_line_ns && s->done == p->last_done))
		return;
	p->next_line_ns = now + PLAIN_LINE_EVERY;
	p->last_done = s->done;
	struct buf b = { 0 };
	buf_printf(&b, "batch %llu: ", (unsigned long long)s->id);
	put_numbers(&b, s);
	buf_append_char(&b, '\n');
	out(&b);
}

void progress_say(struct progress *p, const char *text)
{
	struct buf b = { 0 };
	buf_printf(&b, "%sfetchctl: %s\n", p->drawn ? ERASE_LINE : "", text);
	p->drawn = false;
	out(&b);
}

void progress_end(struct progress *p, const struct batch *s)
{
	struct buf b = { 0 };
	buf_printf(&b, "%sbatch %llu: %llu fetched, %llu failed", p->drawn ? ERASE_LINE : "",
		   (unsigned long long)s->id, (unsigned long long)s->fetched,
		   (unsigned long long)s->failed);
	if (s->cancelled)
		buf_printf(&b, ", %llu cancelled", (unsigned long long)s->cancelled);
	if (s->expired)
		buf_printf(&b, ", %llu expired", (unsigned long long)s->expired);
	buf_printf(&b, "; waited %.1f s\n", (double)(clock_now() - p->started_ns) / SECOND);
	out(&b);
}
