import t from 'tap';
import { parseElf } from '../../../src/boot/elf.ts';
import { buildElf, elfNote, memoryFile, pvhNote } from '../../support/boot-images.ts';

const code = Uint8Array.of(1, 2, 3, 4);
const minimal = { entry: 0x20_0000n, segments: [{ physicalAddress: 0x20_0000, content: code }] };

/** The file with some bytes replaced. */
function patched(at: number, ...values: number[]): Uint8Array {
  const bytes = buildElf(minimal);
  bytes.set(values, at);
  return bytes;
}

t.test('parseElf returns entry and segments of a valid file', async (t) => {
  const image = parseElf(
    memoryFile(
      buildElf({
        entry: 0xffff_ffff_8100_0000n,
        segments: [
          {
            physicalAddress: 0x100_0000,
            virtualAddress: 0xffff_ffff_8100_0000n,
            content: code,
            memoryBytes: 0x5000,
          },
        ],
      }),
    ),
  );
  t.match(image, {
    entry: 0xffff_ffff_8100_0000n,
    pvhEntry: undefined,
    segments: [{ physicalAddress: 0x100_0000, fileBytes: 4, memoryBytes: 0x5000 }],
  });
});

t.test('parseElf leaves out segments that take no memory', async (t) => {
  const empty = { physicalAddress: 0, content: new Uint8Array(0) };
  const elf = buildElf({ ...minimal, segments: [empty, ...minimal.segments] });
  t.equal(parseElf(memoryFile(elf)).segments.length, 1);
});

t.test('parseElf refuses what is no x86-64 executable, each fault with its own code', async (t) => {
  const faults: [string, Uint8Array, RegExp][] = [
    ['ERR_KERNEL_ELF_CLASS', patched(4, 1), /not a 64-bit ELF/],
    ['ERR_KERNEL_ELF_ENDIAN', patched(5, 2), /not a little-endian ELF/],
    ['ERR_KERNEL_ELF_HEADER', patched(6, 0), /ELF version/],
    ['ERR_KERNEL_ELF_TYPE', patched(16, 1), /type 1, not an executable/],
    ['ERR_KERNEL_ELF_MACHINE', patched(18, 183), /machine 183, not 62/],
    ['ERR_KERNEL_ELF_HEADER', patched(54, 32), /program headers are 32 bytes/],
    ['ERR_KERNEL_ELF_HEADER', patched(32, 0), /at offset 0/],
    ['ERR_KERNEL_ELF_SEGMENTS', patched(56, 0), /0 program headers/],
    ['ERR_KERNEL_ELF_SEGMENTS', patched(56, 0xff, 0xff), /65535 program headers/],
    ['ERR_KERNEL_ELF_SEGMENTS', patched(64, 6), /nothing to load/],
  ];
  for (const [code, bytes, message] of faults) {
    t.throws(() => parseElf(memoryFile(bytes)), { code, message });
    t.throws(() => parseElf(memoryFile(bytes)), { message: /^kernel \/test\/kernel: .*; / });
  }
});

t.test('parseElf refuses a file that ends early, wherever it ends', async (t) => {
  const whole = buildElf(minimal);
  for (const length of [5, 63, 64, 64 + 55, whole.length - 1]) {
    t.throws(
      () => parseElf(memoryFile(whole.subarray(0, length))),
      { code: 'ERR_KERNEL_TRUNCATED', message: new RegExp(`it has ${length} bytes`) },
      `${length} bytes`,
    );
  }
});

t.test('parseElf refuses a program header table beyond 2^53', async (t) => {
  const bytes = patched(32, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff);
  t.throws(() => parseElf(memoryFile(bytes)), { code: 'ERR_KERNEL_TRUNCATED' });
});

t.test('parseElf refuses a segment with more bytes in the file than in memory', async (t) => {
  const segments = [{ physicalAddress: 0x20_0000, content: code, memoryBytes: 3 }];
  t.throws(() => parseElf(memoryFile(buildElf({ ...minimal, segments }))), {
    code: 'ERR_KERNEL_SEGMENT_SIZE',
    message: /4 bytes in the file but room for 3/,
  });
});

t.test('parseElf finds the PVH entry among other notes', async (t) => {
  const notes = Buffer.concat([
    elfNote('GNU', 18, Uint8Array.of(9, 9, 9, 9)),
    elfNote('Xen', 6, Buffer.from('linux\0')),
    pvhNote(0x20_0010),
  ]);
  t.equal(parseElf(memoryFile(buildElf({ ...minimal, notes }))).pvhEntry, 0x20_0010);
});

t.test('parseElf reads a PVH entry of 8 bytes and refuses one from 4 GiB', async (t) => {
  const below = elfNote('Xen', 18, Uint8Array.of(0, 0, 0x30, 0, 0, 0, 0, 0));
  const above = elfNote('Xen', 18, Uint8Array.of(0, 0, 0x30, 0, 1, 0, 0, 0));
  t.equal(parseElf(memoryFile(buildElf({ ...minimal, notes: below }))).pvhEntry, 0x30_0000);
  t.throws(() => parseElf(memoryFile(buildElf({ ...minimal, notes: above }))), {
    code: 'ERR_KERNEL_ELF_NOTE',
    message: /PVH entry 0x100300000/,
  });
});

t.test('parseElf refuses notes that run past their segment', async (t) => {
  const note = Uint8Array.from(pvhNote(0x20_0000));
  for (const field of [0, 4]) {
    const bad = note.slice();
    bad.fill(0xff, field, field + 4);
    t.throws(() => parseElf(memoryFile(buildElf({ ...minimal, notes: bad }))), {
      code: 'ERR_KERNEL_ELF_NOTE',
      message: /runs past its end/,
    });
  }
});

t.test('parseElf refuses a PVH entry of an odd width and an endless note segment', async (t) => {
  const odd = elfNote('Xen', 18, Uint8Array.of(1, 2));
  t.throws(() => parseElf(memoryFile(buildElf({ ...minimal, notes: odd }))), {
    code: 'ERR_KERNEL_ELF_NOTE',
    message: /2 bytes, not 4 or 8/,
  });
  const long = new Uint8Array(64 * 1024 + 1);
  t.throws(() => parseElf(memoryFile(buildElf({ ...minimal, notes: long }))), {
    code: 'ERR_KERNEL_ELF_NOTE',
    message: /65537 bytes, more than 65536/,
  });
});
