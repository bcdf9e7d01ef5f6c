/*
 * void co_switch(void **save_sp, void *to_sp)
 *
 * Saves what a callee must keep on this stack, its stack pointer in *save_sp, and takes up the stack to_sp. One stack
 * pointer per coroutine and no signal mask: no system call. This object does not claim shadow stack support (the
 * switch would have to move that stack as well), so the linker leaves it off for the whole program.
 */
#if defined(__x86_64__)
    .text
    .globl co_switch
    .hidden co_switch
    .type co_switch, @function
    .p2align 4
co_switch:
    .cfi_startproc
    endbr64
    pushq %rbp
    pushq %rbx
    pushq %r12
    pushq %r13
    pushq %r14
    pushq %r15
    movq %rsp, (%rdi)
    movq %rsi, %rsp
    popq %r15
    popq %r14
    popq %r13
    popq %r12
    popq %rbx
    popq %rbp
    popq %rcx
    notrack jmp *%rcx /* a ret would be predicted to go back to the caller, and never does */
    .cfi_endproc
    .size co_switch, .-co_switch

    .section .note.gnu.property, "a"
    .p2align 3
    .long 4, 16, 5
    .asciz "GNU"
    .long 0xc0000002, 4, 1, 0 /* IBT alone */
#elif defined(__aarch64__)
    .text
    .globl co_switch
    .hidden co_switch
    .type co_switch, %function
    .p2align 4
co_switch:
    sub sp, sp, #160
    stp x19, x20, [sp, #0]
    stp x21, x22, [sp, #16]
    stp x23, x24, [sp, #32]
    stp x25, x26, [sp, #48]
    stp x27, x28, [sp, #64]
    stp x29, x30, [sp, #80]
    stp d8, d9, [sp, #96]
    stp d10, d11, [sp, #112]
    stp d12, d13, [sp, #128]
    stp d14, d15, [sp, #144]
    mov x9, sp
    str x9, [x0]
    mov sp, x1
    ldp x19, x20, [sp, #0]
    ldp x21, x22, [sp, #16]
    ldp x23, x24, [sp, #32]
    ldp x25, x26, [sp, #48]
    ldp x27, x28, [sp, #64]
    ldp x29, x30, [sp, #80]
    ldp d8, d9, [sp, #96]
    ldp d10, d11, [sp, #112]
    ldp d12, d13, [sp, #128]
    ldp d14, d15, [sp, #144]
    add sp, sp, #160
    ret
    .size co_switch, .-co_switch
#endif
    .section .note.GNU-stack, "", %progbits
