/** ioctl(2), and the encoding of its request numbers (asm-generic/ioctl.h). */
import { bindNumeric } from './libc.ts';

/** `int ioctl(fd, request, argument)`; the argument is a number or an address. Negative on failure, errno set. */
export const ioctl = bindNumeric('int ioctl(int fd, unsigned long request, uintptr_t argument)');

const WRITE = 1;
const READ = 2;

function encode(direction: number, type: number, number: number, sizeBytes: number): number {
  // Unsigned arithmetic: a request with the read bit set is above 2^31.
  return direction * 2 ** 30 + sizeBytes * 2 ** 16 + type * 2 ** 8 + number;
}

/** A request without an argument structure. */
export function io(type: number, number: number): number {
  return encode(0, type, number, 0);
}
/** A request that fills in a structure. */
export function ior(type: number, number: number, sizeBytes: number): number {
  return encode(READ, type, number, sizeBytes);
}
/** A request that takes a structure. */
export function iow(type: number, number: number, sizeBytes: number): number {
  return encode(WRITE, type, number, sizeBytes);
}
/** A request that takes a structure and fills it in. */
export function iowr(type: number, number: number, sizeBytes: number): number {
  return encode(READ | WRITE, type, number, sizeBytes);
}
