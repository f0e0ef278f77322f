/* SPDX-License-Identifier: MIT
 *
 * switch for x86-64, System V ABI. The frame of a stack at rest, from its sp upwards:
 *
 *	0 mxcsr (4 bytes), 4 x87 control word (2)   8 r15   16 r14   24 r13   32 r12   40 rbx   48 rbp   56 return address
 *
 * It leaves with pop and jmp: a ret would be mispredicted each time, as the return predictor knows the other stack's callers (10 ns).
 * The control words are callee-saved by the ABI, but loading them costs 35 ns: they are loaded only when they differ, the sticky
 * exception flags (the low 6 bits of mxcsr) left out. The CFA stays rsp-relative and both stacks have the same shape at the
 * moment of the swap, so gdb and perf unwind at every instruction.
 */
#if defined(__x86_64__)

	.text
	.globl	switch_stack
	.type	switch_stack, @function
	.p2align 4
switch_stack:
	.cfi_startproc
	pushq	%rbp
	.cfi_adjust_cfa_offset 8
	.cfi_rel_offset %rbp, 0
	pushq	%rbx
	.cfi_adjust_cfa_offset 8
	.cfi_rel_offset %rbx, 0
	pushq	%r12
	.cfi_adjust_cfa_offset 8
	.cfi_rel_offset %r12, 0
	pushq	%r13
	.cfi_adjust_cfa_offset 8
	.cfi_rel_offset %r13, 0
	pushq	%r14
	.cfi_adjust_cfa_offset 8
	.cfi_rel_offset %r14, 0
	pushq	%r15
	.cfi_adjust_cfa_offset 8
	.cfi_rel_offset %r15, 0
	subq	$8, %rsp
	.cfi_adjust_cfa_offset 8
	stmxcsr	(%rsp)
	fnstcw	4(%rsp)
	movl	(%rsp), %eax
	movzwl	4(%rsp), %edx
	movq	%rsp, (%rdi)
	movq	%rsi, %rsp
	xorl	(%rsp), %eax
	andl	$0xffffffc0, %eax
	xorw	4(%rsp), %dx
	orl	%edx, %eax
	jnz	2f
1:
	addq	$8, %rsp
	.cfi_adjust_cfa_offset -8
	popq	%r15
	.cfi_adjust_cfa_offset -8
	.cfi_restore %r15
	popq	%r14
	.cfi_adjust_cfa_offset -8
	.cfi_restore %r14
	popq	%r13
	.cfi_adjust_cfa_offset -8
	.cfi_restore %r13
	popq	%r12
	.cfi_adjust_cfa_offset -8
	.cfi_restore %r12
	popq	%rbx
	.cfi_adjust_cfa_offset -8
	.cfi_restore %rbx
	popq	%rbp
	.cfi_adjust_cfa_offset -8
	.cfi_restore %rbp
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
	.cfi_endproc
	.size	switch_stack, . - switch_stack

/* The nop stands for the call that never was: unwinders look up the byte before a return address. */
	.type	switch_start, @function
	.p2align 4
	.cfi_startproc
	.cfi_undefined %rip
	nop
switch_start:
	callq	*%rbx
	ud2
	.cfi_endproc
	.size	switch_start, . - switch_start

/* void *switch_prepare(void *top, void (*entry)(void)) */
	.globl	switch_prepare
	.type	switch_prepare, @function
	.p2align 4
switch_prepare:
	.cfi_startproc
	leaq	-64(%rdi), %rax
	xorl	%ecx, %ecx
	movl	$0x1f80, (%rax)
	movl	$0x037f, 4(%rax)
	movq	%rcx, 8(%rax)
	movq	%rcx, 16(%rax)
	movq	%rcx, 24(%rax)
	movq	%rcx, 32(%rax)
	movq	%rsi, 40(%rax)
	movq	%rcx, 48(%rax)
	leaq	switch_start(%rip), %rdx
	movq	%rdx, 56(%rax)
	ret
	.cfi_endproc
	.size	switch_prepare, . - switch_prepare

/* void switch_resume_point(const void *sp, void **ret_fp, void **ret_pc) */
	.globl	switch_resume_point
	.type	switch_resume_point, @function
	.p2align 4
switch_resume_point:
	.cfi_startproc
	movq	48(%rdi), %rax
	movq	%rax, (%rsi)
	movq	56(%rdi), %rax
	movq	%rax, (%rdx)
	ret
	.cfi_endproc
	.size	switch_resume_point, . - switch_resume_point

	.section .note.GNU-stack, "", @progbits
#endif
