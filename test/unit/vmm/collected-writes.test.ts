import t from 'tap';
import {
  BURST_WRITES,
  CollectedWrites,
  IDLE_LOOKS,
  type OutputDevice,
  PATIENCE_WRITES,
  QUIET_TICKS,
  type WriteRing,
} from '../../../src/vmm/machine/collected-writes.ts';

const COM1 = 0x3f8;
const COM2 = 0x2f8;

/** KVM: keeps one-byte writes to the ports that it was told, and makes exits of the others. */
class FakeKvm implements WriteRing {
  readonly collected = new Set<number>();
  readonly kept: { readonly port: number; readonly value: number }[] = [];
  starts = 0;
  refuses = false;

  start(port: number): boolean {
    this.starts++;
    if (!this.refuses) {
      this.collected.add(port);
    }
    return !this.refuses;
  }

  stop(port: number): void {
    this.collected.delete(port);
  }

  drain(handler: Parameters<WriteRing['drain']>[0]): number {
    const writes = this.kept.splice(0);
    for (const { port, value } of writes) {
      handler(true, port, 1, value, 0);
    }
    return writes.length;
  }
}

/** One port with everything behind it; `log` has what reached the device. */
class PortBench {
  readonly log: string[] = [];
  readonly device: OutputDevice & { interruptsForOutput: boolean } = {
    name: 'port',
    interruptsForOutput: false,
    read: (offset) => {
      this.log.push(`read ${offset}`);
      return offset;
    },
    write: (offset, _size, value) => {
      this.log.push(`write ${offset}=${value}`);
    },
    writeCollected: (value) => {
      this.log.push(`collected ${value}`);
    },
  };
  readonly #kvm: FakeKvm;
  readonly #writes: CollectedWrites;
  readonly #bus: ReturnType<CollectedWrites['attach']>;
  readonly #port: number;

  constructor(kvm: FakeKvm, writes: CollectedWrites, port: number) {
    this.#kvm = kvm;
    this.#writes = writes;
    this.#bus = writes.attach(port, this.device);
    this.#port = port;
  }

  get isCollected(): boolean {
    return this.#kvm.collected.has(this.#port);
  }

  /** The guest writes a byte. */
  put(value: number): void {
    if (this.isCollected) {
      this.#kvm.kept.push({ port: this.#port, value });
    } else {
      this.#writes.drain();
      this.#bus.write(0, 1, value);
    }
  }

  putMany(count: number): void {
    for (let index = 0; index < count; index++) {
      this.put(index);
    }
  }

  /** The guest reads a register. */
  get(offset: number): number {
    this.#writes.drain();
    return this.#bus.read(offset, 1);
  }
}

function setup() {
  const kvm = new FakeKvm();
  const writes = new CollectedWrites(kvm);
  return { kvm, writes, com1: new PortBench(kvm, writes, COM1) };
}

function tick(writes: CollectedWrites, count: number): void {
  for (let index = 0; index < count; index++) {
    writes.tick();
  }
}

t.test('CollectedWrites collects a port from a burst until it has been quiet', async (t) => {
  const { writes, com1 } = setup();
  com1.putMany(BURST_WRITES - 1);
  t.notOk(com1.isCollected);
  t.notOk(writes.isActive, 'no tick is wanted');
  com1.put(0);
  t.ok(com1.isCollected);
  t.ok(writes.isActive);
  com1.put(1);
  tick(writes, QUIET_TICKS);
  t.ok(com1.isCollected, 'one of these ticks has found a byte');
  tick(writes, 1);
  t.notOk(com1.isCollected);
  t.notOk(writes.isActive);
  t.equal(com1.log.at(-1), 'collected 1');
});

t.test(
  'CollectedWrites ends with a guest that exits all the time and prints nothing',
  async (t) => {
    const { writes, com1 } = setup();
    com1.putMany(BURST_WRITES);
    for (let look = 0; look < QUIET_TICKS * IDLE_LOOKS; look++) {
      com1.put(1);
      com1.get(5);
    }
    t.ok(com1.isCollected, 'it prints');
    for (let look = 0; look < (QUIET_TICKS + 1) * IDLE_LOOKS; look++) {
      com1.get(5);
    }
    t.notOk(com1.isCollected);
    t.notOk(writes.isActive);
  },
);

t.test('CollectedWrites hands over all that was written before an exit is answered', async (t) => {
  const { com1 } = setup();
  com1.putMany(BURST_WRITES);
  com1.log.length = 0;
  com1.put(7);
  com1.put(8);
  t.same(com1.log, [], 'nobody has looked yet');
  com1.get(2);
  com1.put(9);
  com1.get(3);
  t.same(com1.log, ['collected 7', 'collected 8', 'read 2', 'collected 9', 'read 3']);
});

t.test('CollectedWrites gives each port its own bytes, in one order', async (t) => {
  const { kvm, writes, com1 } = setup();
  const com2 = new PortBench(kvm, writes, COM2);
  com1.putMany(BURST_WRITES);
  com2.putMany(BURST_WRITES);
  com1.put(101);
  com2.put(102);
  com1.put(103);
  writes.drain();
  t.same(com1.log.slice(BURST_WRITES), ['collected 101', 'collected 103']);
  t.same(com2.log.slice(BURST_WRITES), ['collected 102']);
});

t.test('CollectedWrites hands over what a port got while it was given up', async (t) => {
  const { kvm, writes, com1 } = setup();
  com1.putMany(BURST_WRITES);
  tick(writes, QUIET_TICKS - 1);
  kvm.stop = (port) => {
    kvm.kept.push({ port, value: 99 });
    kvm.collected.delete(port);
  };
  tick(writes, 1);
  t.notOk(com1.isCollected);
  t.equal(com1.log.at(-1), 'collected 99');
});

t.test('CollectedWrites leaves a driver alone that sleeps for the interrupt', async (t) => {
  const { kvm, writes, com1 } = setup();
  com1.device.interruptsForOutput = true;
  com1.putMany(BURST_WRITES + 1);
  tick(writes, 1);
  t.equal(com1.log.at(-1), `collected ${BURST_WRITES}`, 'it had waited for the tick');
  t.notOk(com1.isCollected);
  com1.putMany(PATIENCE_WRITES);
  t.equal(kvm.starts, 1);
  com1.putMany(BURST_WRITES);
  t.ok(com1.isCollected, 'and is tried again after a while');
});

t.test('CollectedWrites: output without the interrupt is collected meanwhile', async (t) => {
  const { writes, com1 } = setup();
  com1.device.interruptsForOutput = true;
  com1.putMany(BURST_WRITES + 1);
  tick(writes, 1);
  com1.device.interruptsForOutput = false;
  com1.putMany(BURST_WRITES);
  t.ok(com1.isCollected);
});

t.test(
  'CollectedWrites stays with a driver that looks at a register after each FIFO',
  async (t) => {
    const { kvm, writes, com1 } = setup();
    com1.device.interruptsForOutput = true;
    for (let burst = 0; burst < 100; burst++) {
      com1.putMany(16);
      com1.get(2);
      tick(writes, 1);
    }
    // Ticks found nothing that had not been handed over, but bytes since the one before.
    t.equal(kvm.starts, 1);
    t.equal(com1.log.filter((entry) => !entry.startsWith('read')).length, 1600);
  },
);

t.test('CollectedWrites: a host that refuses is not asked again, and loses nothing', async (t) => {
  const { kvm, com1 } = setup();
  kvm.refuses = true;
  com1.putMany(3 * BURST_WRITES);
  t.equal(kvm.starts, 1);
  t.equal(com1.log.length, 3 * BURST_WRITES);
});
