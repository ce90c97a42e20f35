/**
 * The memory map that the guest is told, in the BIOS's e820 form; the PVH memory map has the same types.
 *
 * Reserved are what lies between 640 KiB and 1 MiB (firmware tables), PCI configuration space, which Linux uses
 * only where the map reserves it, and the pages in the hole that KVM keeps for itself.
 */
import {
  ECAM_SIZE,
  ECAM_START,
  IDENTITY_MAP_ADDRESS,
  LOW_RAM_END,
  ONE_MIB,
  PAGE_SIZE,
  TSS_ADDRESS,
} from '../memory/layout.ts';
import type { BootMemory } from './boot-memory.ts';

export const E820_RAM = 1;
export const E820_RESERVED = 2;

/** A range of guest-physical memory and what it is. */
export interface E820Entry {
  readonly start: number;
  readonly sizeBytes: number;
  readonly type: typeof E820_RAM | typeof E820_RESERVED;
}

/** KVM's task state segment takes three pages. */
const TSS_PAGES = 3;

const RESERVED: readonly E820Entry[] = [
  { start: ECAM_START, sizeBytes: ECAM_SIZE, type: E820_RESERVED },
  {
    start: IDENTITY_MAP_ADDRESS,
    sizeBytes: TSS_ADDRESS + TSS_PAGES * PAGE_SIZE - IDENTITY_MAP_ADDRESS,
    type: E820_RESERVED,
  },
];

/** The map of a machine with this RAM, by rising address, without overlaps. */
export function e820Map(memory: Pick<BootMemory, 'regions'>): readonly E820Entry[] {
  const ram = memory.regions.flatMap((region) =>
    splitAtFirmware(region.start, region.start + region.sizeBytes),
  );
  return [...ram, ...RESERVED].sort((a, b) => a.start - b.start);
}

/** RAM behind the firmware tables exists, so that they can be written, but is not the guest's to use. */
function splitAtFirmware(start: number, end: number): E820Entry[] {
  return [
    range(start, Math.min(end, LOW_RAM_END), E820_RAM),
    range(Math.max(start, LOW_RAM_END), Math.min(end, ONE_MIB), E820_RESERVED),
    range(Math.max(start, ONE_MIB), end, E820_RAM),
  ].filter((entry) => entry.sizeBytes > 0);
}

function range(start: number, end: number, type: E820Entry['type']): E820Entry {
  return { start, sizeBytes: end - start, type };
}
