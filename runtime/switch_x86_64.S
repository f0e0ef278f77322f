/* SPDX-License-Identifier: MIT
 *
 * switch for x86-64, System V ABI. The frame of a stack at rest, from its sp upwards:
 *
 *	0 mxcsr (4 bytes), 4 x87 control word (4)   8 r15   16 r14   24 r13   32 r12   40 rbx   48 rbp   56 return address
 *
 * It leaves with pop and jmp: a ret would be mispredicted each time, as the return predictor knows the other stack's callers (10 ns).
 * The control words are callee-saved by the ABI, but loading them costs 35 ns and reading them 6: they are loaded only when they differ,
 * the sticky exception flags (the low 6 bits of mxcsr) left out, and not read on the scheduler's stack, which doesn't change them. The CFA stays
 * rsp-relative and both stacks have the same shape at the moment of the swap, so gdb and perf unwind at every instruction.
 */
#if defined(__x86_64__)

	.macro	push_reg reg
	pushq	%\reg
	.cfi_adjust_cfa_offset 8
	.cfi_rel_offset %\reg, 0
	.endm

	.macro	pop_reg reg
	popq	%\reg
	.cfi_adjust_cfa_offset -8
	.cfi_restore %\reg
	.endm

	.macro	push_all
	push_reg rbp
	push_reg rbx
	push_reg r12
	push_reg r13
	push_reg r14
	push_reg r15
	.endm

/* With the control words on top of the stack and in rax: the other half of a switch. */
	.macro	swap_and_pop
	movq	%rsp, (%rdi)
	movq	%rsi, %rsp
	xorq	(%rsp), %rax
	testq	%r8, %rax
	jnz	2f
1:
	addq	$8, %rsp
	.cfi_adjust_cfa_offset -8
	pop_reg	r15
	pop_reg	r14
	pop_reg	r13
	pop_reg	r12
	pop_reg	rbx
	pop_reg	rbp
	popq	%rcx
	.cfi_adjust_cfa_offset -8
	.cfi_register %rip, %rcx
	jmp	*%rcx
2:
	.cfi_def_cfa %rsp, 64
	.cfi_offset %rip, -8
	.cfi_offset %rbp, -16
	.cfi_offset %rbx, -24
	.cfi_offset %r12, -32
	.cfi_offset %r13, -40
	.cfi_offset %r14, -48
	.cfi_offset %r15, -56
	ldmxcsr	(%rsp)
	fldcw	4(%rsp)
	jmp	1b
	.endm

	.macro	function name
	.globl	\name
	.type	\name, @function
	.p2align 4
\name:
	.cfi_startproc
	.endm

	.macro	end_function name
	.cfi_endproc
	.size	\name, . - \name
	.endm

/* The process's control words as they were at switch_init, and which of their bits a switch looks at. */
	.section .bss
	.p2align 3
	.type	words, @object
	.size	words, 8
words:	.zero	8

	.section .rodata
	.p2align 3
	.type	mask, @object
	.size	mask, 8
mask:	.quad	0x0000ffffffffffc0

	.text
	function switch__leave
	push_all
	subq	$8, %rsp
	.cfi_adjust_cfa_offset 8
	stmxcsr	(%rsp)
	fnstcw	4(%rsp)
	movl	(%rsp), %edx
	movzwl	4(%rsp), %eax
	shlq	$32, %rax
	orq	%rdx, %rax
	movq	mask(%rip), %r8
	swap_and_pop
	end_function switch__leave

	function switch__enter
	push_all
	movq	words(%rip), %rax
	movq	mask(%rip), %r8
	pushq	%rax
	.cfi_adjust_cfa_offset 8
	swap_and_pop
	end_function switch__enter

/* The nop stands for the call that never was: unwinders look up the byte before a return address. So a new stack goes on behind it. */
	.type	switch_start, @function
	.p2align 4
switch_start:
	.cfi_startproc
	.cfi_undefined %rip
	nop
	callq	*%rbx
	ud2
	end_function switch_start

	function switch_prepare
	leaq	-64(%rdi), %rax
	movq	words(%rip), %rcx
	movq	%rcx, (%rax)
	xorl	%ecx, %ecx
	movq	%rcx, 8(%rax)
	movq	%rcx, 16(%rax)
	movq	%rcx, 24(%rax)
	movq	%rcx, 32(%rax)
	movq	%rsi, 40(%rax)
	movq	%rcx, 48(%rax)
	leaq	switch_start + 1(%rip), %rdx
	movq	%rdx, 56(%rax)
	ret
	end_function switch_prepare

	function switch_resume_point
	movq	48(%rdi), %rax
	movq	%rax, (%rsi)
	movq	56(%rdi), %rax
	movq	%rax, (%rdx)
	ret
	end_function switch_resume_point

	function switch_init
	stmxcsr	words(%rip)
	fnstcw	words+4(%rip)
	ret
	end_function switch_init

	function switch_init_thread
	ldmxcsr	words(%rip)
	fldcw	words+4(%rip)
	ret
	end_function switch_init_thread

	.section .note.GNU-stack, "", @progbits
#endif
