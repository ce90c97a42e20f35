/**
 * Runs in a jail in a device's place and does what a device that was taken over would: any system call that it is told
 * to make. It confines itself as a device process does, if it is sent a seccomp program.
 */
import { bindNumeric, lastErrno } from '../../src/sys/libc.ts';
import { allocateNative } from '../../src/sys/mmap.ts';
import { recvWithFds, seccompLoad, sendWithFds } from '../../src/sys/native.ts';

/** One message to the probe; `program` comes first, and may be empty. */
export interface SyscallOrder {
  readonly number: number;
  /** A string stands for the address of a NUL-terminated copy, bytes for that of themselves. */
  readonly args: readonly (number | string | readonly number[])[];
}

/** What became of an order. */
export interface SyscallOutcome {
  readonly result: number;
  readonly errno: number;
}

const CHANNEL = 3;
const syscall = bindNumeric(
  'long syscall(long number, long a, long b, long c, long d, long e, long f)',
);
const buffer = new Uint8Array(65536);

function receive(): Uint8Array {
  const received = recvWithFds(CHANNEL, buffer, 0);
  if (received === undefined || received.bytes === 0) {
    process.exit(0);
  }
  return buffer.slice(0, received.bytes);
}

function addressOf(bytes: Uint8Array): number {
  const memory = allocateNative(bytes.length + 1);
  memory.bytes.set(bytes);
  return memory.address;
}

function valueOf(argument: number | string | readonly number[]): number {
  if (typeof argument === 'number') {
    return argument;
  }
  const bytes =
    typeof argument === 'string' ? new TextEncoder().encode(argument) : Uint8Array.from(argument);
  return addressOf(bytes);
}

function obey({ number, args }: SyscallOrder): SyscallOutcome {
  const values = Array.from({ length: 6 }, (_, index) => valueOf(args[index] ?? 0));
  const result = syscall(number, ...values);
  return { result, errno: result < 0 ? lastErrno() : 0 };
}

function reply(value: unknown, fds: readonly number[] = []): void {
  sendWithFds(CHANNEL, new TextEncoder().encode(JSON.stringify(value)), fds);
}

const program = receive();
// One byte stands for "no program": an empty message would read as the end.
if (program.length > 1) {
  reply({ confined: true }, [seccompLoad(program, { newListener: true })]);
} else {
  reply({ confined: false });
}
for (;;) {
  // CAST: sent by the test that started this process.
  reply(obey(JSON.parse(new TextDecoder().decode(receive())) as SyscallOrder));
}
