#define _GNU_SOURCE
#include "machine.h"

#include <elf.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#define GDT 0x500
#define ZERO_PAGE 0x7000
#define STACK 0x8000
#define PML4 0x9000
#define PDPT 0xa000
#define PAGE_DIRECTORY 0xb000
#define COMMAND_LINE 0x20000
#define COMMAND_LINE_MAX 0x800
#define ZERO_PAGE_E820_COUNT 0x1e8
#define ZERO_PAGE_COMMAND_LINE 0x228
#define ZERO_PAGE_E820 0x2d0
#define E820_RAM 1
#define TSS_ADDRESS 0xfffbd000
#define CPUID_ENTRIES 100
#define CR0_PE_ET_PG 0x80000011
#define CR4_PAE 0x20
#define EFER_LME_LMA 0x500

struct e820_entry {
  uint64_t start, size;
  uint32_t type;
} __attribute__((packed));

void fail(const char *step) {
  perror(step);
  exit(1);
}

static void create_memory(struct machine *machine) {
  int fd = memfd_create("guest", MFD_CLOEXEC);
  if (fd < 0 || ftruncate(fd, (off_t)machine->memory_size) < 0) fail("memfd");
  machine->memory = mmap(NULL, machine->memory_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (machine->memory == MAP_FAILED) fail("mmap");
  struct kvm_userspace_memory_region region = {
      .memory_size = machine->memory_size,
      .userspace_addr = (uint64_t)machine->memory,
  };
  if (ioctl(machine->vm, KVM_SET_USER_MEMORY_REGION, &region) < 0)
    fail("KVM_SET_USER_MEMORY_REGION");
}

static void set_cpuid(int kvm, int vcpu) {
  struct kvm_cpuid2 *cpuid = calloc(1, sizeof *cpuid + CPUID_ENTRIES * sizeof cpuid->entries[0]);
  if (!cpuid) fail("calloc");
  cpuid->nent = CPUID_ENTRIES;
  if (ioctl(kvm, KVM_GET_SUPPORTED_CPUID, cpuid) < 0) fail("KVM_GET_SUPPORTED_CPUID");
  if (ioctl(vcpu, KVM_SET_CPUID2, cpuid) < 0) fail("KVM_SET_CPUID2");
  free(cpuid);
}

void machine_create(struct machine *machine, size_t memory_size) {
  machine->memory_size = memory_size;
  int kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
  if (kvm < 0) fail("/dev/kvm");
  machine->vm = ioctl(kvm, KVM_CREATE_VM, 0);
  if (machine->vm < 0) fail("KVM_CREATE_VM");
  if (ioctl(machine->vm, KVM_SET_TSS_ADDR, TSS_ADDRESS) < 0) fail("KVM_SET_TSS_ADDR");
  if (ioctl(machine->vm, KVM_CREATE_IRQCHIP, 0) < 0) fail("KVM_CREATE_IRQCHIP");
  create_memory(machine);
  machine->vcpu = ioctl(machine->vm, KVM_CREATE_VCPU, 0);
  if (machine->vcpu < 0) fail("KVM_CREATE_VCPU");
  set_cpuid(kvm, machine->vcpu);
  int run_size = ioctl(kvm, KVM_GET_VCPU_MMAP_SIZE, 0);
  machine->run = mmap(NULL, (size_t)run_size, PROT_READ | PROT_WRITE, MAP_SHARED, machine->vcpu, 0);
  if (machine->run == MAP_FAILED) fail("mmap of kvm_run");
}

uint64_t machine_load(struct machine *machine, const char *path) {
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  Elf64_Ehdr header;
  if (fd < 0 || pread(fd, &header, sizeof header, 0) != sizeof header) fail(path);
  for (int i = 0; i < header.e_phnum; i++) {
    Elf64_Phdr segment;
    off_t at = (off_t)(header.e_phoff + (uint64_t)i * sizeof segment);
    if (pread(fd, &segment, sizeof segment, at) != sizeof segment) fail(path);
    if (segment.p_type != PT_LOAD) continue;
    if (segment.p_paddr + segment.p_memsz > machine->memory_size) fail("segment outside memory");
    ssize_t size = (ssize_t)segment.p_filesz;
    if (pread(fd, machine->memory + segment.p_paddr, segment.p_filesz, (off_t)segment.p_offset) !=
        size)
      fail(path);
  }
  close(fd);
  return header.e_entry;
}

static void write_tables(struct machine *machine) {
  uint64_t *gdt = (uint64_t *)(machine->memory + GDT);
  gdt[2] = 0x00af9b000000ffff;
  gdt[3] = 0x00cf93000000ffff;
  *(uint64_t *)(machine->memory + PML4) = PDPT | 3;
  *(uint64_t *)(machine->memory + PDPT) = PAGE_DIRECTORY | 3;
  for (uint64_t i = 0; i < 512; i++)
    ((uint64_t *)(machine->memory + PAGE_DIRECTORY))[i] = i << 21 | 0x83;
}

static void write_zero_page(struct machine *machine, const char *command_line) {
  if (strlen(command_line) >= COMMAND_LINE_MAX) fail("command line too long");
  strcpy((char *)machine->memory + COMMAND_LINE, command_line);
  uint8_t *page = machine->memory + ZERO_PAGE;
  *(uint32_t *)(page + ZERO_PAGE_COMMAND_LINE) = COMMAND_LINE;
  page[ZERO_PAGE_E820_COUNT] = 1;
  *(struct e820_entry *)(page + ZERO_PAGE_E820) =
      (struct e820_entry){0, machine->memory_size, E820_RAM};
}

static struct kvm_segment flat_segment(uint16_t selector, int is_code) {
  return (struct kvm_segment){
      .limit = 0xffffffff,
      .selector = selector,
      .type = is_code ? 0xb : 3,
      .present = 1,
      .s = 1,
      .g = 1,
      .l = (uint8_t)is_code,
      .db = (uint8_t)!is_code,
  };
}

void machine_boot(struct machine *machine, uint64_t entry, const char *command_line) {
  write_tables(machine);
  write_zero_page(machine, command_line);
  struct kvm_sregs sregs;
  if (ioctl(machine->vcpu, KVM_GET_SREGS, &sregs) < 0) fail("KVM_GET_SREGS");
  sregs.cs = flat_segment(0x10, 1);
  sregs.ds = sregs.es = sregs.fs = sregs.gs = sregs.ss = flat_segment(0x18, 0);
  sregs.gdt = (struct kvm_dtable){.base = GDT, .limit = 4 * 8 - 1};
  sregs.cr0 = CR0_PE_ET_PG;
  sregs.cr3 = PML4;
  sregs.cr4 = CR4_PAE;
  sregs.efer = EFER_LME_LMA;
  if (ioctl(machine->vcpu, KVM_SET_SREGS, &sregs) < 0) fail("KVM_SET_SREGS");
  struct kvm_regs regs = {.rip = entry, .rsi = ZERO_PAGE, .rsp = STACK, .rflags = 2};
  if (ioctl(machine->vcpu, KVM_SET_REGS, &regs) < 0) fail("KVM_SET_REGS");
}
