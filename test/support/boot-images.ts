/** Small kernels of every kind, made in memory, valid unless a test asks otherwise. */
import type { BootFile, BootFileRole } from '../../src/boot/boot-file.ts';

/** A file that exists only in this process. */
export function memoryFile(bytes: Uint8Array, role: BootFileRole = 'kernel'): BootFile {
  return {
    role,
    path: `/test/${role}`,
    sizeBytes: bytes.length,
    readAt(target, offset) {
      const part = bytes.subarray(offset, offset + target.length);
      target.set(part);
      return part.length;
    },
  };
}

export interface ElfSegmentSpec {
  readonly physicalAddress: number;
  readonly virtualAddress?: bigint;
  readonly content: Uint8Array;
  /** Bytes in memory; the content's length unless given. */
  readonly memoryBytes?: number;
}

export interface ElfSpec {
  readonly entry: bigint;
  readonly segments: readonly ElfSegmentSpec[];
  /** Content of a PT_NOTE segment. */
  readonly notes?: Uint8Array;
}

const EHDR_BYTES = 64;
const PHDR_BYTES = 56;

/** An ELF64 x86-64 executable. */
export function buildElf(spec: ElfSpec): Uint8Array<ArrayBuffer> {
  const parts = [
    ...spec.segments.map((segment) => ({ type: 1, align: 0x1000, ...segment })),
    ...(spec.notes === undefined
      ? []
      : [{ type: 4, align: 4, physicalAddress: 0, content: spec.notes }]),
  ];
  const contentBytes = parts.reduce((sum, part) => sum + part.content.length, 0);
  let fileOffset = EHDR_BYTES + parts.length * PHDR_BYTES;
  const bytes = new Uint8Array(fileOffset + contentBytes);
  const view = new DataView(bytes.buffer);
  bytes.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]);
  view.setUint16(16, 2, true);
  view.setUint16(18, 62, true);
  view.setUint32(20, 1, true);
  view.setBigUint64(24, spec.entry, true);
  view.setBigUint64(32, BigInt(EHDR_BYTES), true);
  view.setUint16(52, EHDR_BYTES, true);
  view.setUint16(54, PHDR_BYTES, true);
  view.setUint16(56, parts.length, true);
  parts.forEach((part: (typeof parts)[number] & Partial<ElfSegmentSpec>, index) => {
    const at = EHDR_BYTES + index * PHDR_BYTES;
    view.setUint32(at, part.type, true);
    view.setBigUint64(at + 8, BigInt(fileOffset), true);
    view.setBigUint64(at + 16, part.virtualAddress ?? BigInt(part.physicalAddress), true);
    view.setBigUint64(at + 24, BigInt(part.physicalAddress), true);
    view.setBigUint64(at + 32, BigInt(part.content.length), true);
    view.setBigUint64(at + 40, BigInt(part.memoryBytes ?? part.content.length), true);
    view.setBigUint64(at + 48, BigInt(part.align), true);
    bytes.set(part.content, fileOffset);
    fileOffset += part.content.length;
  });
  return bytes;
}

/** One ELF note; name and descriptor are padded to 4 bytes. */
export function elfNote(name: string, type: number, descriptor: Uint8Array): Uint8Array {
  const nameBytes = Buffer.from(`${name}\0`, 'latin1');
  const descriptorAt = 12 + Math.ceil(nameBytes.length / 4) * 4;
  const bytes = new Uint8Array(descriptorAt + Math.ceil(descriptor.length / 4) * 4);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, nameBytes.length, true);
  view.setUint32(4, descriptor.length, true);
  view.setUint32(8, type, true);
  bytes.set(nameBytes, 12);
  bytes.set(descriptor, descriptorAt);
  return bytes;
}

/** The Xen note that gives a PVH entry. */
export function pvhNote(entry: number): Uint8Array {
  const descriptor = new Uint8Array(4);
  new DataView(descriptor.buffer).setUint32(0, entry, true);
  return elfNote('Xen', 18, descriptor);
}

export interface BzImageSpec {
  readonly payload?: Uint8Array;
  readonly setupSects?: number;
  readonly version?: number;
  readonly loadflags?: number;
  readonly xloadflags?: number;
  readonly relocatable?: number;
  readonly alignment?: number;
  readonly prefAddress?: number;
  readonly initSize?: number;
  readonly initrdAddrMax?: number;
  readonly cmdlineSize?: number;
  /** Second byte of the jump at 0x200, which gives the header's end. */
  readonly jumpBytes?: number;
}

/** A bzImage with a 64-bit entry and the numbers of a small Debian kernel. */
export function buildBzImage(spec: BzImageSpec = {}): Uint8Array<ArrayBuffer> {
  const payload = spec.payload ?? new Uint8Array(0x1000).fill(0x90);
  const setupSects = spec.setupSects ?? 1;
  const setupBytes = ((setupSects || 4) + 1) * 512;
  const bytes = new Uint8Array(setupBytes + payload.length);
  const view = new DataView(bytes.buffer);
  view.setUint8(0x1f1, setupSects);
  view.setUint32(0x1f4, payload.length / 16, true);
  view.setUint16(0x1fe, 0xaa55, true);
  bytes.set([0xeb, spec.jumpBytes ?? 0x6a], 0x200);
  view.setUint32(0x202, 0x5372_6448, true);
  view.setUint16(0x206, spec.version ?? 0x020f, true);
  view.setUint8(0x211, spec.loadflags ?? 1);
  view.setUint32(0x22c, spec.initrdAddrMax ?? 0x7fff_ffff, true);
  view.setUint32(0x230, spec.alignment ?? 0x20_0000, true);
  view.setUint8(0x234, spec.relocatable ?? 1);
  view.setUint16(0x236, spec.xloadflags ?? 0x7f, true);
  view.setUint32(0x238, spec.cmdlineSize ?? 2047, true);
  view.setBigUint64(0x258, BigInt(spec.prefAddress ?? 0x100_0000), true);
  view.setUint32(0x260, spec.initSize ?? 0x10_0000, true);
  bytes.set(payload, setupBytes);
  return bytes;
}
