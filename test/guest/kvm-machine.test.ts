import t from 'tap';
import { CoalescedRing } from '../../src/hypervisor/coalesced-ring.ts';
import {
  KVM_MP_STATE_RUNNABLE,
  KVM_MP_STATE_UNINITIALIZED,
} from '../../src/hypervisor/constants.ts';
import { KVM_LAPIC_STATE } from '../../src/hypervisor/structs.ts';
import type { VcpuFd } from '../../src/hypervisor/vcpu-fd.ts';
import type { GuestMemory } from '../../src/memory/guest-memory.ts';
import { createEventFd, drainEventFd, signalEventFd } from '../../src/sys/eventfd.ts';
import {
  CODE_START,
  createTinyMachine,
  kvmUnavailable,
  runToExit,
} from '../support/tiny-machine.ts';

const skip = kvmUnavailable() ?? false;
const VECTOR = 0x40;
const HANDLER = CODE_START + 0x100;
const IDT = 0x5000;
/** sti; out 0x10, al; hlt; jmp to the hlt */
const WAIT_FOR_INTERRUPT = [0xfb, 0xe6, 0x10, 0xf4, 0xeb, 0xfd];
/** out 0x11, al; hlt */
const TELL_INTERRUPT = [0xe6, 0x11, 0xf4];

function only(vcpus: readonly VcpuFd[]): VcpuFd {
  const [vcpu] = vcpus;
  if (vcpu === undefined) {
    throw new Error('no vCPU');
  }
  return vcpu;
}

/** Gives the vCPU an IDT with one 64-bit interrupt gate and switches its APIC on. */
function takeInterrupts(vcpu: VcpuFd, memory: GuestMemory, vector = VECTOR): void {
  const gate = new DataView(new ArrayBuffer(16));
  gate.setUint16(0, HANDLER % 0x1_0000, true);
  gate.setUint16(2, 0x10, true);
  gate.setUint16(4, 0x8e00, true);
  gate.setUint16(6, Math.floor(HANDLER / 0x1_0000), true);
  memory.write(IDT + 16 * vector, new Uint8Array(gate.buffer));
  memory.write(HANDLER, Uint8Array.from(TELL_INTERRUPT));
  vcpu.setSregs({ ...vcpu.getSregs(), idt: { base: IDT, limit: 0xfff } });
  const lapic = vcpu.getLapic();
  // Spurious-interrupt vector register: software enable.
  new DataView(lapic.buffer).setUint32(0xf0, 0x1ff, true);
  vcpu.setLapic(lapic);
}

t.test('an irqfd with an MSI route interrupts the guest', { skip }, async (t) => {
  const { vm, vcpus, memory } = createTinyMachine(WAIT_FOR_INTERRUPT);
  const vcpu = only(vcpus);
  takeInterrupts(vcpu, memory);
  using irqfd = createEventFd();
  const vector = vm.routes.allocateMsiGsi();
  vm.routes.setMsiRoute(vector, 0xfee0_0000, 0, VECTOR);
  vm.routes.commit();
  vm.bindIrqfd(irqfd.raw, vector);
  t.match(runToExit(vcpu), { kind: 'io', port: 0x10 });
  signalEventFd(irqfd.raw);
  t.match(runToExit(vcpu), { kind: 'io', port: 0x11 });
  vm.unbindIrqfd(irqfd.raw, vector);
  signalEventFd(irqfd.raw);
  t.ok(drainEventFd(irqfd.raw), 'after unbinding nobody takes the signal');
});

t.test('Vm.setIrqLine raises an input of the PIC', { skip }, async (t) => {
  const { vm, vcpus, memory } = createTinyMachine(WAIT_FOR_INTERRUPT);
  const vcpu = only(vcpus);
  // Nobody has programmed the PIC: its vectors start at 0, so that input 5 is vector 5.
  takeInterrupts(vcpu, memory, 5);
  t.match(runToExit(vcpu), { kind: 'io', port: 0x10 });
  vm.setIrqLine(5, true);
  t.match(runToExit(vcpu), { kind: 'io', port: 0x11 });
});

t.test('Vm.signalMsi raises a vector without a route', { skip }, async (t) => {
  const { vm, vcpus, memory } = createTinyMachine(WAIT_FOR_INTERRUPT);
  const vcpu = only(vcpus);
  takeInterrupts(vcpu, memory);
  t.match(runToExit(vcpu), { kind: 'io', port: 0x10 });
  vm.signalMsi(0xfee0_0000, 0, VECTOR);
  t.match(runToExit(vcpu), { kind: 'io', port: 0x11 });
});

t.test('an ioeventfd takes writes of every width and the guest goes on', { skip }, async (t) => {
  // mov ebx, 0xd0003000; mov [rbx], ax; mov [rbx], eax; out 0x10, al
  const code = [0xbb, 0, 0x30, 0, 0xd0, 0x66, 0x89, 0x03, 0x89, 0x03, 0xe6, 0x10];
  const { vm, vcpus } = createTinyMachine(code);
  using kick = createEventFd();
  const event = { address: 0xd000_3000, sizeBytes: 0, fd: kick.raw };
  vm.assignIoeventfd(event);
  t.match(runToExit(only(vcpus)), { kind: 'io', port: 0x10 }, 'no MMIO exit on the way');
  t.ok(drainEventFd(kick.raw));
  vm.deassignIoeventfd(event);
  t.throws(
    () => {
      vm.deassignIoeventfd(event);
    },
    { code: 'ERR_SYSCALL', message: /ioctl\(KVM_IOEVENTFD\) failed: ENOENT/ },
  );
});

t.test('an ioeventfd with a value takes that value only', { skip }, async (t) => {
  // mov ebx, 0xd0003000; mov ax, 1; mov [rbx], ax; mov ax, 2; mov [rbx], ax
  const store = [0x66, 0x89, 0x03];
  const code = [0xbb, 0, 0x30, 0, 0xd0, 0x66, 0xb8, 1, 0, ...store, 0x66, 0xb8, 2, 0, ...store];
  const { vm, vcpus } = createTinyMachine(code);
  using kick = createEventFd();
  vm.assignIoeventfd({ address: 0xd000_3000, sizeBytes: 2, fd: kick.raw, datamatch: 1 });
  t.match(runToExit(only(vcpus)), { kind: 'mmio', isWrite: true, sizeBytes: 2, dataLow: 2 });
  t.ok(drainEventFd(kick.raw));
});

t.test('coalesced port writes wait in the ring, in order', { skip }, async (t) => {
  // mov dx, 0xcf8; mov eax, 0x80000000; out dx, eax; inc eax; out dx, eax; out 0x10, al
  const code = [0x66, 0xba, 0xf8, 0x0c, 0xb8, 0, 0, 0, 0x80, 0xef, 0xff, 0xc0, 0xef, 0xe6, 0x10];
  const { vm, vcpus } = createTinyMachine(code);
  vm.registerCoalesced({ address: 0xcf8, sizeBytes: 4, pio: true });
  const vcpu = only(vcpus);
  t.match(runToExit(vcpu), { kind: 'io', port: 0x10 });
  const seen: unknown[] = [];
  new CoalescedRing(vcpu.mapping).drain((isPio, address, sizeBytes, low) => {
    seen.push([isPio, address, sizeBytes, low]);
  });
  t.same(seen, [
    [true, 0xcf8, 4, 0x8000_0000],
    [true, 0xcf8, 4, 0x8000_0001],
  ]);
});

t.test(
  'INIT and SIPI start the second processor, and each reads its own APIC id',
  { skip },
  async (t) => {
    // mov ebx, 0xfee00300; INIT to all others; SIPI to all others at page 0x10; then CPUID as below
    const sendIpis = [0xbb, 0, 3, 0xe0, 0xfe];
    sendIpis.push(0xc7, 0x03, 0, 0x45, 0x0c, 0, 0xc7, 0x03, 0x10, 0x46, 0x0c, 0);
    // mov eax, 1; cpuid; shr ebx, 24; mov al, bl; out 0x10, al
    const tellId = [0xb8, 1, 0, 0, 0, 0x0f, 0xa2, 0xc1, 0xeb, 24, 0x88, 0xd8, 0xe6, 0x10];
    const { vcpus, memory } = createTinyMachine([...sendIpis, ...tellId], { vcpuCount: 2 });
    const [first, second] = vcpus;
    if (first === undefined || second === undefined) {
      throw new Error('not two vCPUs');
    }
    // In real mode the operand size prefix makes the same instructions 32 bits wide.
    const real = [0x66, 0xb8, 1, 0, 0, 0, 0x0f, 0xa2, 0x66, 0xc1, 0xeb, 24, 0x88, 0xd8, 0xe6, 0x12];
    memory.write(0x1_0000, Uint8Array.from(real));
    t.equal(first.getMpState(), KVM_MP_STATE_RUNNABLE);
    t.equal(second.getMpState(), KVM_MP_STATE_UNINITIALIZED);
    const lapic = first.getLapic();
    new DataView(lapic.buffer).setUint32(0xf0, 0x1ff, true);
    first.setLapic(lapic);
    t.match(runToExit(first), { kind: 'io', port: 0x10 });
    t.equal(first.getRegs().rax % 256n, 0n);
    t.match(runToExit(second), { kind: 'io', port: 0x12 });
    t.equal(second.getRegs().rax % 256n, 1n);
  },
);

t.test(
  'Vm.setUserMemoryRegion refuses an overlap and frees a removed slot',
  { skip },
  async (t) => {
    const { vm, memory } = createTinyMachine([0xf4]);
    const [region] = memory.regions;
    const hva = region?.host ?? 0;
    const overlapping = { slot: 7, gpa: 0x10_0000, sizeBytes: 0x1000, hva };
    t.throws(
      () => {
        vm.setUserMemoryRegion(overlapping);
      },
      {
        code: 'ERR_MEMSLOT_OVERLAP',
        message: 'memslot 7 (0x100000 to 0x101000) overlaps memslot 0 (0x0 to 0x200000)',
      },
    );
    vm.setUserMemoryRegion({ slot: 0, gpa: 0, sizeBytes: 0, hva });
    t.doesNotThrow(() => {
      vm.setUserMemoryRegion(overlapping);
    });
  },
);

t.test('VcpuFd gives back the state that it was given', { skip }, async (t) => {
  const vcpu = only(createTinyMachine([0xf4]).vcpus);
  vcpu.setRegs({ ...vcpu.getRegs(), r15: 0xffff_ffff_ffff_fff0n, rcx: 7 });
  t.match(vcpu.getRegs(), { r15: 0xffff_ffff_ffff_fff0n, rcx: 7n, rip: BigInt(CODE_START) });
  vcpu.setFpu({ ...vcpu.getFpu(), fcw: 0x27f });
  t.equal(vcpu.getFpu().fcw, 0x27f);
  vcpu.setDebugregs({ ...vcpu.getDebugregs(), db: [0x1000n] });
  t.equal(vcpu.getDebugregs().db[0], 0x1000n);
  // IA32_SYSENTER_EIP and the kernel's GS base.
  const msrs = [
    { index: 0x176, data: 0x1234n },
    { index: 0xc000_0102, data: 0xffff_8880_0000_0000n },
  ];
  vcpu.setMsrs(msrs);
  t.same(vcpu.getMsrs([0x176, 0xc000_0102]), msrs);
  t.same(vcpu.getVcpuEvents().sipi_vector, 0);
  vcpu.setVcpuEvents(vcpu.getVcpuEvents());
  t.equal(vcpu.getLapic().length, KVM_LAPIC_STATE.sizeBytes);
  t.ok(vcpu.getCpuid2().some((entry) => entry.function === 0x4000_0000));
});

t.test('VcpuFd.setMsrs names the MSR that KVM refuses', { skip }, async (t) => {
  const vcpu = only(createTinyMachine([0xf4]).vcpus);
  t.throws(
    () => {
      vcpu.setMsrs([
        { index: 0x176, data: 1n },
        { index: 0x1234_5678, data: 1n },
      ]);
    },
    { code: 'ERR_VCPU_MSR', message: /refuses MSR 0x12345678/ },
  );
});

t.test('VcpuFd.translate follows the boot page tables', { skip }, async (t) => {
  const vcpu = only(createTinyMachine([0xf4]).vcpus);
  t.match(vcpu.translate(0x12_3456n), { gpa: 0x12_3456n });
});
