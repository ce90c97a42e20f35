import { VmmError } from './errors.ts';

/** A condition that this program guarantees does not hold. */
export class AssertionError extends VmmError {}

/**
 * States what must hold if this program is right; never used on input.
 *
 * @throws ERR_ASSERT when it does not hold.
 */
export function assert(condition: boolean, message: string): asserts condition {
  if (!condition) {
    throw new AssertionError('ERR_ASSERT', `internal error: ${message}`);
  }
}

/** Closes a `switch` over a union: the compiler refuses it while a member is unhandled. */
export function assertNever(value: never): never {
  throw new AssertionError('ERR_ASSERT', `internal error: unhandled value ${String(value)}`);
}
