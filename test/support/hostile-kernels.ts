/** Damaged and made-up kernel files, and what must hold for every one of them. */
import fc from 'fast-check';
import { ConfigError } from '../../src/base/errors.ts';
import type { BootFile } from '../../src/boot/boot-file.ts';
import { loadKernel } from '../../src/boot/load-kernel.ts';
import { buildBzImage, buildElf, elfNote, memoryFile, pvhNote } from './boot-images.ts';
import { FakeBootMemory } from './boot-memory.ts';

const RAM_BYTES = 4 * 1024 * 1024;
const ONE_MIB = 0x10_0000;
/** Every note segment may be read once, 64 KiB at most, and there are at most 64 of them. */
const HEADERS_MAX_BYTES = 65 * 64 * 1024;

const segment = { physicalAddress: 0x20_0000, content: new Uint8Array(600).fill(0x90) };
const notes = Buffer.concat([elfNote('GNU', 3, new Uint8Array(20)), pvhNote(0x20_0010)]);
const VALID: readonly Uint8Array[] = [
  buildElf({ entry: 0x20_0000n, segments: [segment] }),
  buildElf({
    entry: 0xffff_ffff_8110_0000n,
    segments: [
      { ...segment, virtualAddress: 0xffff_ffff_8110_0000n, memoryBytes: 0x2000 },
      { physicalAddress: 0x30_0000, content: new Uint8Array(100), memoryBytes: 0x8000 },
    ],
    notes,
  }),
  buildElf({ entry: 0x20_0010n, segments: [segment], notes }),
  buildBzImage({ prefAddress: ONE_MIB, initSize: 0x4000, alignment: 0x10_0000 }),
  buildBzImage({ relocatable: 0, prefAddress: ONE_MIB, initSize: 0x4000 }),
];

/** Numbers at the borders of what headers may say. */
const BORDERS = [
  0n,
  1n,
  0x7fn,
  0xffn,
  0xffffn,
  0x7fff_ffffn,
  0xffff_ffffn,
  0x1_0000_0000n,
  2n ** 53n,
  2n ** 63n,
  2n ** 64n - 1n,
  BigInt(ONE_MIB - 1),
  BigInt(ONE_MIB),
  BigInt(RAM_BYTES - 1),
  BigInt(RAM_BYTES),
  BigInt(RAM_BYTES + 1),
];

/** Some bytes of a file replaced by a little-endian number. */
interface Edit {
  readonly offset: number;
  readonly width: 1 | 2 | 4 | 8;
  readonly value: bigint;
}

const edit: fc.Arbitrary<Edit> = fc.record({
  // Headers lie in the first 0x290 bytes.
  offset: fc.oneof({ weight: 4, arbitrary: fc.nat(0x290) }, { weight: 1, arbitrary: fc.nat(2000) }),
  width: fc.constantFrom(1, 2, 4, 8),
  value: fc.oneof(fc.constantFrom(...BORDERS), fc.bigInt({ min: 0n, max: 2n ** 64n - 1n })),
});

/** Kernel files of every kind, whole, damaged, cut short, or nothing but a magic number and noise. */
export const hostileKernel: fc.Arbitrary<Uint8Array> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc
      .tuple(
        fc.constantFrom(...VALID),
        fc.array(edit, { maxLength: 5 }),
        fc.oneof(
          { weight: 7, arbitrary: fc.constant(undefined) },
          { weight: 1, arbitrary: fc.nat(2000) },
        ),
      )
      .map(([valid, edits, length]) => damaged(valid, edits).subarray(0, length)),
  },
  {
    weight: 2,
    arbitrary: fc
      .uint8Array({ maxLength: 400 })
      .map((noise) => buildElf({ entry: 0x20_0000n, segments: [segment], notes: noise })),
  },
  {
    weight: 1,
    arbitrary: fc
      .uint8Array({ maxLength: 1024 })
      .map((noise) => Uint8Array.from([0x7f, 0x45, 0x4c, 0x46, ...noise])),
  },
);

function damaged(valid: Uint8Array, edits: readonly Edit[]): Uint8Array {
  const bytes = Buffer.from(valid);
  for (const { offset, width, value } of edits) {
    for (let i = 0; i < width && offset + i < bytes.length; i++) {
      bytes[offset + i] = Number((value >> BigInt(8 * i)) & 0xffn);
    }
  }
  return bytes;
}

/**
 * Boots a file and checks everything that must hold whatever is in it: it loads with its entry in RAM and boot data
 * untouched, or it is refused by a `ConfigError`; and it makes nobody read much more than RAM can hold.
 *
 * @returns the error code, or how the kernel would be entered.
 * @throws on any other outcome.
 */
export function bootHostileKernel(bytes: Uint8Array): string {
  const memory = new FakeBootMemory([{ start: 0, sizeBytes: RAM_BYTES }]);
  const { file, bytesRead } = countingFile(memoryFile(bytes));
  const outcome = attempt(() => loadKernel({ memory, kernel: file, cmdline: 'a', rsdp: 0xe_0000 }));
  // Page tables and firmware tables: the loader leaves both alone.
  if (!isZero(memory, 0x9000, 0x2_0000) || !isZero(memory, 0xa_0000, ONE_MIB)) {
    throw new Error('the kernel was loaded over boot data');
  }
  if (bytesRead() > RAM_BYTES + HEADERS_MAX_BYTES) {
    throw new Error(`${bytesRead()} bytes were read`);
  }
  if (outcome instanceof ConfigError) {
    if (!/^(kernel \/test\/kernel: .+; .+|the kernel command line .+)$/.test(outcome.message)) {
      throw new Error(`message '${outcome.message}'`);
    }
    return outcome.code;
  }
  if (!(outcome.entry >= ONE_MIB && memory.contains(outcome.entry, 1))) {
    throw new Error(`entry 0x${outcome.entry.toString(16)}`);
  }
  return outcome.kind;
}

function isZero(memory: FakeBootMemory, start: number, end: number): boolean {
  return Buffer.from(memory.read(start, end - start)).equals(Buffer.alloc(end - start));
}

function attempt<T>(action: () => T): T | ConfigError {
  try {
    return action();
  } catch (error) {
    if (error instanceof ConfigError) {
      return error;
    }
    throw error;
  }
}

function countingFile(file: BootFile): { file: BootFile; bytesRead: () => number } {
  let total = 0;
  const readAt = (target: Uint8Array, offset: number): number => {
    const count = file.readAt(target, offset);
    total += count;
    return count;
  };
  return { file: { ...file, readAt }, bytesRead: () => total };
}
