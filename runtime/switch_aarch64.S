/* SPDX-License-Identifier: MIT
 *
 * switch for AArch64, AAPCS64. The frame of a stack at rest, from its sp upwards (176 bytes):
 *
 *	0 x29 x30   16 x27 x28   32 x25 x26   48 x23 x24   64 x21 x22   80 x19 x20   96 d8-d15   160 fpcr
 *
 * Reading fpcr is cheap here, so the scheduler leaves by the same function; it is written only when it differs.
 */
#if defined(__aarch64__)

	.macro	function name
	.globl	\name
	.type	\name, %function
	.p2align 4
\name:
	.cfi_startproc
	.endm

	.macro	end_function name
	.cfi_endproc
	.size	\name, . - \name
	.endm

	.section .bss
	.p2align 3
	.type	word, %object
	.size	word, 8
word:	.zero	8

	.text
	function switch__leave
	sub	sp, sp, #176
	.cfi_def_cfa_offset 176
	stp	x29, x30, [sp, #0]
	.cfi_rel_offset x29, 0
	.cfi_rel_offset x30, 8
	stp	x27, x28, [sp, #16]
	stp	x25, x26, [sp, #32]
	stp	x23, x24, [sp, #48]
	stp	x21, x22, [sp, #64]
	stp	x19, x20, [sp, #80]
	stp	d8, d9, [sp, #96]
	stp	d10, d11, [sp, #112]
	stp	d12, d13, [sp, #128]
	stp	d14, d15, [sp, #144]
	mrs	x2, fpcr
	str	x2, [sp, #160]
	mov	x3, sp
	str	x3, [x0]
	mov	sp, x1
	ldr	x4, [sp, #160]
	cmp	x2, x4
	b.eq	1f
	msr	fpcr, x4
1:
	ldp	d14, d15, [sp, #144]
	ldp	d12, d13, [sp, #128]
	ldp	d10, d11, [sp, #112]
	ldp	d8, d9, [sp, #96]
	ldp	x19, x20, [sp, #80]
	ldp	x21, x22, [sp, #64]
	ldp	x23, x24, [sp, #48]
	ldp	x25, x26, [sp, #32]
	ldp	x27, x28, [sp, #16]
	ldp	x29, x30, [sp, #0]
	add	sp, sp, #176
	.cfi_def_cfa_offset 0
	.cfi_restore x29
	.cfi_restore x30
	br	x30
	end_function switch__leave

/* The nop stands for the call that never was: unwinders look up the byte before a return address. So a new stack goes on behind it. */
	.type	switch_start, %function
	.p2align 4
switch_start:
	.cfi_startproc
	.cfi_undefined x30
	nop
	blr	x19
	brk	#1
	end_function switch_start

	function switch_prepare
	sub	x2, x0, #176
	adr	x3, switch_start + 4
	adrp	x4, word
	ldr	x4, [x4, :lo12:word]
	stp	xzr, x3, [x2, #0]
	stp	xzr, xzr, [x2, #16]
	stp	xzr, xzr, [x2, #32]
	stp	xzr, xzr, [x2, #48]
	stp	xzr, xzr, [x2, #64]
	stp	x1, xzr, [x2, #80]
	stp	xzr, xzr, [x2, #96]
	stp	xzr, xzr, [x2, #112]
	stp	xzr, xzr, [x2, #128]
	stp	xzr, xzr, [x2, #144]
	stp	x4, xzr, [x2, #160]
	mov	x0, x2
	ret
	end_function switch_prepare

	function switch_resume_point
	ldr	x3, [x0, #0]
	str	x3, [x1]
	ldr	x3, [x0, #8]
	str	x3, [x2]
	ret
	end_function switch_resume_point

	function switch_init
	mrs	x0, fpcr
	adrp	x1, word
	str	x0, [x1, :lo12:word]
	ret
	end_function switch_init

	function switch_init_thread
	adrp	x1, word
	ldr	x0, [x1, :lo12:word]
	msr	fpcr, x0
	ret
	end_function switch_init_thread

	.section .note.GNU-stack, "", %progbits
#endif
