/* SPDX-License-Identifier: MIT
 *
 * Tests of switch.h and the assembly behind it: what a goroutine keeps across a park, and that unwinders find their way.
 */
#include <execinfo.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runtime/goroutine.h"
#include "runtime/sanitizer.h"
#include "runtime/waitgroup.h"
#include "tests/harness.h"

#define CROWD  8
#define ROUNDS 200

/* --- registers --- */

/* Fills the callee-saved registers from `seed` upwards, calls fn, and returns the exclusive or of what differs afterwards: 0. */
uint64_t fill_registers_and_call(void (*fn)(void), uint64_t seed);

#if defined(__x86_64__)
__asm__("	.text\n"
	"	.globl fill_registers_and_call\n"
	"	.type fill_registers_and_call, @function\n"
	"fill_registers_and_call:\n"
	"	pushq %rbp; pushq %rbx; pushq %r12; pushq %r13; pushq %r14; pushq %r15; pushq "
	"%rsi\n"
	"	leaq 1(%rsi), %rbx; leaq 2(%rsi), %rbp; leaq 3(%rsi), %r12\n"
	"	leaq 4(%rsi), %r13; leaq 5(%rsi), %r14; leaq 6(%rsi), %r15\n"
	"	call *%rdi\n"
	"	popq %rsi\n"
	"	movq %rbx, %rax; leaq 1(%rsi), %rcx; xorq %rcx, %rax\n"
	"	leaq 2(%rsi), %rcx; xorq %rbp, %rcx; orq %rcx, %rax\n"
	"	leaq 3(%rsi), %rcx; xorq %r12, %rcx; orq %rcx, %rax\n"
	"	leaq 4(%rsi), %rcx; xorq %r13, %rcx; orq %rcx, %rax\n"
	"	leaq 5(%rsi), %rcx; xorq %r14, %rcx; orq %rcx, %rax\n"
	"	leaq 6(%rsi), %rcx; xorq %r15, %rcx; orq %rcx, %rax\n"
	"	popq %r15; popq %r14; popq %r13; popq %r12; popq %rbx; popq %rbp\n"
	"	ret\n"
	"	.size fill_registers_and_call, . - fill_registers_and_call\n");
#elif defined(__aarch64__)
__asm__("	.text\n"
	"	.macro differ reg, n\n"
	"	add x2, x1, #\\n\n"
	"	eor x2, x2, \\reg\n"
	"	orr x0, x0, x2\n"
	"	.endm\n"
	"	.macro differ_fp reg, n\n"
	"	fmov x3, \\reg\n"
	"	differ x3, \\n\n"
	"	.endm\n"
	"	.macro fill_fp reg, n\n"
	"	add x2, x1, #\\n\n"
	"	fmov \\reg, x2\n"
	"	.endm\n"
	"	.globl fill_registers_and_call\n"
	"	.type fill_registers_and_call, %function\n"
	"fill_registers_and_call:\n"
	"	stp x29, x30, [sp, #-176]!\n"
	"	mov x29, sp\n"
	"	stp x19, x20, [sp, #16]\n"
	"	stp x21, x22, [sp, #32]\n"
	"	stp x23, x24, [sp, #48]\n"
	"	stp x25, x26, [sp, #64]\n"
	"	stp x27, x28, [sp, #80]\n"
	"	stp d8, d9, [sp, #96]\n"
	"	stp d10, d11, [sp, #112]\n"
	"	stp d12, d13, [sp, #128]\n"
	"	stp d14, d15, [sp, #144]\n"
	"	str x1, [sp, #160]\n"
	"	add x19, x1, #1\n	add x20, x1, #2\n	add x21, x1, #3\n"
	"	add x22, x1, #4\n	add x23, x1, #5\n	add x24, x1, #6\n"
	"	add x25, x1, #7\n	add x26, x1, #8\n	add x27, x1, #9\n"
	"	add x28, x1, #10\n"
	"	fill_fp d8, 11\n	fill_fp d9, 12\n	fill_fp d10, 13\n"
	"	fill_fp d11, 14\n	fill_fp d12, 15\n	fill_fp d13, 16\n"
	"	fill_fp d14, 17\n	fill_fp d15, 18\n"
	"	blr x0\n"
	"	ldr x1, [sp, #160]\n"
	"	mov x0, #0\n"
	"	differ x19, 1\n	differ x20, 2\n	differ x21, 3\n	differ x22, 4\n"
	"	differ x23, 5\n	differ x24, 6\n	differ x25, 7\n	differ x26, 8\n"
	"	differ x27, 9\n	differ x28, 10\n"
	"	differ_fp d8, 11\n	differ_fp d9, 12\n	differ_fp d10, 13\n"
	"	differ_fp d11, 14\n	differ_fp d12, 15\n	differ_fp d13, 16\n"
	"	differ_fp d14, 17\n	differ_fp d15, 18\n"
	"	ldp d14, d15, [sp, #144]\n"
	"	ldp d12, d13, [sp, #128]\n"
	"	ldp d10, d11, [sp, #112]\n"
	"	ldp d8, d9, [sp, #96]\n"
	"	ldp x27, x28, [sp, #80]\n"
	"	ldp x25, x26, [sp, #64]\n"
	"	ldp x23, x24, [sp, #48]\n"
	"	ldp x21, x22, [sp, #32]\n"
	"	ldp x19, x20, [sp, #16]\n"
	"	ldp x29, x30, [sp], #176\n"
	"	ret\n"
	"	.size fill_registers_and_call, . - fill_registers_and_call\n");
#endif

struct member {
	int index;
	void (*fn)(int index);
	struct waitgroup *done;
};

static void take_part(struct member *m)
{
	m->fn(m->index);
	waitgroup_done(m->done);
}

/* Runs fn on several goroutines at once. */
static void in_a_crowd(void (*fn)(int index))
{
	struct waitgroup done = { 0 };
	waitgroup_add(&done, CROWD);
	for (int i = 0; i < CROWD; i++)
		go_with(take_part, (struct member){ .index = i, .fn = fn, .done = &done });
	waitgroup_wait(&done);
}

static void yield_with_filled_registers(int index)
{
	for (int i = 0; i < ROUNDS; i++)
		CHECK_EQ(fill_registers_and_call(goroutine_yield, (uint64_t)index << 32 | i), 0);
}

TEST_GO(callee_saved_registers_are_kept_across_a_park)
{
	in_a_crowd(yield_with_filled_registers);
}

/* --- floating-point control --- */

/* The rounding mode, 0 to 3, of all floating-point units; -1 if they differ. 0 = to nearest, what a process starts with. */
#if defined(__x86_64__)
static void set_rounding(unsigned mode)
{
	uint16_t x87;
	uint32_t sse;
	__asm__ volatile("fnstcw %0; stmxcsr %1" : "=m"(x87), "=m"(sse));
	x87 = (uint16_t)((x87 & ~0xc00u) | mode << 10);
	sse = (sse & ~0x6000u) | mode << 13;
	__asm__ volatile("fldcw %0; ldmxcsr %1" : : "m"(x87), "m"(sse));
}

static int rounding(void)
{
	uint16_t x87;
	uint32_t sse;
	__asm__ volatile("fnstcw %0; stmxcsr %1" : "=m"(x87), "=m"(sse));
	return (x87 >> 10 & 3) == (int)(sse >> 13 & 3) ? x87 >> 10 & 3 : -1;
}
#elif defined(__aarch64__)
static void set_rounding(unsigned mode)
{
	uint64_t fpcr;
	__asm__ volatile("mrs %0, fpcr" : "=r"(fpcr));
	fpcr = (fpcr & ~UINT64_C(0xc00000)) | (uint64_t)mode << 22;
	__asm__ volatile("msr fpcr, %0" : : "r"(fpcr));
}

static int rounding(void)
{
	uint64_t fpcr;
	__asm__ volatile("mrs %0, fpcr" : "=r"(fpcr));
	return fpcr >> 22 & 3;
}
#endif

static void yield_with_rounding(int index)
{
	CHECK_EQ(rounding(), 0);
	set_rounding((unsigned)index % 4);
	for (int i = 0; i < ROUNDS; i++) {
		goroutine_yield();
		CHECK_EQ(rounding(), index % 4);
	}
}

TEST_GO(a_goroutine_keeps_its_rounding_mode_and_a_new_one_has_the_programs)
{
	for (int i = 0; i < 3; i++)
		in_a_crowd(yield_with_rounding);
	CHECK_EQ(rounding(), 0);
}

#if defined(__x86_64__)
/* The x87 precision and the exception masks are control, too; only mxcsr's sticky flags are not kept. */
static void yield_with_x87_control(int index)
{
	uint16_t mine = index % 2 ? 0x27f : 0x37f, seen;
	__asm__ volatile("fldcw %0" : : "m"(mine));
	for (int i = 0; i < ROUNDS; i++) {
		goroutine_yield();
		__asm__ volatile("fnstcw %0" : "=m"(seen));
		CHECK_EQ(seen, mine);
	}
}

TEST_GO(a_goroutine_keeps_its_x87_precision)
{
	in_a_crowd(yield_with_x87_control);
}

static void yield_with_mxcsr(int index)
{
	uint32_t mine = index % 2 ? 0x9fc0 : 0x1f80, seen; /* flush to zero, denormals are zero */
	__asm__ volatile("ldmxcsr %0" : : "m"(mine));
	for (int i = 0; i < ROUNDS; i++) {
		goroutine_yield();
		__asm__ volatile("stmxcsr %0" : "=m"(seen));
		CHECK_EQ(seen & 0xffc0, mine);
	}
}

TEST_GO(a_goroutine_keeps_its_mxcsr)
{
	in_a_crowd(yield_with_mxcsr);
}
#endif

static void compute_with_floats(int index)
{
	double sum = index, expected = index;
	for (int i = 1; i <= ROUNDS; i++) {
		sum += i * 0.5;
		goroutine_yield();
	}
	for (int i = 1; i <= ROUNDS; i++)
		expected += i * 0.5;
	CHECK(sum == expected);
}

TEST_GO(floating_point_values_live_across_a_park)
{
	in_a_crowd(compute_with_floats);
}

/* --- unwinding --- */

/* The volatile keeps the compiler from making a loop of it. */
static __attribute__((noinline)) int unwind(int levels)
{
	void *frames[64];
	volatile int kept = levels;
	if (levels > 0)
		return unwind(levels - 1) + kept - levels;
	goroutine_yield();
	return backtrace(frames, 64);
}

static void check_unwinding(int index)
{
	int here = unwind(0);
	CHECK_LT(3, here);
	CHECK_LT(here, 12);
	CHECK_EQ(unwind(index), here + index);
}

TEST_GO(an_unwinder_stops_at_a_goroutines_entry)
{
	in_a_crowd(check_unwinding);
}

static void yield_twice(int index)
{
	(void)index;
	goroutine_yield();
	goroutine_yield();
}

TEST_GO(two_goroutines_switch, .only_by_name = true)
{
	in_a_crowd(yield_twice);
}

/* Steps through the switch by single instructions, to the other stack and back, and looks for the outermost frame at each. */
static const char step_through[] =
	"import gdb\n"
	"gdb.execute('set pagination off')\n"
	"gdb.execute('break switch__leave')\n"
	"gdb.execute('run')\n"
	"steps = {'switch_start': 0, 'm_main': 0}\n"
	"for switch in range(6):\n"
	"    for i in range(45):\n"
	"        names = []\n"
	"        frame = gdb.newest_frame()\n"
	"        while frame is not None:\n"
	"            names.append(frame.name())\n"
	"            last, frame = frame, frame.older()\n"
	"        top = 'm_main' if 'm_main' in names else names[-1]\n"
	"        good = last.unwind_stop_reason() in (gdb.FRAME_UNWIND_NO_REASON, "
	"gdb.FRAME_UNWIND_OUTERMOST)\n"
	"        if not good or top not in steps:\n"
	"            gdb.execute('x/i $pc')\n"
	"            print('LOST', names, last.unwind_stop_reason())\n"
	"            gdb.execute('kill')\n"
	"            gdb.execute('quit 1')\n"
	"        steps[top] += 1\n"
	"        gdb.execute('stepi', to_string=True)\n"
	"    gdb.execute('tbreak ' + ('switch__enter' if switch % 2 == 0 else 'switch__leave'), "
	"to_string=True)\n"
	"    gdb.execute('delete 1') if switch == 0 else None\n"
	"    gdb.execute('continue', to_string=True)\n"
	"print('STEPS', steps)\n"
	"gdb.execute('kill')\n"
	"gdb.execute('quit 0' if min(steps.values()) > 20 else 'quit 1')\n";

static const char *write_script(void)
{
	static char path[300];
	snprintf(path, sizeof(path), "%s/step.py", test_dir());
	FILE *f = fopen(path, "we");
	CHECK(f != NULL);
	CHECK_LE(0, fputs(step_through, f));
	CHECK_EQ(fclose(f), 0);
	return path;
}

static void become_gdb(const char *script)
{
	char self[4096];
	ssize_t len = readlink("/proc/self/exe", self, sizeof(self) - 1);
	CHECK_LT(0, len);
	self[len] = '\0';
	setenv("GOMAXPROCS", "1", 1);
	dup2(1, 2);
	execlp("gdb", "gdb", "-nx", "-batch", "-iex", "set debuginfod enabled off", "-x", script,
	       "--args", self, "--here", "two_goroutines_switch", (char *)NULL);
	_exit(127);
}

TEST(gdb_unwinds_at_each_instruction_of_a_switch, .timeout_s = 60)
{
#if defined(HAVE_SANITIZER) || !defined(__x86_64__)
	test_skip("for gdb a plain program of this machine's kind is wanted");
#endif
	const char *script = write_script();
	pid_t pid = fork();
	if (pid == 0)
		become_gdb(script);
	int status;
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 127)
		test_skip("there is no gdb");
	CHECK_EQ(status, 0);
}
