/** getrandom(2). */
import { bindNumeric } from './libc.ts';

/**
 * `ssize_t getrandom(address, sizeBytes, flags)`; negative with errno set on failure. Up to 256 bytes come whole; more
 * may be cut short by a signal.
 */
export const getRandom = bindNumeric('long getrandom(uintptr_t buffer, size_t count, uint flags)');
