/**
 * The door to the C library. Only `src/sys/` binds functions of it.
 *
 * Addresses cross as numbers: user addresses are below 2^47, and koffi passes numbers an order of magnitude
 * faster than BigInts or Buffers.
 */
import koffi from 'koffi';

const library = koffi.load('libc.so.6');

/** A bound C function whose parameters and result are all numbers. */
export type NumericFunction = (...args: readonly number[]) => number;

/**
 * Binds a function of the C library whose parameters and result are numbers.
 *
 * @param prototype a C prototype, for example `int close(int fd)`.
 */
export function bindNumeric(prototype: string): NumericFunction {
  return library.func(prototype);
}

/** A bound C function that runs in a thread of libuv's pool and reports to a callback in this thread. */
export type AsyncNumericFunction = (
  ...args: readonly [...number[], (error: Error | null, result: number) => void]
) => void;

/** As {@link bindNumeric}, off this thread. `errno` is not available from such a call. */
export function bindNumericAsync(prototype: string): AsyncNumericFunction {
  return library.func(prototype).async;
}

/** `errno` of the last call that this thread made through koffi. */
export function lastErrno(): number {
  return koffi.errno();
}

/**
 * A view of memory of this process that koffi does not own.
 *
 * @param address start, in bytes.
 * @param sizeBytes at most 2 GiB, so that offsets stay small integers.
 * The memory must stay mapped for as long as any view of it may be used; the project never unmaps such memory.
 */
export function viewMemory(address: number, sizeBytes: number): ArrayBuffer {
  return koffi.view(address, sizeBytes);
}
