/*
 * What the guest's exits cost when a C program answers them: the reference for our exit round trip
 * and start.
 *
 *     kvm_reference direct|pipe GUEST COMMAND_LINE
 *
 * direct: the vCPU thread answers by itself; nothing is cheaper on this host.
 * pipe:   a second thread answers over a pair of pipes with frames as large as those of
 * src/ipc/exit-frame.ts; the difference to `direct` is what crossing between threads costs. In
 * both, what the guest writes to COM1 goes to standard output from the vCPU thread.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "machine.h"

#define MEMORY_SIZE (256u << 20)
#define COM1 0x3f8
#define I8042_COMMAND 0x64
#define I8042_PULSE_RESET 0xfe
#define REQUEST_SIZE 24
#define REPLY_SIZE 16

struct request {
  uint8_t kind, size;
  uint16_t vcpu;
  uint32_t reserved;
  uint64_t address, value;
};

struct reply {
  uint32_t reserved[1], low, high, reserved_end;
};

_Static_assert(sizeof(struct request) == REQUEST_SIZE, "request frame");
_Static_assert(sizeof(struct reply) == REPLY_SIZE, "reply frame");

static int to_machine[2], to_vcpu[2];

/* What an unimplemented port reads. */
static uint32_t answer(const struct request *request) {
  return request->address == I8042_COMMAND ? 0 : 0xff;
}

static void *machine_thread(void *argument) {
  struct request request;
  while (read(to_machine[0], &request, sizeof request) == sizeof request) {
    struct reply reply = {.low = answer(&request)};
    if (write(to_vcpu[1], &reply, sizeof reply) != sizeof reply) fail("write of a reply");
  }
  return argument;
}

static uint32_t answer_over_pipes(const struct request *request) {
  struct reply reply;
  if (write(to_machine[1], request, sizeof *request) != sizeof *request) fail("write of a request");
  if (read(to_vcpu[0], &reply, sizeof reply) != sizeof reply) fail("read of a reply");
  return reply.low;
}

/* False when the guest has ended. */
static bool handle_port(struct kvm_run *run, bool over_pipes) {
  uint8_t *data = (uint8_t *)run + run->io.data_offset;
  bool is_write = run->io.direction == KVM_EXIT_IO_OUT;
  if (is_write && run->io.port == COM1) return write(STDOUT_FILENO, data, 1) == 1;
  if (is_write && run->io.port == I8042_COMMAND && *data == I8042_PULSE_RESET) return false;
  struct request request = {
      .kind = is_write ? 2 : 1, .size = run->io.size, .address = run->io.port};
  if (is_write) memcpy(&request.value, data, run->io.size);
  uint32_t value = over_pipes ? answer_over_pipes(&request) : answer(&request);
  if (!is_write) memcpy(data, &value, run->io.size);
  return true;
}

static void handle_mmio(struct kvm_run *run, bool over_pipes) {
  struct request request = {
      .kind = 3, .size = (uint8_t)run->mmio.len, .address = run->mmio.phys_addr};
  uint32_t value = over_pipes ? answer_over_pipes(&request) : answer(&request);
  if (!run->mmio.is_write) memcpy(run->mmio.data, &value, run->mmio.len < 4 ? run->mmio.len : 4);
}

static void run_guest(struct machine *machine, bool over_pipes) {
  for (;;) {
    if (ioctl(machine->vcpu, KVM_RUN, 0) < 0) {
      if (errno == EINTR) continue;
      fail("KVM_RUN");
    }
    switch (machine->run->exit_reason) {
      case KVM_EXIT_IO:
        if (!handle_port(machine->run, over_pipes)) return;
        break;
      case KVM_EXIT_MMIO:
        handle_mmio(machine->run, over_pipes);
        break;
      case KVM_EXIT_SHUTDOWN:
        return;
      default:
        fprintf(stderr, "exit reason %u\n", machine->run->exit_reason);
        fail("KVM_RUN");
    }
  }
}

int main(int argc, char **argv) {
  if (argc != 4 || (strcmp(argv[1], "direct") && strcmp(argv[1], "pipe"))) {
    fprintf(stderr, "usage: %s direct|pipe GUEST COMMAND_LINE\n", argv[0]);
    return 2;
  }
  bool over_pipes = strcmp(argv[1], "pipe") == 0;
  pthread_t thread;
  if (pipe2(to_machine, O_CLOEXEC) < 0 || pipe2(to_vcpu, O_CLOEXEC) < 0) fail("pipe2");
  if (over_pipes && pthread_create(&thread, NULL, machine_thread, NULL)) fail("pthread_create");
  struct machine machine;
  machine_create(&machine, MEMORY_SIZE);
  machine_boot(&machine, machine_load(&machine, argv[2]), argv[3]);
  run_guest(&machine, over_pipes);
  return 0;
}
