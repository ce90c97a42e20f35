/**
 * Puts an ELF kernel into guest memory and finds where it starts.
 *
 * Segments go to their physical addresses, as in crosvm and Firecracker. The one exception are images linked at
 * address 0 (Linux's position-independent `arch/x86/boot/compressed/vmlinux`): those move to KERNEL_START.
 */
import { type GuestAddress, guestAddress } from '../base/brands.ts';
import { KERNEL_START, ONE_MIB } from '../memory/layout.ts';
import { type BootFile, bootFileError, loadPart } from './boot-file.ts';
import { type BootMemory, lowRamEnd } from './boot-memory.ts';
import type { ElfImage, ElfSegment } from './elf.ts';

/** How the processor enters a kernel: in long mode with a zero page, or in 32-bit mode with start info. */
export type EntryKind = 'linux64' | 'pvh32';

/** A kernel whose bytes are in guest memory. */
export interface PlacedKernel {
  readonly kind: EntryKind;
  readonly entry: GuestAddress;
  /** First address of the kernel. */
  readonly start: number;
  /** First address after what the kernel needs before it can read its memory map. */
  readonly end: number;
}

/** A segment at the address where it is loaded. */
interface PlacedSegment extends ElfSegment {
  readonly start: number;
  readonly end: number;
}

/**
 * Checks that every segment has RAM of its own, then loads them all.
 *
 * @throws ERR_KERNEL_SEGMENT_RANGE, ERR_KERNEL_SEGMENT_OVERLAP, ERR_KERNEL_ENTRY with nothing loaded;
 *   ERR_KERNEL_READ
 */
export function loadElf(file: BootFile, image: ElfImage, memory: BootMemory): PlacedKernel {
  const shift = isPositionIndependent(image) ? KERNEL_START : 0;
  const segments = image.segments
    .map((segment) => place(segment, shift))
    .sort((a, b) => a.start - b.start);
  checkRanges(file, segments, lowRamEnd(memory));
  const { kind, entry } = chooseEntry(file, image, segments, shift);
  for (const { fileOffset, fileBytes, start } of segments) {
    loadPart(file, { offset: fileOffset, sizeBytes: fileBytes, what: 'segment' }, memory, start);
  }
  const start = Math.min(...segments.map((segment) => segment.start));
  const end = Math.max(...segments.map((segment) => segment.end));
  return { kind, entry: guestAddress(entry), start, end };
}

/** True for Linux's decompressor, linked at 0; 32-bit PVH code never moves. */
function isPositionIndependent(image: ElfImage): boolean {
  const hasZero = image.segments.some((segment) => segment.physicalAddress === 0);
  return hasZero && image.pvhEntry === undefined;
}

function place(segment: ElfSegment, shift: number): PlacedSegment {
  const start = segment.physicalAddress + shift;
  return { ...segment, start, end: start + segment.memoryBytes };
}

function checkRanges(file: BootFile, segments: readonly PlacedSegment[], ramEnd: number): void {
  let previousEnd = ONE_MIB;
  for (const { start, end } of segments) {
    const range = `a segment at ${hex(start)} to ${hex(end)}`;
    if (start < ONE_MIB || !(end <= ramEnd)) {
      throw bootFileError(
        file,
        'ERR_KERNEL_SEGMENT_RANGE',
        `${range} is not within RAM from 1 MiB to ${hex(ramEnd)}`,
        'give the machine more memory (--mem) or a kernel that is linked for lower addresses',
      );
    }
    if (start < previousEnd) {
      const reason = `${range} overlaps another`;
      throw bootFileError(file, 'ERR_KERNEL_SEGMENT_OVERLAP', reason, 'give an undamaged file');
    }
    previousEnd = end;
  }
}

/**
 * An image whose ELF entry *is* its PVH entry has no 64-bit entry: that is how firmware is linked. A Linux kernel
 * has both, apart from each other, and starts faster in long mode.
 */
function chooseEntry(
  file: BootFile,
  image: ElfImage,
  segments: readonly PlacedSegment[],
  shift: number,
): { readonly kind: EntryKind; readonly entry: number } {
  const entry = physicalEntry(image.entry, segments, shift);
  const { pvhEntry } = image;
  if (pvhEntry !== undefined && (entry === undefined || entry === pvhEntry)) {
    if (segments.some((segment) => pvhEntry >= segment.start && pvhEntry < segment.end)) {
      return { kind: 'pvh32', entry: pvhEntry };
    }
  } else if (entry !== undefined) {
    return { kind: 'linux64', entry };
  }
  throw bootFileError(
    file,
    'ERR_KERNEL_ENTRY',
    `its entry point 0x${image.entry.toString(16)} lies in none of its segments`,
    'give an undamaged kernel, with a 64-bit Linux entry or a PVH note',
  );
}

/** The entry as a physical address: it is one already in Linux, other kernels give a virtual one. */
function physicalEntry(
  entry: bigint,
  segments: readonly PlacedSegment[],
  shift: number,
): number | undefined {
  const physical = Number(entry) + shift;
  if (segments.some((segment) => physical >= segment.start && physical < segment.end)) {
    return physical;
  }
  for (const segment of segments) {
    const offset = entry - segment.virtualAddress;
    if (offset >= 0n && offset < BigInt(segment.memoryBytes)) {
      return segment.start + Number(offset);
    }
  }
  return undefined;
}

function hex(value: number): string {
  return `0x${value.toString(16)}`;
}
