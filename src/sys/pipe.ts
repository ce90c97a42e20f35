/** pipe(2). */
import { checkResult } from './errno.ts';
import { OwnedFd } from './fd.ts';
import { bindNumeric } from './libc.ts';
import { allocateNative } from './mmap.ts';

const pipe2 = bindNumeric('int pipe2(uintptr_t fds, int flags)');
const O_CLOEXEC = 0o2000000;
const fds = allocateNative(8);

/** The two ends of a pipe. */
export interface Pipe {
  readonly readEnd: OwnedFd;
  readonly writeEnd: OwnedFd;
}

/** A new pipe, blocking and close-on-exec. */
export function createPipe(): Pipe {
  checkResult(pipe2(fds.address, O_CLOEXEC), 'pipe2');
  return {
    readEnd: new OwnedFd(fds.view.getInt32(0, true)),
    writeEnd: new OwnedFd(fds.view.getInt32(4, true)),
  };
}
