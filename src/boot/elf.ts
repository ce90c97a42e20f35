/**
 * ELF64 kernels: headers, loadable segments and notes, parsed and checked; nothing is loaded here.
 *
 * A value of type {@link ElfImage} satisfies: at least one segment, every segment's bytes lie in the file and fit
 * its memory, and the notes were walked to their end. Whether a segment lands in RAM is elf-load.ts's to check.
 *
 * Spec: System V ABI, chapters 4 and 5.
 */
import { type BootFile, bootFileError, readPart } from './boot-file.ts';
import { LeReader } from './le-reader.ts';
import { findPvhEntry } from './pvh-note.ts';

/** A PT_LOAD segment. */
export interface ElfSegment {
  readonly fileOffset: number;
  /** Bytes that come from the file. */
  readonly fileBytes: number;
  /** Where the linker wants it in physical memory (`p_paddr`). */
  readonly physicalAddress: number;
  readonly virtualAddress: bigint;
  /** Bytes in memory, at least `fileBytes`; the rest is zero. */
  readonly memoryBytes: number;
}

/** The checked headers of an ELF64 kernel. */
export interface ElfImage {
  /** `e_entry`: a physical address in Linux, a virtual one in some other kernels. */
  readonly entry: bigint;
  readonly segments: readonly ElfSegment[];
  /** Physical address of the 32-bit PVH entry, where a Xen note gives one. */
  readonly pvhEntry: number | undefined;
}

const ELF_HEADER_BYTES = 64;
const PROGRAM_HEADER_BYTES = 56;
/** Linux has 5 program headers; more than this is not a kernel. */
const PROGRAM_HEADERS_MAX = 64;

const ELFCLASS64 = 2;
const ELFDATA2LSB = 1;
const EV_CURRENT = 1;
const ET_EXEC = 2;
const ET_DYN = 3;
const EM_X86_64 = 62;
const PT_LOAD = 1;
const PT_NOTE = 4;

/** Offsets in `Elf64_Ehdr`. */
const EHDR = {
  class: 4,
  data: 5,
  identVersion: 6,
  type: 16,
  machine: 18,
  entry: 24,
  phoff: 32,
  phentsize: 54,
  phnum: 56,
} as const;

/** Offsets in `Elf64_Phdr`. */
const PHDR = {
  type: 0,
  offset: 8,
  vaddr: 16,
  paddr: 24,
  filesz: 32,
  memsz: 40,
  align: 48,
} as const;

const WANTED = 'give an x86-64 ELF vmlinux or a bzImage';

/**
 * Reads and checks the headers of an ELF kernel.
 *
 * @param file begins with the ELF magic.
 * @throws ERR_KERNEL_TRUNCATED, ERR_KERNEL_ELF_CLASS, ERR_KERNEL_ELF_ENDIAN, ERR_KERNEL_ELF_MACHINE,
 *   ERR_KERNEL_ELF_TYPE, ERR_KERNEL_ELF_HEADER, ERR_KERNEL_ELF_SEGMENTS, ERR_KERNEL_SEGMENT_SIZE,
 *   ERR_KERNEL_ELF_NOTE
 */
export function parseElf(file: BootFile): ElfImage {
  const header = new LeReader(readPart(file, 0, ELF_HEADER_BYTES, 'ELF header'));
  checkIdentity(file, header);
  const segments: ElfSegment[] = [];
  let pvhEntry: number | undefined;
  for (const programHeader of programHeaders(file, header)) {
    const type = programHeader.u32(PHDR.type);
    if (type === PT_LOAD && programHeader.u64(PHDR.memsz) !== 0) {
      segments.push(parseSegment(file, programHeader));
    } else if (type === PT_NOTE) {
      pvhEntry ??= findPvhEntry(file, {
        offset: programHeader.u64(PHDR.offset),
        sizeBytes: programHeader.u64(PHDR.filesz),
        align: programHeader.u64(PHDR.align),
      });
    }
  }
  if (segments.length === 0) {
    throw bootFileError(file, 'ERR_KERNEL_ELF_SEGMENTS', 'it has nothing to load', WANTED);
  }
  return { entry: header.u64Exact(EHDR.entry), segments, pvhEntry };
}

function checkIdentity(file: BootFile, header: LeReader): void {
  if (header.u8(EHDR.class) !== ELFCLASS64) {
    throw bootFileError(file, 'ERR_KERNEL_ELF_CLASS', 'it is not a 64-bit ELF file', WANTED);
  }
  if (header.u8(EHDR.data) !== ELFDATA2LSB) {
    throw bootFileError(
      file,
      'ERR_KERNEL_ELF_ENDIAN',
      'it is not a little-endian ELF file',
      WANTED,
    );
  }
  const machine = header.u16(EHDR.machine);
  if (machine !== EM_X86_64) {
    const reason = `it is for ELF machine ${machine}, not ${EM_X86_64} (x86-64)`;
    throw bootFileError(file, 'ERR_KERNEL_ELF_MACHINE', reason, WANTED);
  }
  const type = header.u16(EHDR.type);
  if (type !== ET_EXEC && type !== ET_DYN) {
    const reason = `it is an ELF file of type ${type}, not an executable`;
    throw bootFileError(file, 'ERR_KERNEL_ELF_TYPE', reason, WANTED);
  }
  if (header.u8(EHDR.identVersion) !== EV_CURRENT) {
    throw bootFileError(file, 'ERR_KERNEL_ELF_HEADER', 'its ELF version is not 1', WANTED);
  }
}

function programHeaders(file: BootFile, header: LeReader): LeReader[] {
  const offset = header.u64(EHDR.phoff);
  const count = header.u16(EHDR.phnum);
  const entryBytes = header.u16(EHDR.phentsize);
  if (count === 0 || count > PROGRAM_HEADERS_MAX) {
    const reason = `it has ${count} program headers, not 1 to ${PROGRAM_HEADERS_MAX}`;
    throw bootFileError(file, 'ERR_KERNEL_ELF_SEGMENTS', reason, WANTED);
  }
  if (entryBytes !== PROGRAM_HEADER_BYTES || offset < ELF_HEADER_BYTES) {
    const reason = `its program headers are ${entryBytes} bytes long at offset ${offset}`;
    const remedy = `they must be ${PROGRAM_HEADER_BYTES} bytes long, after the ELF header`;
    throw bootFileError(file, 'ERR_KERNEL_ELF_HEADER', reason, remedy);
  }
  const table = readPart(file, offset, count * PROGRAM_HEADER_BYTES, 'program headers');
  return Array.from({ length: count }, (_, index) => {
    const start = index * PROGRAM_HEADER_BYTES;
    return new LeReader(table.subarray(start, start + PROGRAM_HEADER_BYTES));
  });
}

function parseSegment(file: BootFile, programHeader: LeReader): ElfSegment {
  const segment: ElfSegment = {
    fileOffset: programHeader.u64(PHDR.offset),
    fileBytes: programHeader.u64(PHDR.filesz),
    physicalAddress: programHeader.u64(PHDR.paddr),
    virtualAddress: programHeader.u64Exact(PHDR.vaddr),
    memoryBytes: programHeader.u64(PHDR.memsz),
  };
  if (segment.fileBytes > segment.memoryBytes) {
    const reason = `a segment has ${segment.fileBytes} bytes in the file but room for ${segment.memoryBytes}`;
    throw bootFileError(file, 'ERR_KERNEL_SEGMENT_SIZE', reason, 'give an undamaged file');
  }
  if (!(segment.fileOffset + segment.fileBytes <= file.sizeBytes)) {
    const reason = `it has ${file.sizeBytes} bytes, but a segment would end at ${segment.fileOffset + segment.fileBytes}`;
    throw bootFileError(file, 'ERR_KERNEL_TRUNCATED', reason, 'give the whole file');
  }
  return segment;
}
