/** Ending this process, and signalling others. */
import { checkResult } from './errno.ts';
import { bindNumeric } from './libc.ts';

const exitImmediately = bindNumeric('int _exit(int status)');
const setHandler = bindNumeric('intptr_t signal(int number, uintptr_t handler)');
const SIG_IGN = 1;

/**
 * Ends the process at once, without waiting for threads: a worker that sits in KVM_RUN never returns to JavaScript
 * to be joined. Everything that must not be left behind has to be gone by now.
 */
export function exitNow(status: number): never {
  exitImmediately(status);
  // Unreachable; the type checker cannot know.
  process.exit(status);
}

/** Makes the kernel drop these signals, by number, for the whole process. Node must not be told of them as well. */
export function ignoreSignals(...numbers: readonly number[]): void {
  for (const number of numbers) {
    checkResult(setHandler(number, SIG_IGN), 'signal');
  }
}
