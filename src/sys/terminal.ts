/** Terminal modes (termios(3)) and what kind of file a descriptor is. */
import { constants, fstatSync, openSync } from 'node:fs';
import { isatty } from 'node:tty';
import { checkResult } from './errno.ts';
import { OwnedFd } from './fd.ts';
import { bindNumeric } from './libc.ts';
import { allocateNative } from './mmap.ts';

const tcgetattr = bindNumeric('int tcgetattr(int fd, uintptr_t termios)');
const tcsetattr = bindNumeric('int tcsetattr(int fd, int when, uintptr_t termios)');

/** glibc's `struct termios`: four flag words, the line discipline, 32 control characters, two speeds. */
const TERMIOS_BYTES = 60;
const IFLAG = 0;
const LFLAG = 12;
const CONTROL_CHARACTERS = 17;
const VTIME = 5;
const VMIN = 6;
const TCSANOW = 0;
/** BRKINT, ISTRIP, INLCR, IGNCR, ICRNL and IXON: bytes reach the guest as they were typed. */
const RAW_IFLAG_CLEAR = 0o2 | 0o40 | 0o100 | 0o200 | 0o400 | 0o2000;
/** ISIG, ICANON, ECHO and IEXTEN. Output processing stays: the host's own messages need it. */
const RAW_LFLAG_CLEAR = 0o1 | 0o2 | 0o10 | 0o100000;

const termios = allocateNative(TERMIOS_BYTES + 4);

/** Puts a terminal into raw input mode; disposing restores the mode that it had. */
export class RawTerminal implements Disposable {
  readonly #fd: number;
  readonly #saved: Uint8Array;
  #active = true;

  /** @param fd a terminal; borrowed, and it must stay open. */
  constructor(fd: number) {
    this.#fd = fd;
    checkResult(tcgetattr(fd, termios.address), 'tcgetattr');
    this.#saved = termios.bytes.slice(0, TERMIOS_BYTES);
    const { view, bytes } = termios;
    view.setUint32(IFLAG, view.getUint32(IFLAG, true) & ~RAW_IFLAG_CLEAR, true);
    view.setUint32(LFLAG, view.getUint32(LFLAG, true) & ~RAW_LFLAG_CLEAR, true);
    bytes[CONTROL_CHARACTERS + VTIME] = 0;
    bytes[CONTROL_CHARACTERS + VMIN] = 1;
    checkResult(tcsetattr(fd, TCSANOW, termios.address), 'tcsetattr');
  }

  [Symbol.dispose](): void {
    if (this.#active) {
      this.#active = false;
      termios.bytes.set(this.#saved);
      tcsetattr(this.#fd, TCSANOW, termios.address);
    }
  }
}

/** How output to a descriptor can be kept from blocking. */
export type FileKind = 'terminal' | 'pipe' | 'socket' | 'other';

export function fileKind(fd: number): FileKind {
  const stat = fstatSync(fd);
  if (isatty(fd)) {
    return 'terminal';
  }
  if (stat.isSocket()) {
    return 'socket';
  }
  return stat.isFIFO() ? 'pipe' : 'other';
}

/**
 * Opens the terminal or pipe behind a descriptor a second time, non-blocking. O_NONBLOCK on the original would also
 * change the shell that shares it.
 *
 * @returns undefined where the host does not allow it.
 */
export function reopenNonBlocking(fd: number): OwnedFd | undefined {
  try {
    const flags = constants.O_WRONLY | constants.O_NONBLOCK | constants.O_NOCTTY;
    return new OwnedFd(openSync(`/proc/self/fd/${fd}`, flags));
  } catch {
    return undefined;
  }
}

/** True when a descriptor number is open in this process. */
export function isOpenFd(fd: number): boolean {
  try {
    fstatSync(fd);
    return true;
  } catch {
    return false;
  }
}
