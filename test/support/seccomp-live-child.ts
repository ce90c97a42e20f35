/**
 * A process that puts itself under a seccomp program, makes system calls, and tells the errno of each: for
 * test/jail/seccomp-live.test.ts. Input and output are JSON on standard input and output.
 *
 * Everything is loaded, parsed and tried before the program is installed; afterwards it only calls, and writes once.
 */
import { readFileSync, writeSync } from 'node:fs';
import koffi from 'koffi';
import { seccompLoad } from '../../src/sys/native.ts';

/** What the child is to do. Numbers of 64 bits are hexadecimal. */
export interface LiveOrder {
  /** The program in base64. */
  readonly program: string;
  readonly calls: readonly (readonly [number: number, ...args: readonly string[]])[];
}

const GETPPID = 110;
const EXIT_GROUP = 231;
// 64-bit arguments: a number would lose the upper bits that filters are tried with.
const call = koffi
  .load('libc.so.6')
  .func(
    'int64 syscall(int64 number, uint64 a, uint64 b, uint64 c, uint64 d, uint64 e, uint64 f)',
  ) as (...args: readonly (number | bigint)[]) => number | bigint; // CAST: koffi types no functions.

// CAST: the test writes it.
const order = JSON.parse(readFileSync(0, 'utf8')) as LiveOrder;
const program = Buffer.from(order.program, 'base64');
const calls = order.calls.map(([number, ...args]) => [number, ...args.map(BigInt)]);
const errnos = new Int32Array(calls.length);

function callAll(list: readonly (readonly (number | bigint)[])[]): void {
  list.forEach((args, index) => {
    errnos[index] = Number(call(...args)) === -1 ? koffi.errno() : 0;
  });
}

// Warmed up, so that nothing has to be loaded or compiled for the first time under the filter.
callAll(
  Array.from({ length: Math.min(50, calls.length) }, () => [GETPPID, 0n, 0n, 0n, 0n, 0n, 0n]),
);
errnos.fill(0);
JSON.stringify([...errnos]);
seccompLoad(program, { newListener: false });
callAll(calls);
writeSync(1, JSON.stringify([...errnos]));
// Node's own way out asks for more than a device's policy allows.
call(EXIT_GROUP, 0n, 0n, 0n, 0n, 0n, 0n);
