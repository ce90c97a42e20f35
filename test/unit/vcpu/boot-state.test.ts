import t from 'tap';
import { decodeStruct } from '../../../src/base/struct.ts';
import { KVM_SREGS, type KvmSregs } from '../../../src/hypervisor/structs.ts';
import { GuestMemory } from '../../../src/memory/guest-memory.ts';
import { BOOT_GDT, BOOT_PD, BOOT_PD_COUNT, MIB } from '../../../src/memory/layout.ts';
import {
  bootRegs,
  bootSregs,
  wireLocalInterrupts,
  writeBootTables,
} from '../../../src/vcpu/boot-state.ts';
import { bootMsrs } from '../../../src/vcpu/msrs.ts';
import { walkPageTables } from '../../../src/vcpu/page-walk.ts';

function smallMemory(): GuestMemory {
  const ranges = [{ start: 0, sizeBytes: MIB }];
  using fd = GuestMemory.createFile(ranges);
  return GuestMemory.map(fd.raw, ranges);
}

function readU64(memory: GuestMemory, gpa: number): bigint {
  return Buffer.from(memory.read(gpa, 8)).readBigUInt64LE();
}

const RESET: KvmSregs = {
  ...decodeStruct(KVM_SREGS, new DataView(new ArrayBuffer(KVM_SREGS.sizeBytes))),
  apic_base: 0xfee0_0900n,
};
const LINUX64_CONTROL = { cr0: 1n << 31n, cr3: 0x9000n, cr4: 1n << 5n, efer: 1n << 10n };

t.test('writeBootTables maps the first 4 GiB one to one', async (t) => {
  const memory = smallMemory();
  writeBootTables(memory, 'linux64');
  for (const linear of [0n, 0x1234n, 0x3fff_ffffn, 0x4000_0000n, 0xfee0_0300n, 0xffff_ffffn]) {
    const found = walkPageTables(LINUX64_CONTROL, linear, (gpa) => readU64(memory, Number(gpa)));
    t.equal(found, linear);
  }
  t.equal(
    walkPageTables(LINUX64_CONTROL, 0x1_0000_0000n, (gpa) => readU64(memory, Number(gpa))),
    undefined,
    'and nothing above',
  );
});

t.test('writeBootTables writes present, writable, large entries and no user pages', async (t) => {
  const memory = smallMemory();
  writeBootTables(memory, 'linux64');
  for (let entry = 0; entry < 512 * BOOT_PD_COUNT; entry++) {
    if (readU64(memory, BOOT_PD + 8 * entry) % 0x1000n !== 0x83n) {
      t.fail(`entry ${entry} is 0x${readU64(memory, BOOT_PD + 8 * entry).toString(16)}`);
    }
  }
  t.equal(readU64(memory, BOOT_PD) & 4n, 0n);
});

t.test(
  'writeBootTables puts the boot protocol’s code and data segments at 0x10 and 0x18',
  async (t) => {
    const memory = smallMemory();
    writeBootTables(memory, 'linux64');
    // Flat, 4 KiB units; 0x9b: present code, readable; 0x93: present data, writable; 0xa: 64-bit; 0xc: 32-bit.
    t.equal(readU64(memory, BOOT_GDT), 0n);
    t.equal(readU64(memory, BOOT_GDT + 0x10), 0x00af_9b00_0000_ffffn);
    t.equal(readU64(memory, BOOT_GDT + 0x18), 0x00cf_9300_0000_ffffn);
    writeBootTables(memory, 'pvh32');
    t.equal(readU64(memory, BOOT_GDT + 0x10), 0x00cf_9b00_0000_ffffn);
  },
);

t.test('writeBootTables writes no page tables for pvh32', async (t) => {
  const memory = smallMemory();
  writeBootTables(memory, 'pvh32');
  t.equal(readU64(memory, BOOT_PD), 0n);
});

t.test('bootRegs passes the zero page in RSI, or the start info in EBX', async (t) => {
  t.match(bootRegs({ mode: 'linux64', address: 0x20_0200 }), {
    rip: 0x20_0200,
    rsi: 0x7000,
    rsp: 0x8000,
    rflags: 2n,
  });
  t.match(bootRegs({ mode: 'pvh32', address: 0x10_0000 }), { rip: 0x10_0000, rbx: 0x6000 });
  t.match(bootRegs({ mode: 'pvh32', address: 0, infoAddress: 0x5000 }), { rbx: 0x5000 });
});

t.test('bootSregs enters long mode for linux64 and flat protected mode for pvh32', async (t) => {
  const long = bootSregs(RESET, 'linux64');
  t.match(long, { cr0: 0x8000_0011n, cr3: 0x9000, cr4: 0x20n, efer: 0x500n });
  t.match(long.cs, { selector: 0x10, l: 1, db: 0, type: 0xb });
  const flat = bootSregs(RESET, 'pvh32');
  t.match(flat, { cr0: 0x11n, cr3: 0, cr4: 0, efer: 0 });
  t.match(flat.cs, { selector: 0x10, l: 0, db: 1, limit: 0xffff_ffff });
  t.match(flat.ss, { selector: 0x18, present: 1, db: 1 });
});

t.test('bootSregs keeps the APIC base that KVM set', async (t) => {
  t.equal(bootSregs(RESET, 'linux64').apic_base, 0xfee0_0900n);
});

t.test('wireLocalInterrupts sets the delivery modes and keeps the masks', async (t) => {
  const lapic = new Uint8Array(1024);
  const view = new DataView(lapic.buffer);
  view.setUint32(0x350, 0x1_0100, true);
  view.setUint32(0x360, 0x1_0000, true);
  wireLocalInterrupts(lapic);
  t.equal(view.getUint32(0x350, true), 0x1_0700);
  t.equal(view.getUint32(0x360, true), 0x1_0400);
});

t.test('bootMsrs makes memory write-back and starts the TSC at 0', async (t) => {
  const value = (index: number) => bootMsrs().find((msr) => msr.index === index)?.data;
  t.equal(value(0x2ff), 0x806n);
  t.equal(value(0x10), 0n);
  t.equal(value(0x1a0), 1n);
});
