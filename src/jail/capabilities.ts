/** Capability sets as `/proc/PID/status` shows them (capabilities(7), proc(5)). */
import { readFileSync } from 'node:fs';

/** The five sets of a thread: bit n stands for capability n. */
export interface CapabilitySets {
  readonly inheritable: bigint;
  readonly permitted: bigint;
  readonly effective: bigint;
  readonly bounding: bigint;
  readonly ambient: bigint;
}

export const CAP_SETGID = 6;
export const CAP_SETUID = 7;

function setOf(status: string, field: string): bigint {
  const match = new RegExp(`^${field}:\\s*([0-9a-f]+)$`, 'm').exec(status);
  // A kernel without a set (ambient came with 4.3) has none in it.
  return BigInt(`0x${match?.[1] ?? '0'}`);
}

/** Reads the sets out of the text of `/proc/PID/status`. */
export function parseCapabilities(status: string): CapabilitySets {
  return {
    inheritable: setOf(status, 'CapInh'),
    permitted: setOf(status, 'CapPrm'),
    effective: setOf(status, 'CapEff'),
    bounding: setOf(status, 'CapBnd'),
    ambient: setOf(status, 'CapAmb'),
  };
}

/** True when a set has a capability. */
export function hasCapability(set: bigint, capability: number): boolean {
  return ((set >> BigInt(capability)) & 1n) === 1n;
}

/** The sets of the calling thread. */
export function ownCapabilities(): CapabilitySets {
  return parseCapabilities(readFileSync('/proc/thread-self/status', 'utf8'));
}
