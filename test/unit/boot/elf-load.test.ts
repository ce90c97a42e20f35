import t from 'tap';
import { parseElf } from '../../../src/boot/elf.ts';
import { loadElf } from '../../../src/boot/elf-load.ts';
import { buildElf, type ElfSpec, memoryFile, pvhNote } from '../../support/boot-images.ts';
import { FakeBootMemory } from '../../support/boot-memory.ts';

const code = Uint8Array.of(1, 2, 3, 4);
const data = Uint8Array.of(5, 6);

function load(spec: ElfSpec, memory = FakeBootMemory.ofMib(8)) {
  const file = memoryFile(buildElf(spec));
  return loadElf(file, parseElf(file), memory);
}

t.test('loadElf puts every segment at its physical address', async (t) => {
  const memory = FakeBootMemory.ofMib(8);
  const placed = load(
    {
      entry: 0x20_0002n,
      segments: [
        { physicalAddress: 0x40_0000, content: data, memoryBytes: 0x3000 },
        { physicalAddress: 0x20_0000, content: code },
      ],
    },
    memory,
  );
  t.match(placed, { kind: 'linux64', entry: 0x20_0002, start: 0x20_0000, end: 0x40_3000 });
  t.same(memory.read(0x20_0000, 5), Uint8Array.of(1, 2, 3, 4, 0));
  t.same(memory.read(0x40_0000, 3), Uint8Array.of(5, 6, 0));
});

t.test('loadElf moves an image that is linked at address 0 to 2 MiB', async (t) => {
  const memory = FakeBootMemory.ofMib(8);
  const placed = load({ entry: 2n, segments: [{ physicalAddress: 0, content: code }] }, memory);
  t.match(placed, { entry: 0x20_0002, start: 0x20_0000 });
  t.same(memory.read(0x20_0000, 4), code);
});

t.test('loadElf translates a virtual entry point', async (t) => {
  const placed = load({
    entry: 0xffff_ffff_8020_0003n,
    segments: [
      { physicalAddress: 0x20_0000, virtualAddress: 0xffff_ffff_8020_0000n, content: code },
    ],
  });
  t.equal(placed.entry, 0x20_0003);
});

t.test('loadElf enters by PVH when the ELF entry is the PVH entry or nothing', async (t) => {
  const segments = [{ physicalAddress: 0x20_0000, content: code }];
  const notes = pvhNote(0x20_0001);
  t.match(load({ entry: 0x20_0001n, segments, notes }), { kind: 'pvh32', entry: 0x20_0001 });
  t.match(load({ entry: 0n, segments, notes }), { kind: 'pvh32', entry: 0x20_0001 });
});

t.test('loadElf prefers the 64-bit entry of a kernel that has both', async (t) => {
  const placed = load({
    entry: 0x20_0000n,
    segments: [{ physicalAddress: 0x20_0000, content: code }],
    notes: pvhNote(0x20_0001),
  });
  t.match(placed, { kind: 'linux64', entry: 0x20_0000 });
});

t.test('loadElf refuses an entry outside every segment', async (t) => {
  const segments = [{ physicalAddress: 0x20_0000, content: code }];
  const refusal = { code: 'ERR_KERNEL_ENTRY', message: /entry point 0x/ };
  t.throws(() => load({ entry: 0x20_0004n, segments }), refusal);
  t.throws(() => load({ entry: 0x1f_ffffn, segments }), refusal);
  t.throws(() => load({ entry: 0n, segments, notes: pvhNote(0x20_0004) }), refusal);
});

t.test('loadElf refuses segments outside RAM and loads nothing', async (t) => {
  const outside = [
    { name: 'below 1 MiB', physicalAddress: 0xf_f000, memoryBytes: 4 },
    { name: 'across the end', physicalAddress: 0x7f_fffe, memoryBytes: 4 },
    { name: 'BSS past the end', physicalAddress: 0x40_0000, memoryBytes: 0x40_0001 },
    { name: 'far away', physicalAddress: 2 ** 51, memoryBytes: 4 },
    { name: 'beyond exact numbers', physicalAddress: 2 ** 63, memoryBytes: 4 },
  ];
  for (const { name, ...segment } of outside) {
    const memory = FakeBootMemory.ofMib(8);
    const good = { physicalAddress: 0x20_0000, content: code };
    const spec = { entry: 0x20_0000n, segments: [good, { ...segment, content: code }] };
    t.throws(
      () => load(spec, memory),
      { code: 'ERR_KERNEL_SEGMENT_RANGE', message: /is not within RAM/ },
      name,
    );
    t.same(memory.read(0x20_0000, 4), new Uint8Array(4), `${name}: nothing loaded`);
  }
});

t.test('loadElf refuses a segment above 4 GiB, RAM or not', async (t) => {
  const memory = new FakeBootMemory([
    { start: 0, sizeBytes: 0x40_0000 },
    { start: 2 ** 32, sizeBytes: 0x40_0000 },
  ]);
  const segments = [{ physicalAddress: 2 ** 32 + 0x20_0000, content: code }];
  t.throws(() => load({ entry: 0n, segments }, memory), { code: 'ERR_KERNEL_SEGMENT_RANGE' });
});

t.test(
  'loadElf refuses overlapping segments, in any order, and accepts touching ones',
  async (t) => {
    const low = { physicalAddress: 0x20_0000, content: code, memoryBytes: 0x1000 };
    const inside = { physicalAddress: 0x20_0fff, content: data };
    const next = { physicalAddress: 0x20_1000, content: data };
    for (const segments of [
      [low, inside],
      [inside, low],
    ]) {
      t.throws(() => load({ entry: 0x20_0000n, segments }), {
        code: 'ERR_KERNEL_SEGMENT_OVERLAP',
        message: /overlaps another/,
      });
    }
    t.equal(load({ entry: 0x20_0000n, segments: [low, next] }).end, 0x20_1002);
  },
);
