/** getrandom(2). */
import { checkResult } from './errno.ts';
import { bindNumeric } from './libc.ts';
import { allocateNative } from './mmap.ts';

/**
 * `ssize_t getrandom(address, sizeBytes, flags)`; negative with errno set on failure. Up to 256 bytes come whole; more
 * may be cut short by a signal.
 */
export const getRandom = bindNumeric('long getrandom(uintptr_t buffer, size_t count, uint flags)');

/**
 * Random bytes, at most 256. For the start of a machine: node:crypto is a large module to load for a few bytes.
 *
 * @throws ERR_SYSCALL
 */
export function randomBytes(sizeBytes: number): Uint8Array {
  const native = allocateNative(sizeBytes);
  checkResult(getRandom(native.address, sizeBytes, 0), 'getrandom');
  const bytes = new Uint8Array(native.view.buffer, native.view.byteOffset, sizeBytes);
  const copy = bytes.slice();
  bytes.fill(0);
  return copy;
}
