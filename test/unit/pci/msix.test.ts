import fc from 'fast-check';
import t from 'tap';
import { type RawFd, rawFd } from '../../../src/base/brands.ts';
import type { AccessSize } from '../../../src/bus/bus-device.ts';
import { CapabilityList } from '../../../src/pci/capability.ts';
import { ConfigSpace } from '../../../src/pci/config-space.ts';
import { Msix } from '../../../src/pci/msix.ts';
import { holds } from '../../support/property.ts';
import { FakeEventfds, FakeIrqs } from './fake-irqs.ts';

const ENABLE = 0x8000;
const FUNCTION_MASK = 0x4000;
const APIC_ADDRESS = 0xfee0_0000;
const VECTOR_CONTROL = 12;

class MsixBench {
  readonly eventfds = new FakeEventfds();
  readonly irqs = new FakeIrqs(this.eventfds);
  readonly config = new ConfigSpace();
  readonly listenerCalls: string[] = [];
  readonly msix: Msix;
  readonly capability: number;

  constructor(vectorCount = 3) {
    this.msix = new Msix({
      name: 'dev',
      vectorCount,
      binder: this.irqs,
      eventfds: this.eventfds,
    });
    const layout = { barIndex: 0, tableOffset: 0x6000, pendingOffset: 0x7000 };
    const capability = this.msix.capability(layout);
    this.capability = new CapabilityList(this.config).add(capability);
    this.msix.connect(this.config, this.capability, {
      onEnable: () => this.listenerCalls.push(`enable, ${this.irqs.bindings.size} bound`),
      onDisable: () => this.listenerCalls.push(`disable, ${this.irqs.bindings.size} bound`),
    });
  }

  setControl(value: number): void {
    this.config.write(this.capability + 2, 2, value);
  }

  setMessage(vector: number, data: number): void {
    this.msix.table.write(vector * 16, 4, APIC_ADDRESS);
    this.msix.table.write(vector * 16 + 4, 4, 0);
    this.msix.table.write(vector * 16 + 8, 4, data);
  }

  setMasked(vector: number, isMasked: boolean): void {
    this.msix.table.write(vector * 16 + VECTOR_CONTROL, 4, isMasked ? 1 : 0);
  }

  signal(fd: RawFd): void {
    this.eventfds.signalled.add(fd);
    this.irqs.pump();
  }
}

const FD = rawFd(100);
const OTHER_FD = rawFd(101);

t.test('Msix.capability says how many vectors there are and where', async (t) => {
  const bench = new MsixBench(3);
  t.equal(bench.config.read(bench.capability, 4), 0x0002_0011);
  t.equal(bench.config.read(bench.capability + 4, 4), 0x6000);
  t.equal(bench.config.read(bench.capability + 8, 4), 0x7000);
  bench.setControl(0xffff);
  t.equal(bench.config.read(bench.capability + 2, 2), 0xc002, 'enable and function mask only');
});

t.test('Msix starts with every vector masked', async (t) => {
  const bench = new MsixBench();
  bench.msix.attach(FD, 1);
  bench.setControl(ENABLE);
  t.equal(bench.msix.table.read(16 + VECTOR_CONTROL, 4), 1);
  bench.signal(FD);
  t.strictSame(bench.irqs.delivered, []);
});

t.test('Msix delivers a live vector through its route', async (t) => {
  const bench = new MsixBench();
  bench.msix.attach(FD, 1);
  bench.setMessage(1, 0x31);
  bench.setControl(ENABLE);
  bench.setMasked(1, false);
  bench.signal(FD);
  t.equal(bench.irqs.delivered.length, 1);
  const [gsi] = bench.irqs.delivered;
  t.equal(gsi === undefined ? '' : bench.irqs.routes.get(gsi), 'fee00000 0 31');
  t.equal(bench.msix.pendingBits.read(0, 4), 0);
});

t.test(
  'Msix keeps what arrives while a vector is masked, shows it, and delivers it later',
  async (t) => {
    const bench = new MsixBench();
    bench.msix.attach(FD, 1);
    bench.setMessage(1, 0x31);
    bench.setControl(ENABLE);
    bench.setMasked(1, false);
    bench.setMasked(1, true);
    bench.signal(FD);
    t.equal(bench.msix.pendingBits.read(0, 4), 0b10);
    t.strictSame(bench.irqs.delivered, []);
    bench.setMasked(1, false);
    t.equal(bench.irqs.delivered.length, 1);
    t.equal(bench.msix.pendingBits.read(0, 4), 0);
  },
);

t.test(
  'Msix shows nothing pending for a live vector, whose signals the kernel takes',
  async (t) => {
    const bench = new MsixBench();
    bench.msix.attach(FD, 1);
    bench.setMessage(1, 0x31);
    bench.setControl(ENABLE);
    bench.setMasked(1, false);
    bench.eventfds.signalled.add(FD);
    t.equal(bench.msix.pendingBits.read(0, 4), 0);
  },
);

t.test('Msix obeys the function mask', async (t) => {
  const bench = new MsixBench();
  bench.msix.attach(FD, 0);
  bench.setMessage(0, 0x40);
  bench.setMasked(0, false);
  bench.setControl(ENABLE | FUNCTION_MASK);
  bench.signal(FD);
  t.equal(bench.msix.pendingBits.read(0, 1), 1);
  bench.setControl(ENABLE);
  t.equal(bench.irqs.delivered.length, 1);
});

t.test('Msix routes a message that changed while masked before it delivers', async (t) => {
  const bench = new MsixBench();
  bench.msix.attach(FD, 0);
  bench.setMessage(0, 0x40);
  bench.setControl(ENABLE);
  bench.setMasked(0, false);
  bench.setMasked(0, true);
  bench.setMessage(0, 0x41);
  bench.setMasked(0, false);
  t.strictSame([...bench.irqs.routes.values()], ['fee00000 0 41'], 'one GSI for the vector');
});

t.test('Msix follows a message that changes under a live vector', async (t) => {
  const bench = new MsixBench();
  bench.msix.attach(FD, 0);
  bench.setMessage(0, 0x40);
  bench.setControl(ENABLE);
  bench.setMasked(0, false);
  bench.setMessage(0, 0x41);
  t.strictSame([...bench.irqs.routes.values()], ['fee00000 0 41']);
  bench.msix.table.write(0, 4, 0x1000);
  t.equal(bench.irqs.bindings.size, 0, 'and to one that leads nowhere');
});

t.test('Msix does not bind a message that no local APIC takes', async (t) => {
  const bench = new MsixBench();
  bench.msix.attach(FD, 0);
  bench.msix.table.write(0, 4, 0x1000);
  bench.setControl(ENABLE);
  bench.setMasked(0, false);
  t.equal(bench.irqs.bindings.size, 0);
  t.equal(bench.msix.undeliverableMessages, 1);
});

t.test('Msix lets several eventfds share a vector', async (t) => {
  const bench = new MsixBench();
  bench.setMessage(0, 0x40);
  bench.setControl(ENABLE);
  bench.setMasked(0, false);
  bench.msix.attach(FD, 0);
  bench.msix.attach(OTHER_FD, 0);
  bench.signal(FD);
  bench.signal(OTHER_FD);
  t.equal(bench.irqs.delivered.length, 2);
  bench.msix.detach(FD, 0);
  bench.signal(FD);
  t.equal(bench.irqs.delivered.length, 2);
  t.strictSame([...bench.irqs.bindings.keys()], [OTHER_FD]);
});

t.test('Msix tells its listener while nothing is bound', async (t) => {
  const bench = new MsixBench();
  bench.msix.attach(FD, 0);
  bench.setMessage(0, 0x40);
  bench.setMasked(0, false);
  bench.setControl(ENABLE);
  t.equal(bench.irqs.bindings.size, 1);
  bench.setControl(0);
  t.strictSame(bench.listenerCalls, ['enable, 0 bound', 'disable, 0 bound']);
});

t.test('Msix table takes whole dwords only, and reads in any part', async (t) => {
  const bench = new MsixBench();
  bench.msix.table.write(0, 4, 0x1234_5678);
  bench.msix.table.write(0, 2, 0xffff);
  bench.msix.table.write(2, 4, 0xffff_ffff);
  t.equal(bench.msix.table.read(0, 4), 0x1234_5678);
  t.equal(bench.msix.table.read(2, 2), 0x1234);
  t.equal(bench.msix.table.read(1, 1), 0x56);
  t.equal(bench.msix.table.read(3 * 16, 4), 0xffff_ffff, 'behind the last vector');
});

t.test(
  'Msix loses no signal and binds exactly the live vectors, whatever the guest does',
  async (t) => {
    const FDS = [rawFd(200), rawFd(201), rawFd(202)];
    const step = fc.oneof(
      fc.record({ kind: fc.constant('control' as const), value: fc.nat(0xffff) }),
      fc.record({
        kind: fc.constant('mask' as const),
        vector: fc.nat(2),
        isMasked: fc.boolean(),
      }),
      fc.record({
        kind: fc.constant('table' as const),
        offset: fc.nat(0x40),
        size: fc.constantFrom<AccessSize>(1, 2, 4),
        value: fc.oneof(fc.nat(0xffff_ffff), fc.constantFrom(APIC_ADDRESS, 0, 1)),
      }),
      fc.record({ kind: fc.constant('signal' as const), source: fc.nat(2) }),
      fc.record({ kind: fc.constant('move' as const), source: fc.nat(2), vector: fc.nat(3) }),
    );
    holds(
      t,
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const bench = new MsixBench(3);
        const vectors = [0, 1, 2];
        FDS.forEach((fd, index) => {
          bench.msix.attach(fd, index);
          bench.setMessage(index, index);
        });
        for (const step of steps) {
          switch (step.kind) {
            case 'control':
              bench.setControl(step.value);
              break;
            case 'mask':
              bench.setMasked(step.vector, step.isMasked);
              break;
            case 'table':
              bench.msix.table.write(step.offset, step.size, step.value % 2 ** (8 * step.size));
              break;
            case 'signal':
              bench.signal(FDS[step.source] ?? FD);
              break;
            case 'move': {
              const fd = FDS[step.source] ?? FD;
              bench.msix.detach(fd, vectors[step.source] ?? 0);
              bench.msix.attach(fd, step.vector);
              vectors[step.source] = step.vector;
              break;
            }
          }
          const control = bench.config.get(bench.capability + 2, 2);
          const isOpen = (control & (ENABLE | FUNCTION_MASK)) === ENABLE;
          const isConsistent = FDS.every((fd, source) => {
            const vector = vectors[source] ?? 0;
            const word = (index: number): number => bench.msix.table.read(vector * 16 + index, 4);
            const isDeliverable =
              vector < 3 && word(0) >>> 20 === 0xfee && (word(4) & 0xff) === 0 && word(12) === 0;
            const gsi = bench.irqs.bindings.get(fd)?.gsi;
            const message = [word(0), word(4), word(8)].map((n) => n.toString(16)).join(' ');
            const isRouted = gsi === undefined || bench.irqs.routes.get(gsi) === message;
            return isRouted && (gsi !== undefined) === (isOpen && isDeliverable);
          });
          const isPendingRight = [0, 1, 2].every((vector) => {
            const isHeld = FDS.some(
              (fd, source) => vectors[source] === vector && bench.eventfds.isSignalled(fd),
            );
            return ((bench.msix.pendingBits.read(0, 4) >>> vector) & 1) === (isHeld ? 1 : 0);
          });
          if (!isConsistent || !isPendingRight || bench.irqs.violations.length > 0) {
            return false;
          }
        }
        return true;
      }),
    );
  },
);
