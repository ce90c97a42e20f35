/** Puts the initial RAM disk as high in low RAM as the kernel allows, out of the way of everything else. */
import { PAGE_SIZE } from '../memory/layout.ts';
import { type BootFile, bootFileError, loadPart } from './boot-file.ts';
import { type BootMemory, lowRamEnd } from './boot-memory.ts';

/** An initrd in guest memory. */
export interface PlacedInitrd {
  readonly start: number;
  readonly sizeBytes: number;
}

/** Where an initrd may go. */
export interface InitrdBounds {
  /** First address after the memory that the kernel takes. */
  readonly kernelEnd: number;
  /** Highest address that a byte of it may have (`initrd_addr_max`). */
  readonly addressMax: number;
}

/**
 * Loads an initrd to the highest page-aligned address that fits.
 *
 * @throws ERR_INITRD_EMPTY, ERR_INITRD_NO_ROOM with nothing loaded; ERR_INITRD_READ, ERR_INITRD_TRUNCATED
 */
export function loadInitrd(file: BootFile, memory: BootMemory, bounds: InitrdBounds): PlacedInitrd {
  const { sizeBytes } = file;
  if (sizeBytes === 0) {
    throw bootFileError(file, 'ERR_INITRD_EMPTY', 'it is empty', 'give an initrd or leave it out');
  }
  const end = Math.min(lowRamEnd(memory), bounds.addressMax + 1);
  const start = Math.floor((end - sizeBytes) / PAGE_SIZE) * PAGE_SIZE;
  if (start < bounds.kernelEnd) {
    throw bootFileError(
      file,
      'ERR_INITRD_NO_ROOM',
      `it has ${sizeBytes} bytes, but only ${Math.max(0, end - bounds.kernelEnd)} are free after the kernel`,
      'give the machine more memory (--mem) or a smaller initrd',
    );
  }
  loadPart(file, { offset: 0, sizeBytes, what: 'image' }, memory, start);
  return { start, sizeBytes };
}
