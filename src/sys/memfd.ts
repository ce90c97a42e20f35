/** Anonymous files that processes share by descriptor. */
import { checkResult } from './errno.ts';
import { OwnedFd } from './fd.ts';
import { bindNumeric } from './libc.ts';
import { allocateNative } from './mmap.ts';

const memfdCreate = bindNumeric('int memfd_create(uintptr_t name, unsigned int flags)');
const ftruncate = bindNumeric('int ftruncate64(int fd, int64_t length)');
const fcntl = bindNumeric('int fcntl(int fd, int command, long argument)');

const MFD_CLOEXEC = 1;
const MFD_ALLOW_SEALING = 2;
const F_ADD_SEALS = 1033;
const F_SEAL_SEAL = 1;
const F_SEAL_SHRINK = 2;
const F_SEAL_GROW = 4;

/**
 * A memfd of a fixed size: sealed, so that no process that maps it can shrink it under the others, which would turn
 * their next access into SIGBUS.
 *
 * @param name shown in /proc only; ASCII, at most 30 characters.
 */
export function createSealedMemfd(name: string, sizeBytes: number): OwnedFd {
  const text = allocateNative(32);
  text.bytes.set(new TextEncoder().encode(name.slice(0, 30)));
  const fd = new OwnedFd(
    checkResult(memfdCreate(text.address, MFD_CLOEXEC | MFD_ALLOW_SEALING), 'memfd_create'),
  );
  checkResult(ftruncate(fd.raw, sizeBytes), `ftruncate of a memfd to ${sizeBytes} bytes`);
  const seals = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW;
  checkResult(fcntl(fd.raw, F_ADD_SEALS, seals), 'fcntl(F_ADD_SEALS)');
  return fd;
}
