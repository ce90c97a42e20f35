import t from 'tap';
import { Bus } from '../../src/bus/bus.ts';
import type { VcpuFd } from '../../src/hypervisor/vcpu-fd.ts';
import type { GuestMemory } from '../../src/memory/guest-memory.ts';
import { PciRoot } from '../../src/pci/pci-root.ts';
import { drainEventFd, signalEventFd } from '../../src/sys/eventfd.ts';
import { isReadable } from '../../src/sys/poll.ts';
import { TransportEvents } from '../../src/transport/events.ts';
import { PciTransport } from '../../src/transport/pci-transport.ts';
import { createIoeventBinder, createIrqBinder } from '../../src/vmm/machine/binders.ts';
import {
  CODE_START,
  createTinyMachine,
  kvmUnavailable,
  runToExit,
  type TinyMachine,
} from '../support/tiny-machine.ts';
import { WINDOWS } from '../unit/pci/pci-machine.ts';
import { FakePort, REG, VERSION_1 } from '../unit/transport/transport-bench.ts';

const skip = kvmUnavailable() ?? false;
const HANDLER = CODE_START + 0x100;
const IDT = 0x5000;
const MSI_VECTOR = 0x40;
/** GSI 9 is input 1 of the second PIC, whose vectors start at 0 until somebody programs it. */
const INTX_VECTOR = 1;
const RUNNING = 0xf;
/** sti; out 0x10, al; hlt; jmp to the hlt */
const WAIT_FOR_INTERRUPTS = [0xfb, 0xe6, 0x10, 0xf4, 0xeb, 0xfd];
/** mov al, 0x20; out 0xa0, al; out 0x20, al (the ends of interrupt of both PICs); out 0x11, al; iretq */
const END_INTERRUPT = [0xb0, 0x20, 0xe6, 0xa0, 0xe6, 0x20, 0xe6, 0x11, 0x48, 0xcf];
/** mov eax, 0xd0003004; mov [rax], eax; out 0x10, al; hlt */
const KICK_QUEUE_1 = [0xb8, 0x04, 0x30, 0x00, 0xd0, 0x89, 0x00, 0xe6, 0x10, 0xf4];

/** One virtio device on a machine of KVM's own. */
class KvmTransport implements Disposable {
  readonly machine: TinyMachine;
  readonly vcpu: VcpuFd;
  readonly events = new TransportEvents(2);
  readonly isr = new Int32Array(1);
  readonly transport: PciTransport;

  constructor(code: readonly number[]) {
    this.machine = createTinyMachine(code);
    const [vcpu] = this.machine.vcpus;
    if (vcpu === undefined) {
      throw new Error('no vCPU');
    }
    this.vcpu = vcpu;
    this.transport = new PciTransport({
      name: 'dev',
      deviceType: 4,
      features: VERSION_1,
      queueSizes: [64, 64],
      config: new Uint8Array(0),
      events: this.events,
      isr: this.isr,
      port: new FakePort(),
      irqBinder: createIrqBinder(this.machine.vm),
      ioeventBinder: createIoeventBinder(this.machine.vm),
    });
    const root = new PciRoot({
      memoryBus: new Bus('mmio'),
      ioBus: new Bus('pio'),
      windows: WINDOWS,
    });
    root.add(this.transport.fn);
  }

  get bar(): { write(offset: number, size: 1 | 2 | 4, value: number): void } {
    const [bar] = this.transport.fn.bars;
    if (bar === undefined) {
      throw new Error('no BAR');
    }
    return bar.spec.device;
  }

  start(): void {
    this.bar.write(REG.driverFeatureSelect, 4, 1);
    this.bar.write(REG.driverFeature, 4, 1);
    this.bar.write(REG.status, 1, RUNNING & ~4);
    this.bar.write(REG.status, 1, RUNNING);
  }

  enableMsix(isFirstMasked: boolean): void {
    this.bar.write(0x6000, 4, 0xfee0_0000);
    this.bar.write(0x6008, 4, MSI_VECTOR);
    this.bar.write(0x600c, 4, isFirstMasked ? 1 : 0);
    const { config } = this.transport.fn;
    let capability = config.get(0x34, 1);
    while (config.get(capability, 1) !== 0x11) {
      capability = config.get(capability + 1, 1);
    }
    config.write(capability + 2, 2, 0x8000);
    this.bar.write(REG.queueVector, 2, 0);
  }

  /** What a device process does after it has used a buffer of queue 0. */
  call(): void {
    Atomics.or(this.isr, 0, 1);
    signalEventFd(this.callFd);
  }

  get callFd(): number {
    const [queue] = this.events.queues;
    return queue?.call.raw ?? -1;
  }

  [Symbol.dispose](): void {
    this.events[Symbol.dispose]();
  }
}

/** Gives the vCPU an IDT with one 64-bit interrupt gate and switches its APIC on. */
function takeInterrupts(vcpu: VcpuFd, memory: GuestMemory, vector: number): void {
  const gate = new DataView(new ArrayBuffer(16));
  gate.setUint16(0, HANDLER % 0x1_0000, true);
  gate.setUint16(2, 0x10, true);
  gate.setUint16(4, 0x8e00, true);
  gate.setUint16(6, Math.floor(HANDLER / 0x1_0000), true);
  memory.write(IDT + 16 * vector, new Uint8Array(gate.buffer));
  memory.write(HANDLER, Uint8Array.from(END_INTERRUPT));
  vcpu.setSregs({ ...vcpu.getSregs(), idt: { base: IDT, limit: 0xfff } });
  const lapic = vcpu.getLapic();
  // Spurious-interrupt vector register: software enable.
  new DataView(lapic.buffer).setUint32(0xf0, 0x1ff, true);
  vcpu.setLapic(lapic);
}

t.test(
  'PciTransport on KVM delivers a masked MSI-X vector when it is unmasked',
  { skip },
  async (t) => {
    using device = new KvmTransport(WAIT_FOR_INTERRUPTS);
    takeInterrupts(device.vcpu, device.machine.memory, MSI_VECTOR);
    device.enableMsix(true);
    device.start();
    t.match(runToExit(device.vcpu), { kind: 'io', port: 0x10 });
    device.call();
    t.equal(isReadable(device.callFd), true, 'the eventfd keeps the signal');
    t.equal(device.transport.interrupts.msix.pendingBits.read(0, 4), 1);
    device.bar.write(0x600c, 4, 0);
    t.equal(isReadable(device.callFd), false, 'the kernel has taken it');
    t.match(runToExit(device.vcpu), { kind: 'io', port: 0x11 });
  },
);

t.test('PciTransport on KVM raises INTx again while the ISR is not read', { skip }, async (t) => {
  using device = new KvmTransport(WAIT_FOR_INTERRUPTS);
  takeInterrupts(device.vcpu, device.machine.memory, INTX_VECTOR);
  device.start();
  t.match(runToExit(device.vcpu), { kind: 'io', port: 0x10 });
  device.call();
  t.match(runToExit(device.vcpu), { kind: 'io', port: 0x11 });
  t.equal(isReadable(device.events.resample.raw), true, 'the end of the interrupt');
  device.transport.onResample();
  t.match(runToExit(device.vcpu), { kind: 'io', port: 0x11 });
  t.equal(device.transport.interrupts.takeIsr(), 1);
  device.transport.onResample();
  t.equal(isReadable(device.events.config.raw), false);
  device.transport.fn.config.write(4, 2, 0x402);
  device.call();
  t.equal(isReadable(device.callFd), true, 'INTx is disabled: nobody takes the signal');
});

t.test('PciTransport on KVM kicks a queue without an exit', { skip }, async (t) => {
  using device = new KvmTransport(KICK_QUEUE_1);
  device.start();
  t.match(runToExit(device.vcpu), { kind: 'io', port: 0x10 }, 'no MMIO exit before it');
  const [first, second] = device.events.queues;
  t.equal(drainEventFd(first?.kick.raw ?? -1), false);
  t.equal(drainEventFd(second?.kick.raw ?? -1), true);
});
