import t from 'tap';
import { writeMpTable } from '../../../src/boot/mptable.ts';
import type { PlatformDescription } from '../../../src/boot/platform.ts';
import { FakeBootMemory } from '../../support/boot-memory.ts';
import { byteSum, testPlatform, textAt, viewOf } from '../../support/boot-platform.ts';

const ENTRY_BYTES: Readonly<Record<number, number>> = { 0: 20, 1: 8, 2: 8, 3: 8, 4: 8 };

/** Reads the table as a guest does: from the floating pointer through all entries. */
function readTable(platform: PlatformDescription) {
  const memory = FakeBootMemory.ofMib(1);
  const pointer = memory.read(writeMpTable(memory, platform), 16);
  const at = viewOf(pointer).getUint32(4, true);
  const length = memory.view(at, 6).getUint16(4, true);
  const table = memory.read(at, length);
  const entries: Uint8Array[] = [];
  for (let offset = 44; offset < length; ) {
    const size = ENTRY_BYTES[table[offset] ?? -1] ?? Number.NaN;
    entries.push(table.subarray(offset, offset + size));
    offset += size;
  }
  return { pointer, at, table, entries };
}

function ofType(entries: readonly Uint8Array[], type: number): Uint8Array[] {
  return entries.filter((entry) => entry[0] === type);
}

t.test('writeMpTable puts a floating pointer of version 1.4 at 639 KiB', async (t) => {
  const memory = FakeBootMemory.ofMib(1);
  t.equal(writeMpTable(memory, testPlatform), 0x9_fc00);
  const { pointer } = readTable(testPlatform);
  t.equal(textAt(pointer, 0, 4), '_MP_');
  t.equal(pointer[8], 1, 'length in 16 bytes');
  t.equal(pointer[9], 4, 'specification 1.4');
  t.equal(byteSum(pointer), 0);
});

t.test('writeMpTable writes a header with identity, counts and checksum', async (t) => {
  const { table, entries } = readTable(testPlatform);
  t.equal(textAt(table, 0, 4), 'PCMP');
  t.equal(table[6], 4, 'specification 1.4');
  t.equal(textAt(table, 8, 8), 'CROSVM  ');
  t.equal(textAt(table, 16, 12), '000000000000');
  t.equal(viewOf(table).getUint16(34, true), entries.length, 'entry count');
  t.equal(viewOf(table).getUint32(36, true), 0xfee0_0000, 'local APIC');
  t.equal(byteSum(table), 0);
});

t.test('writeMpTable sorts its entries by type', async (t) => {
  const types = readTable(testPlatform).entries.map((entry) => entry[0] ?? -1);
  t.same(
    types,
    [...types].sort((a, b) => a - b),
  );
});

t.test('writeMpTable lists every vCPU, the first as bootstrap processor', async (t) => {
  const cpus = ofType(readTable(testPlatform).entries, 0);
  t.same(
    cpus.map((cpu) => [cpu[1], cpu[2], cpu[3]]),
    [
      [0, 0x14, 3],
      [1, 0x14, 1],
      [2, 0x14, 1],
      [3, 0x14, 1],
    ],
  );
});

t.test('writeMpTable gives the IOAPIC the id after the next', async (t) => {
  const [ioapic] = ofType(readTable(testPlatform).entries, 2);
  t.same(ioapic, Uint8Array.of(2, 5, 0x14, 1, 0, 0, 0xc0, 0xfe));
});

t.test('writeMpTable numbers the ISA bus after the PCI buses', async (t) => {
  const onBus3 = { bus: 3, device: 0, pin: 0, gsi: 10 } as const;
  const buses = ofType(readTable({ ...testPlatform, interruptRoutes: [onBus3] }).entries, 1);
  t.same(
    buses.map((bus) => [bus[1], textAt(bus, 2, 6)]),
    [
      [0, 'PCI   '],
      [1, 'PCI   '],
      [2, 'PCI   '],
      [3, 'PCI   '],
      [4, 'ISA   '],
    ],
  );
});

t.test('writeMpTable wires PCI pins to their inputs', async (t) => {
  const route = { bus: 0, device: 7, pin: 2, gsi: 11 } as const;
  const { entries } = readTable({ ...testPlatform, interruptRoutes: [route] });
  const pci = ofType(entries, 3).filter((entry) => entry[4] === 0);
  t.same(pci, [Uint8Array.of(3, 0, 0, 0, 0, (7 << 2) | 2, 5, 11)]);
});

t.test('writeMpTable wires ISA interrupts that PCI does not use', async (t) => {
  const isa = ofType(readTable(testPlatform).entries, 3).filter((entry) => entry[4] === 1);
  t.same(
    isa.map((entry) => [entry[5], entry[7], entry[2]]),
    [
      [0, 2, 0],
      [1, 1, 0],
      [3, 3, 0],
      [4, 4, 0],
      [5, 5, 0b1101],
      [6, 6, 0],
      [7, 7, 0],
      [8, 8, 0],
      [13, 13, 0],
      [14, 14, 0],
      [15, 15, 0],
    ],
    'timer to input 2, SCI level and high, 9 to 12 left to PCI',
  );
});

t.test('writeMpTable leaves the timer on input 0 when the machine does', async (t) => {
  const { entries } = readTable({ ...testPlatform, timerGsi: 0 });
  const timer = ofType(entries, 3).find((entry) => entry[4] === 1 && entry[5] === 0);
  t.equal(timer?.[7], 0);
});

t.test('writeMpTable wires the PICs to LINT0 and NMI to LINT1', async (t) => {
  t.same(ofType(readTable(testPlatform).entries, 4), [
    Uint8Array.of(4, 3, 0, 0, 1, 0, 0, 0),
    Uint8Array.of(4, 1, 0, 0, 1, 0, 0xff, 1),
  ]);
});

t.test('writeMpTable has room for 64 vCPUs with 32 devices, and refuses 65', async (t) => {
  const interruptRoutes = Array.from({ length: 128 }, (_, index) => ({
    bus: 0,
    device: index >> 2,
    pin: ([0, 1, 2, 3] as const)[index % 4] ?? 0,
    gsi: 9 + (index % 4),
  }));
  const { at, table } = readTable({ ...testPlatform, vcpuCount: 64, interruptRoutes });
  t.ok(at + table.length <= 0x9_fc00, 'ends before the floating pointer');
  t.equal(byteSum(table), 0);
  t.throws(() => readTable({ ...testPlatform, vcpuCount: 65 }), { code: 'ERR_ASSERT' });
});
