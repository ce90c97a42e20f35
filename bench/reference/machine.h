/* The least machine that boots the small guest: KVM, one vCPU, memory from a memfd, the Linux
 * 64-bit protocol. */
#ifndef MACHINE_H
#define MACHINE_H

#include <linux/kvm.h>
#include <stddef.h>
#include <stdint.h>

struct machine {
  int vm, vcpu;
  uint8_t *memory;
  size_t memory_size;
  struct kvm_run *run;
};

/* All of these end the program with a message when a step fails. */
void machine_create(struct machine *machine, size_t memory_size);
/* Loads an ELF64 image and returns its entry. */
uint64_t machine_load(struct machine *machine, const char *path);
void machine_boot(struct machine *machine, uint64_t entry, const char *command_line);

__attribute__((noreturn)) void fail(const char *step);

#endif
