import fc from 'fast-check';
import t from 'tap';
import { E820_RAM, E820_RESERVED, e820Map } from '../../../src/boot/e820.ts';
import { GIB, MIB, ramRanges } from '../../../src/memory/layout.ts';

t.test('e820Map reserves firmware, configuration space and the pages of KVM', async (t) => {
  t.same(e820Map({ regions: ramRanges(256 * MIB) }), [
    { start: 0, sizeBytes: 0xa_0000, type: E820_RAM },
    { start: 0xa_0000, sizeBytes: 0x6_0000, type: E820_RESERVED },
    { start: 0x10_0000, sizeBytes: 255 * MIB, type: E820_RAM },
    { start: 0xf400_0000, sizeBytes: 64 * MIB, type: E820_RESERVED },
    { start: 0xfeff_c000, sizeBytes: 0x4000, type: E820_RESERVED },
  ]);
});

t.test('e820Map puts RAM beyond the hole at 4 GiB', async (t) => {
  const map = e820Map({ regions: ramRanges(4 * GIB) });
  t.same(map[2], { start: MIB, sizeBytes: 0xd000_0000 - MIB, type: E820_RAM });
  t.same(map.at(-1), { start: 4 * GIB, sizeBytes: 4 * GIB - 0xd000_0000, type: E820_RAM });
});

t.test('e820Map never overlaps, and accounts for all RAM but the firmware window', async (t) => {
  fc.assert(
    fc.property(fc.integer({ min: 256, max: 4 * 1024 * 1024 }), (pages) => {
      const memoryBytes = pages * 4096;
      const map = e820Map({ regions: ramRanges(memoryBytes) });
      const ends = map.map((entry) => entry.start + entry.sizeBytes);
      const isSorted = map.every((entry, i) => i === 0 || entry.start >= (ends[i - 1] ?? 0));
      const ram = map.filter((entry) => entry.type === E820_RAM);
      const total = ram.reduce((sum, entry) => sum + entry.sizeBytes, 0);
      return isSorted && total === memoryBytes - 0x6_0000;
    }),
  );
  t.pass('for any size of RAM');
});
