import fc from 'fast-check';
import t from 'tap';
import { type PhysicalReader, walkPageTables } from '../../../src/vcpu/page-walk.ts';
import { holds } from '../../support/property.ts';

const PG = 1n << 31n;
const PAE = 1n << 5n;
const PSE = 1n << 4n;
const LA57 = 1n << 12n;
const LMA = 1n << 10n;

/** Physical memory that holds just these entries. */
function memoryOf(entries: readonly (readonly [gpa: bigint, value: bigint])[]): PhysicalReader {
  const cells = new Map(entries);
  return (gpa) => cells.get(gpa);
}

const LONG = { cr0: PG, cr3: 0x1000n, cr4: PAE, efer: LMA };

t.test('walkPageTables returns the address itself without paging', async (t) => {
  const off = { ...LONG, cr0: 0n };
  t.equal(
    walkPageTables(off, 0x1234n, () => undefined),
    0x1234n,
  );
});

t.test('walkPageTables follows four levels to a 4 KiB page', async (t) => {
  // Indices 1, 2, 3 and 4; bit 63 of the last entry is no-execute.
  const linear = (1n << 39n) | (2n << 30n) | (3n << 21n) | (4n << 12n) | 0xabcn;
  const read = memoryOf([
    [0x1008n, 0x2003n],
    [0x2010n, 0x3003n],
    [0x3018n, 0x4003n],
    [0x4020n, (1n << 63n) | 0x1_2345_6003n],
  ]);
  t.equal(walkPageTables(LONG, linear, read), 0x1_2345_6abcn);
});

t.test('walkPageTables stops at 2 MiB and 1 GiB pages', async (t) => {
  const read = memoryOf([
    [0x1000n, 0x2003n],
    [0x2000n, 0x3003n],
    [0x2008n, 0x8000_0083n],
    [0x3008n, 0x0060_0083n],
  ]);
  t.equal(walkPageTables(LONG, 0x20_1234n, read), 0x60_1234n);
  t.equal(walkPageTables(LONG, 0x4012_3456n, read), 0x8012_3456n);
});

t.test('walkPageTables starts one level higher with LA57', async (t) => {
  const read = memoryOf([
    [0x1008n, 0x2003n],
    [0x2000n, 0x3003n],
    [0x3000n, 0x8000_0083n],
  ]);
  const registers = { ...LONG, cr4: PAE | LA57 };
  t.equal(walkPageTables(registers, (1n << 48n) | 5n, read), 0x8000_0005n);
});

t.test('walkPageTables follows PAE and two-level paging', async (t) => {
  const pae = { cr0: PG, cr3: 0x1020n, cr4: PAE, efer: 0n };
  const paeRead = memoryOf([
    [0x1028n, 0x2001n],
    [0x2000n, 0x40_0083n],
  ]);
  t.equal(walkPageTables(pae, 0x4000_0042n, paeRead), 0x40_0042n);
  const legacy = { cr0: PG, cr3: 0x1000n, cr4: PSE, efer: 0n };
  const legacyRead = memoryOf([
    [0x1004n, 0x0080_0083n],
    [0x1008n, 0x2003n],
    [0x2004n, 0x9003n],
  ]);
  t.equal(walkPageTables(legacy, 0x0040_0007n, legacyRead), 0x80_0007n);
  t.equal(walkPageTables(legacy, 0x0080_1007n, legacyRead), 0x9007n);
});

t.test('walkPageTables returns undefined for what is not present or not RAM', async (t) => {
  t.equal(
    walkPageTables(LONG, 0n, () => 0x2002n),
    undefined,
  );
  t.equal(
    walkPageTables(LONG, 0n, () => undefined),
    undefined,
  );
});

t.test('walkPageTables ends within five reads whatever the tables hold', async (t) => {
  holds(
    t,
    fc.property(fc.bigInt(0n, 2n ** 64n - 1n), fc.bigInt(0n, 2n ** 64n - 1n), (linear, entry) => {
      let reads = 0;
      walkPageTables({ ...LONG, cr4: PAE | LA57 }, linear, () => {
        reads++;
        return entry;
      });
      return reads >= 1 && reads <= 5;
    }),
  );
});
