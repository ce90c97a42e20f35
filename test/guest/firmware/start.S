/*
 * Entry points, descriptor tables and page tables.
 *
 * Two ways in: the Linux 64-bit boot protocol (paging on, RSI = zero page) and PVH (32-bit, paging off, EBX =
 * start info). Both load the tables below and drop to ring 3, where everything else runs. Some hosts emulate
 * ring 0 an instruction at a time, about a microsecond each, so what can be laid out by the assembler is.
 */
#include "selectors.h"

#define TABLES 0x220000
#define PAGE_PRESENT_WRITE_USER 0x7
#define PAGE_2MIB 0x80
#define MSR_EFER 0xc0000080
#define EFER_LME 0x100
#define CR4_PAE 0x20
#define CR0_PG 0x80000000
#define COM1 0x3f8

    .section .head, "ax"

    .code32
pvh_entry:
    /* The first instructions of the guest: an empty line on COM1 lets the host time them. */
    movw $COM1, %dx
    movb $'\n', %al
    outb %al, %dx
    movl %ebx, boot_pvh_info
    movl $CR4_PAE, %eax
    movl %eax, %cr4
    movl $pml4, %eax
    movl %eax, %cr3
    movl $MSR_EFER, %ecx
    rdmsr
    orl $EFER_LME, %eax
    wrmsr
    movl %cr0, %eax
    orl $CR0_PG, %eax
    movl %eax, %cr0
    lgdt gdt_pointer
    ljmp $KERNEL_CS, $enter_ring3

    .org 0x200
    .code64
    .globl entry64
entry64:
    movw $COM1, %dx
    movb $'\n', %al
    outb %al, %dx
    movq %rsi, boot_zero_page
    movl $pml4, %eax
    movq %rax, %cr3
    lgdt gdt_pointer
    movl $ring0_stack_top, %esp
    pushq $KERNEL_CS
    pushq $enter_ring3
    lretq

enter_ring3:
    cli
    cld
    movl $KERNEL_DS, %eax
    movw %ax, %ss
    movl $ring0_stack_top, %esp
    movl $USER_DS, %eax
    movw %ax, %ds
    movw %ax, %es
    lidt idt_pointer
    movl $TSS_SELECTOR, %eax
    ltr %ax
    pushq $USER_DS
    pushq $ring3_stack_top
    pushq $0x2                  /* RFLAGS: interrupts off, IOPL 0; ports come from the I/O bitmap */
    pushq $USER_CS
    pushq $guest_main
    iretq

    .data
    .balign 8
    .globl boot_zero_page, boot_pvh_info
boot_zero_page: .quad 0
boot_pvh_info:  .quad 0
    .balign 8
gdt_pointer:
    .word gdt_end - gdt - 1
    .quad gdt
    .balign 8
idt_pointer:
    .word 256 * 16 - 1
    .quad idt

    .section .tables, "aw"
    .globl tables_start, pml4
tables_start:
tss:
    .long 0
    .quad ring0_stack_top       /* RSP0 */
    .fill 0x66 - (. - tss), 1, 0
    .word io_bitmap - tss
io_bitmap:
    .fill 8192, 1, 0            /* a clear bit lets ring 3 use the port */
    .byte 0xff                  /* the terminator that the architecture asks for */
tss_end:
    .balign 16
gdt:
    .quad 0
    .quad 0
    .quad 0x00af9b000000ffff    /* KERNEL_CS */
    .quad 0x00cf93000000ffff    /* KERNEL_DS */
    .quad 0
    .quad 0x00cff3000000ffff    /* USER_DS */
    .quad 0x00affb000000ffff    /* USER_CS */
    .quad 0
    .word tss_end - tss - 1     /* TSS, 16 bytes */
    .word TABLES & 0xffff
    .byte (TABLES >> 16) & 0xff
    .byte 0x89, 0, 0
    .quad 0
gdt_end:

/* 4 GiB mapped one to one in pages of 2 MiB, open to ring 3: RAM and the 32-bit MMIO windows. */
    .balign 4096
pml4:
    .quad pdpt + PAGE_PRESENT_WRITE_USER
    .fill 511, 8, 0
pdpt:
    .quad page_directories + PAGE_PRESENT_WRITE_USER
    .quad page_directories + 0x1000 + PAGE_PRESENT_WRITE_USER
    .quad page_directories + 0x2000 + PAGE_PRESENT_WRITE_USER
    .quad page_directories + 0x3000 + PAGE_PRESENT_WRITE_USER
    .fill 508, 8, 0
page_directories:
    .set page, 0
    .rept 2048
    .quad page + PAGE_2MIB + PAGE_PRESENT_WRITE_USER
    .set page, page + 0x200000
    .endr

    .bss
    .balign 4096
    .skip 8192
ring0_stack_top:
    .skip 65536
ring3_stack_top:

/* XEN_ELFNOTE_PHYS32_ENTRY: the 32-bit entry of a PVH guest. */
    .section .note.xen, "a", @note
    .balign 4
    .long 4, 4, 18
    .asciz "Xen"
    .long pvh_entry
