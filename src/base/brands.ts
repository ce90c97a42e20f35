/**
 * Integers that must not be mixed up, told apart by the type checker at no cost at run time.
 *
 * Guest and host addresses are numbers: guest-physical addresses have at most 52 bits and user addresses 47, and
 * a double is exact to 53. Never apply `<<`, `&` or `| 0` to them: those truncate to 32 bits.
 */
import { assert } from './assert.ts';

declare const brand: unique symbol;
type Brand<Name extends string> = number & { readonly [brand]: Name };

/** Guest-physical address (GPA), in bytes. */
export type GuestAddress = Brand<'GuestAddress'>;
/** Address in this process (HVA), in bytes. */
export type HostAddress = Brand<'HostAddress'>;
/** Global system interrupt: an input of the interrupt controllers or of the MSI routing table. */
export type Gsi = Brand<'Gsi'>;
/** File descriptor number whose owner is somebody else. */
export type RawFd = Brand<'RawFd'>;

const GUEST_ADDRESS_LIMIT = 2 ** 52;
const HOST_ADDRESS_LIMIT = 2 ** 47;
const GSI_LIMIT = 4096;

function isIndexBelow(value: number, limit: number): boolean {
  return Number.isInteger(value) && value >= 0 && value < limit;
}

/** Makes a guest-physical address of a number that is known to be one. */
export function guestAddress(value: number): GuestAddress {
  assert(isIndexBelow(value, GUEST_ADDRESS_LIMIT), `${value} is not a guest-physical address`);
  // CAST: checked above.
  return value as GuestAddress;
}

/** Makes a host address of a number that is known to be one. */
export function hostAddress(value: number): HostAddress {
  assert(isIndexBelow(value, HOST_ADDRESS_LIMIT), `${value} is not a user-space address`);
  // CAST: checked above.
  return value as HostAddress;
}

/** Makes a GSI of a number that is known to be one. */
export function gsi(value: number): Gsi {
  assert(isIndexBelow(value, GSI_LIMIT), `${value} is not a GSI`);
  // CAST: checked above.
  return value as Gsi;
}

/** Makes a descriptor number of a number that is known to be one. */
export function rawFd(value: number): RawFd {
  assert(isIndexBelow(value, 2 ** 31), `${value} is not a file descriptor`);
  // CAST: checked above.
  return value as RawFd;
}
