/**
 * Translates a guest-virtual address by the guest's own page tables, for reports on a guest that has stopped
 * (Intel SDM vol. 3 chapter 4).
 *
 * Ignores permissions. The tables are the guest's: the walk takes at most five steps whatever they hold.
 */
import type { KvmSregs } from '../hypervisor/structs.ts';

/** Reads `sizeBytes` (4 or 8) of guest-physical memory as a number; undefined where there is no RAM. */
export type PhysicalReader = (gpa: bigint, sizeBytes: 4 | 8) => bigint | undefined;

const CR0_PG = 1n << 31n;
const CR4_PSE = 1n << 4n;
const CR4_PAE = 1n << 5n;
const CR4_LA57 = 1n << 12n;
const EFER_LMA = 1n << 10n;
const PRESENT = 1n;
const LARGE = 1n << 7n;
/** Address bits of an entry: 51 to 12. */
const ADDRESS_MASK = 0xf_ffff_ffff_f000n;

interface Level {
  /** Lowest bit of the address that indexes this level. */
  readonly shift: bigint;
  readonly indexBits: bigint;
  readonly mayBeLarge: boolean;
}

interface Paging {
  readonly entryBytes: 4 | 8;
  readonly root: bigint;
  readonly levels: readonly Level[];
}

type ControlRegisters = Pick<KvmSregs, 'cr0' | 'cr3' | 'cr4' | 'efer'>;

function pagingOf({ cr3, cr4, efer }: ControlRegisters): Paging {
  const level = (shift: bigint, indexBits: bigint, mayBeLarge: boolean) => {
    return { shift, indexBits, mayBeLarge };
  };
  const lower = [level(21n, 9n, true), level(12n, 9n, false)];
  if ((efer & EFER_LMA) !== 0n) {
    const top = (cr4 & CR4_LA57) === 0n ? [] : [level(48n, 9n, false)];
    const levels = [...top, level(39n, 9n, false), level(30n, 9n, true), ...lower];
    return { entryBytes: 8, root: cr3 & ADDRESS_MASK, levels };
  }
  if ((cr4 & CR4_PAE) !== 0n) {
    return {
      entryBytes: 8,
      root: cr3 & 0xffff_ffe0n,
      levels: [level(30n, 2n, false), ...lower],
    };
  }
  const large = (cr4 & CR4_PSE) !== 0n;
  const levels = [level(22n, 10n, large), level(12n, 10n, false)];
  return { entryBytes: 4, root: cr3 & 0xffff_f000n, levels };
}

/**
 * Guest-physical address of a guest-virtual one; undefined where it is not mapped.
 *
 * @param linear guest-virtual address, segment base included.
 */
export function walkPageTables(
  registers: ControlRegisters,
  linear: bigint,
  read: PhysicalReader,
): bigint | undefined {
  if ((registers.cr0 & CR0_PG) === 0n) {
    return linear;
  }
  const paging = pagingOf(registers);
  let table = paging.root;
  for (const { shift, indexBits, mayBeLarge } of paging.levels) {
    const index = (linear >> shift) & ((1n << indexBits) - 1n);
    const entry = read(table + index * BigInt(paging.entryBytes), paging.entryBytes);
    if (entry === undefined || (entry & PRESENT) === 0n) {
      return undefined;
    }
    table = entry & ADDRESS_MASK;
    if (shift === 12n || (mayBeLarge && (entry & LARGE) !== 0n)) {
      const offsetMask = (1n << shift) - 1n;
      return (table & ~offsetMask) | (linear & offsetMask);
    }
  }
  return undefined;
}
