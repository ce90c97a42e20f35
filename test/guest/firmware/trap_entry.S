/*
 * What runs in ring 0: the entries of all 256 vectors, and the few privileged operations.
 *
 * - #UD in ring 3 is the call gate: `ud2` with RAX = address of a ring-0 function (see traps.h).
 * - Another exception in ring 3 is recorded and sent on to `trap_landing` in ring 3.
 * - An interrupt is counted and acknowledged at the local APIC.
 */
#include "selectors.h"

#define VECTOR_UD 6
#define FIRST_INTERRUPT 32
#define LAPIC_EOI 0xfee000b0

    .text
    .balign 16
    .globl trap_stubs
trap_stubs:
    .set vector, 0
    .rept 256
    .balign 16
    /* Vectors 8, 10-14, 17, 21, 29 and 30 push an error code of their own. */
    .if !(vector == 8 || (vector >= 10 && vector <= 14) || vector == 17 || vector == 21 || vector == 29 || vector == 30)
    pushq $0
    .endif
    pushq $vector
    jmp trap_common
    .set vector, vector + 1
    .endr

/* Stack: vector, error code, RIP, CS, RFLAGS, RSP, SS. */
trap_common:
    cmpq $FIRST_INTERRUPT, (%rsp)
    jae interrupt
    testb $3, 24(%rsp)
    jz ring0_exception
    cmpq $VECTOR_UD, (%rsp)
    jne ring3_exception
    addq $16, %rsp
    addq $2, (%rsp)             /* past the ud2 */
    call *%rax
    iretq

interrupt:
    pushq %rax
    movq 8(%rsp), %rax
    incq interrupt_counts(,%rax,8)
    movl $LAPIC_EOI, %eax
    movl $0, (%rax)
    popq %rax
    addq $16, %rsp
    iretq

ring3_exception:
    popq trap_vector
    popq trap_error
    movq (%rsp), %rax
    movq %rax, trap_rip
    movq %cr2, %rax
    movq %rax, trap_address
    movq $trap_landing, (%rsp)
    iretq

/* Nothing can be trusted any more: report it, still in ring 0, and stop in a triple fault. */
ring0_exception:
    popq trap_vector
    popq trap_error
    movq (%rsp), %rax
    movq %rax, trap_rip
    movq %cr2, %rax
    movq %rax, trap_address
    andq $-16, %rsp
    call trap_report
    call ring0_triple_fault

    .globl ring0_triple_fault
ring0_triple_fault:
    lidt no_idt
    ud2

/* Sleeps until an interrupt. Interrupts are off everywhere else, so that none slips in between the caller's
   look at its condition and the HLT: STI holds them back for one instruction. */
    .globl ring0_wait
ring0_wait:
    sti
    hlt
    cli
    ret

    .globl ring0_flush_tlb
ring0_flush_tlb:
    movq %cr3, %rax
    movq %rax, %cr3
    ret

/* RDI = MSR, RSI = value. */
    .globl ring0_write_msr
ring0_write_msr:
    movl %edi, %ecx
    movl %esi, %eax
    movq %rsi, %rdx
    shrq $32, %rdx
    wrmsr
    ret

    .data
    .balign 8
no_idt: .word 0
    .quad 0

    .bss
    .balign 8
    .globl trap_vector, trap_error, trap_rip, trap_address, interrupt_counts
trap_vector:  .skip 8
trap_error:   .skip 8
trap_rip:     .skip 8
trap_address: .skip 8
interrupt_counts: .skip 256 * 8
