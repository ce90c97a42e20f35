/**
 * bzImage kernels: the setup header, checked, and the protected-mode part, loaded for its 64-bit entry.
 *
 * The real-mode part is never run. A value of type {@link BzImage} satisfies the header's own rules and lies in
 * the file; whether it fits guest RAM is checked by {@link loadBzImage}.
 *
 * Spec: Linux Documentation/arch/x86/boot.rst, protocol 2.12 and later.
 */
import { guestAddress } from '../base/brands.ts';
import { KERNEL_START, MIB, ONE_MIB } from '../memory/layout.ts';
import { type BootFile, bootFileError, loadPart, readPart } from './boot-file.ts';
import { type BootMemory, lowRamEnd } from './boot-memory.ts';
import { BOOT_PARAMS, SETUP_HEADER_END_MAX } from './boot-params-layout.ts';
import type { PlacedKernel } from './elf-load.ts';
import { LeReader } from './le-reader.ts';

/** The checked header of a bzImage. */
export interface BzImage {
  /** The file's setup header, to be copied to offset 0x1f1 of the zero page. */
  readonly setupHeader: Uint8Array;
  /** Where the protected-mode part lies in the file. */
  readonly payloadOffset: number;
  readonly payloadBytes: number;
  /** Where it is loaded. */
  readonly loadAddress: number;
  /** First address after the memory that it needs before it can read the memory map. */
  readonly memoryEnd: number;
  /** Highest address that an initrd may occupy. */
  readonly initrdAddressMax: number;
  /** Longest command line in bytes, without the NUL. */
  readonly cmdlineMaxBytes: number;
}

const SECTOR_BYTES = 512;
/** A header that gives no number of setup sectors has four. */
const SETUP_SECTORS_DEFAULT = 4;
/** First protocol version with `xloadflags`, which tell of the 64-bit entry. */
const VERSION_MIN = 0x020c;
const LOADED_HIGH = 1;
const XLF_KERNEL_64 = 1;
/** The 64-bit entry lies this far into the protected-mode part. */
const ENTRY_64_OFFSET = 0x200;
/** `cmdline_size` of a kernel that gives none. */
const CMDLINE_MAX_BYTES_DEFAULT = 255;
/** `initrd_addr_max` of a kernel that gives none. */
export const INITRD_ADDRESS_MAX_DEFAULT = 0x37ff_ffff;

const WANTED = 'give an x86-64 bzImage of Linux 3.8 or later, or its vmlinux';

/**
 * Reads and checks the setup header.
 *
 * @throws ERR_KERNEL_TRUNCATED, ERR_KERNEL_BZIMAGE_VERSION, ERR_KERNEL_BZIMAGE_32BIT, ERR_KERNEL_BZIMAGE_HEADER,
 *   ERR_KERNEL_BZIMAGE_SIZE
 */
export function parseBzImage(file: BootFile): BzImage {
  const header = readHeader(file);
  const reader = new LeReader(header);
  checkProtocol(file, reader);
  const setupSectors = reader.u8(BOOT_PARAMS.setupSects) || SETUP_SECTORS_DEFAULT;
  const payloadOffset = (setupSectors + 1) * SECTOR_BYTES;
  const payloadBytes = reader.u32(BOOT_PARAMS.syssize) * 16;
  if (payloadBytes <= ENTRY_64_OFFSET || payloadOffset + payloadBytes > file.sizeBytes) {
    const reason = `its header states ${payloadBytes} bytes of kernel at offset ${payloadOffset}, but it has ${file.sizeBytes} bytes`;
    throw bootFileError(file, 'ERR_KERNEL_BZIMAGE_SIZE', reason, 'give the whole file');
  }
  return {
    setupHeader: header.slice(BOOT_PARAMS.setupHeader),
    payloadOffset,
    payloadBytes,
    ...placement(file, reader, payloadBytes),
    initrdAddressMax: reader.u32(BOOT_PARAMS.initrdAddrMax) || INITRD_ADDRESS_MAX_DEFAULT,
    cmdlineMaxBytes: reader.u32(BOOT_PARAMS.cmdlineSize) || CMDLINE_MAX_BYTES_DEFAULT,
  };
}

/**
 * Loads the protected-mode part.
 *
 * @throws ERR_KERNEL_MEMORY with nothing loaded; ERR_KERNEL_READ, ERR_KERNEL_TRUNCATED
 */
export function loadBzImage(file: BootFile, image: BzImage, memory: BootMemory): PlacedKernel {
  const ramEnd = lowRamEnd(memory);
  if (image.memoryEnd > ramEnd) {
    const needed = Math.ceil(image.memoryEnd / MIB);
    const reason = `it needs RAM up to ${needed} MiB to start, but RAM ends at ${Math.floor(ramEnd / MIB)} MiB`;
    throw bootFileError(file, 'ERR_KERNEL_MEMORY', reason, `use --mem ${needed} or more`);
  }
  const { payloadOffset: offset, payloadBytes: sizeBytes, loadAddress } = image;
  loadPart(file, { offset, sizeBytes, what: 'kernel' }, memory, loadAddress);
  return {
    kind: 'linux64',
    entry: guestAddress(loadAddress + ENTRY_64_OFFSET),
    start: loadAddress,
    end: image.memoryEnd,
  };
}

/** Bytes 0 to the end of the setup header, which the byte at 0x201 (a jump over it) tells. */
function readHeader(file: BootFile): Uint8Array {
  const jump = readPart(file, BOOT_PARAMS.jump, 2, 'setup header');
  const end = BOOT_PARAMS.jump + 2 + new LeReader(jump).u8(1);
  if (end < BOOT_PARAMS.initSize + 4 || end > SETUP_HEADER_END_MAX) {
    const reason = `its setup header ends at 0x${end.toString(16)}`;
    const remedy = `it must end between 0x${(BOOT_PARAMS.initSize + 4).toString(16)} and 0x${SETUP_HEADER_END_MAX.toString(16)}`;
    throw bootFileError(file, 'ERR_KERNEL_BZIMAGE_HEADER', reason, remedy);
  }
  return readPart(file, 0, end, 'setup header');
}

function checkProtocol(file: BootFile, header: LeReader): void {
  const version = header.u16(BOOT_PARAMS.version);
  if (version < VERSION_MIN) {
    const reason = `its boot protocol is ${version >> 8}.${version & 0xff}, older than 2.12`;
    throw bootFileError(file, 'ERR_KERNEL_BZIMAGE_VERSION', reason, WANTED);
  }
  const isHigh = (header.u8(BOOT_PARAMS.loadflags) & LOADED_HIGH) !== 0;
  if (!isHigh || (header.u16(BOOT_PARAMS.xloadflags) & XLF_KERNEL_64) === 0) {
    throw bootFileError(file, 'ERR_KERNEL_BZIMAGE_32BIT', 'it has no 64-bit entry', WANTED);
  }
}

/**
 * Where the kernel goes, and how far the memory reaches that it takes while it decompresses: `init_size` bytes from
 * its run-time start, which is never below `pref_address`, wherever it was loaded.
 */
function placement(
  file: BootFile,
  header: LeReader,
  payloadBytes: number,
): Pick<BzImage, 'loadAddress' | 'memoryEnd'> {
  const alignment = header.u32(BOOT_PARAMS.kernelAlignment);
  const preferred = header.u64(BOOT_PARAMS.prefAddress);
  const isRelocatable = header.u8(BOOT_PARAMS.relocatableKernel) !== 0;
  if (!isPowerOfTwo(alignment) || !(preferred >= ONE_MIB && preferred < 2 ** 32)) {
    const reason = `its header asks for address 0x${preferred.toString(16)} and alignment 0x${alignment.toString(16)}`;
    const remedy = 'an address from 1 MiB to 4 GiB and a power of two would be right';
    throw bootFileError(file, 'ERR_KERNEL_BZIMAGE_HEADER', reason, remedy);
  }
  const loadAddress = isRelocatable ? KERNEL_START : preferred;
  const aligned = Math.ceil(loadAddress / alignment) * alignment;
  const runStart = Math.max(aligned, preferred);
  const memoryEnd = runStart + header.u32(BOOT_PARAMS.initSize);
  return { loadAddress, memoryEnd: Math.max(memoryEnd, loadAddress + payloadBytes) };
}

function isPowerOfTwo(value: number): boolean {
  return value > 0 && Number.isInteger(Math.log2(value));
}
