/**
 * The ELF note by which a kernel offers a 32-bit entry point of the Xen PVH boot protocol.
 *
 * ```
 * offset  width   field of Elf64_Nhdr
 *      0      4   namesz, the NUL included
 *      4      4   descsz
 *      8      4   type
 *     12          name, padded to the alignment; then the descriptor, padded likewise
 * ```
 *
 * Spec: System V ABI, "Note Section"; Xen `elfnote.h`.
 */
import { type BootFile, bootFileError, readPart } from './boot-file.ts';
import { LeReader } from './le-reader.ts';

/** Where a PT_NOTE segment lies in the file, as its program header says. */
export interface NoteSegment {
  readonly offset: number;
  readonly sizeBytes: number;
  readonly align: number;
}

const NOTE_HEADER_BYTES = 12;
/** Linux has half a kilobyte of notes. */
const NOTES_MAX_BYTES = 64 * 1024;
const XEN_ELFNOTE_PHYS32_ENTRY = 18;
const XEN_NAME = 'Xen\0';

/**
 * Looks for `XEN_ELFNOTE_PHYS32_ENTRY`.
 *
 * @returns the entry's physical address, below 4 GiB, or undefined without such a note.
 * @throws ERR_KERNEL_TRUNCATED, ERR_KERNEL_ELF_NOTE
 */
export function findPvhEntry(file: BootFile, segment: NoteSegment): number | undefined {
  if (segment.sizeBytes > NOTES_MAX_BYTES) {
    throw noteError(file, `has ${segment.sizeBytes} bytes, more than ${NOTES_MAX_BYTES}`);
  }
  const bytes = readPart(file, segment.offset, segment.sizeBytes, 'notes');
  const reader = new LeReader(bytes);
  const align = segment.align === 8 ? 8 : 4;
  // Ends: every turn moves on by a header at least.
  for (let offset = 0; offset + NOTE_HEADER_BYTES <= bytes.length; ) {
    const nameBytes = reader.u32(offset);
    const descriptorBytes = reader.u32(offset + 4);
    const name = offset + NOTE_HEADER_BYTES;
    const descriptor = alignUp(name + nameBytes, align);
    if (descriptor + descriptorBytes > bytes.length) {
      throw noteError(file, 'holds a note that runs past its end');
    }
    const owner = Buffer.from(bytes.subarray(name, name + nameBytes)).toString('latin1');
    if (owner === XEN_NAME && reader.u32(offset + 8) === XEN_ELFNOTE_PHYS32_ENTRY) {
      return readEntry(file, reader, descriptor, descriptorBytes);
    }
    offset = alignUp(descriptor + descriptorBytes, align);
  }
  return undefined;
}

function readEntry(file: BootFile, reader: LeReader, offset: number, sizeBytes: number): number {
  if (sizeBytes !== 4 && sizeBytes !== 8) {
    throw noteError(file, `holds a PVH entry of ${sizeBytes} bytes, not 4 or 8`);
  }
  const entry = sizeBytes === 4 ? reader.u32(offset) : reader.u64(offset);
  if (entry >= 2 ** 32) {
    throw noteError(file, `holds the PVH entry 0x${entry.toString(16)}, not one below 4 GiB`);
  }
  return entry;
}

function noteError(file: BootFile, reason: string) {
  return bootFileError(
    file,
    'ERR_KERNEL_ELF_NOTE',
    `its note segment ${reason}`,
    'give an undamaged file',
  );
}

function alignUp(value: number, align: number): number {
  return Math.ceil(value / align) * align;
}
