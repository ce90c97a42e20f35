import t from 'tap';
import { writeAcpiTables } from '../../../../src/boot/acpi/tables.ts';
import type { PlatformDescription } from '../../../../src/boot/platform.ts';
import { FakeBootMemory } from '../../../support/boot-memory.ts';
import { byteSum, testPlatform, textAt, viewOf } from '../../../support/boot-platform.ts';

/** Follows the tables from the root pointer, as a guest does. */
function readTables(platform: PlatformDescription) {
  const memory = FakeBootMemory.ofMib(1);
  const rsdp = memory.read(writeAcpiTables(memory, platform), 36);
  const at = (address: number) => memory.read(address, memory.view(address, 8).getUint32(4, true));
  const xsdt = at(Number(viewOf(rsdp).getBigUint64(24, true)));
  const tables = new Map<string, Uint8Array>();
  for (let offset = 36; offset < xsdt.length; offset += 8) {
    const table = at(Number(viewOf(xsdt).getBigUint64(offset, true)));
    tables.set(textAt(table, 0, 4), table);
  }
  const get = (signature: string) => tables.get(signature) ?? new Uint8Array(0);
  const fadt = viewOf(get('FACP'));
  const facsAddress = fadt.getUint32(36, true);
  const dsdt = at(Number(fadt.getBigUint64(140, true)));
  return { memory, rsdp, xsdt, tables, fadt, madt: get('APIC'), facsAddress, dsdt };
}

t.test('writeAcpiTables puts a root pointer of ACPI 2 at 0xe0000', async (t) => {
  const { rsdp } = readTables(testPlatform);
  t.equal(writeAcpiTables(FakeBootMemory.ofMib(1), testPlatform), 0xe_0000);
  t.equal(textAt(rsdp, 0, 8), 'RSD PTR ');
  t.equal(textAt(rsdp, 9, 6), 'CROSVM');
  t.equal(rsdp[15], 2, 'revision');
  t.equal(byteSum(rsdp.subarray(0, 20)), 0, 'checksum of the first part');
  t.equal(byteSum(rsdp), 0, 'checksum of the whole');
});

t.test('writeAcpiTables lists FADT, MADT and MCFG, every table with its checksum', async (t) => {
  const { tables, xsdt, dsdt } = readTables(testPlatform);
  t.same([...tables.keys()], ['FACP', 'APIC', 'MCFG']);
  for (const table of [...tables.values(), xsdt, dsdt]) {
    t.equal(byteSum(table), 0, textAt(table, 0, 4));
    t.equal(textAt(table, 10, 14), 'CROSVMCROSVMDT');
  }
});

t.test('writeAcpiTables puts the FACS on a 64-byte boundary', async (t) => {
  const { memory, facsAddress } = readTables(testPlatform);
  t.equal(facsAddress % 64, 0);
  const facs = memory.read(facsAddress, 64);
  t.equal(textAt(facs, 0, 4), 'FACS');
  t.equal(viewOf(facs).getUint32(4, true), 64);
});

t.test('buildFadt describes the fixed hardware', async (t) => {
  const { fadt } = readTables(testPlatform);
  t.equal(fadt.byteLength, 276);
  t.equal(fadt.getUint8(8), 6, 'revision');
  t.equal(fadt.getUint16(46, true), 5, 'SCI_INT');
  t.equal(fadt.getUint32(48, true), 0, 'SMI_CMD: the machine is in ACPI mode');
  t.equal(fadt.getUint32(56, true), 0x600, 'PM1a_EVT_BLK');
  t.equal(fadt.getUint32(64, true), 0x604, 'PM1a_CNT_BLK');
  t.equal(fadt.getUint8(88), 4, 'PM1_EVT_LEN');
  t.equal(fadt.getUint8(89), 2, 'PM1_CNT_LEN');
  t.equal(fadt.getUint32(76, true), 0, 'PM_TMR_BLK: none');
  t.equal(fadt.getUint8(91), 0, 'PM_TMR_LEN: none');
  t.equal(fadt.getUint32(40, true), Number(fadt.getBigUint64(140, true)), 'DSDT, twice the same');
  t.equal(fadt.getBigUint64(152, true), 0x600n, 'X_PM1a_EVT_BLK');
  t.equal(fadt.getBigUint64(176, true), 0x604n, 'X_PM1a_CNT_BLK');
});

t.test('buildFadt has a reset register and a fixed power button', async (t) => {
  const { fadt } = readTables(testPlatform);
  const flags = fadt.getUint32(112, true);
  t.equal(flags & (1 << 10), 1 << 10, 'RESET_REG_SUP');
  t.equal(flags & (1 << 4), 0, 'PWR_BUTTON clear: fixed hardware');
  t.equal(flags & (1 << 20), 0, 'not hardware-reduced');
  t.equal(fadt.getUint8(116), 1, 'in I/O space');
  t.equal(fadt.getBigUint64(120, true), 0xcf9n);
  t.equal(fadt.getUint8(128), 6, 'RESET_VALUE');
});

/** The structures of a MADT after its fixed part, by type. */
function madtEntries(madt: Uint8Array, type: number): Uint8Array[] {
  const found: Uint8Array[] = [];
  for (let offset = 44; offset < madt.length; ) {
    const length = madt[offset + 1] ?? 0;
    if (length < 2) {
      throw new Error(`MADT structure of ${length} bytes`);
    }
    if (madt[offset] === type) {
      found.push(madt.subarray(offset, offset + length));
    }
    offset += length;
  }
  return found;
}

t.test('buildMadt lists a local APIC for each of up to 64 vCPUs', async (t) => {
  const { madt } = readTables({ ...testPlatform, vcpuCount: 64 });
  const apics = madtEntries(madt, 0);
  t.equal(apics.length, 64);
  t.same(apics[63], Uint8Array.of(0, 8, 63, 63, 1, 0, 0, 0));
  t.throws(() => readTables({ ...testPlatform, vcpuCount: 65 }), { code: 'ERR_ASSERT' });
  t.throws(() => readTables({ ...testPlatform, vcpuCount: 0 }), { code: 'ERR_ASSERT' });
});

t.test('buildMadt has one IOAPIC and NMI at LINT1 of all processors', async (t) => {
  const { madt } = readTables(testPlatform);
  t.same(madtEntries(madt, 1), [Uint8Array.of(1, 12, 5, 0, 0, 0, 0xc0, 0xfe, 0, 0, 0, 0)]);
  t.same(madtEntries(madt, 4), [Uint8Array.of(4, 6, 0xff, 0, 0, 1)]);
});

t.test('buildMadt overrides timer, SCI and the ISA inputs that PCI uses', async (t) => {
  const overrides = madtEntries(readTables(testPlatform).madt, 2);
  t.same(
    overrides.map((entry) => [entry[3], entry[4], entry[8]]),
    [
      [0, 2, 0],
      [5, 5, 0b1101],
      [9, 9, 0b1111],
      [10, 10, 0b1111],
      [11, 11, 0b1111],
      [12, 12, 0b1111],
    ],
  );
});

t.test('buildMadt overrides neither a timer on input 0 nor inputs past ISA', async (t) => {
  const interruptRoutes = [{ bus: 0, device: 1, pin: 0, gsi: 16 }] as const;
  const { madt } = readTables({ ...testPlatform, timerGsi: 0, interruptRoutes });
  t.same(
    madtEntries(madt, 2).map((entry) => entry[3]),
    [5],
  );
});

t.test('buildMcfg gives ECAM of buses 0 to 63', async (t) => {
  const mcfg = viewOf(readTables(testPlatform).tables.get('MCFG') ?? new Uint8Array(0));
  t.equal(mcfg.byteLength, 60);
  t.equal(mcfg.getBigUint64(44, true), 0xf400_0000n);
  t.same([mcfg.getUint16(52, true), mcfg.getUint8(54), mcfg.getUint8(55)], [0, 0, 63]);
});

t.test('writeAcpiTables asserts a PM base that its registers fit', async (t) => {
  t.throws(() => readTables({ ...testPlatform, pmBase: 0x601 }), { code: 'ERR_ASSERT' });
  t.throws(() => readTables({ ...testPlatform, pmBase: 0xfffc }), { code: 'ERR_ASSERT' });
});
