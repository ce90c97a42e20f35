import fc from 'fast-check';
import t from 'tap';
import { Bus } from '../../../src/bus/bus.ts';
import type { AccessSize, BusDevice } from '../../../src/bus/bus-device.ts';
import { holds } from '../../support/property.ts';

/** Answers a read with its offset and remembers what it was asked. */
class ProbeDevice implements BusDevice {
  readonly name: string;
  readonly accesses: string[] = [];

  constructor(name = 'probe') {
    this.name = name;
  }

  read(offset: number, size: AccessSize): number {
    this.accesses.push(`read ${offset} ${size}`);
    return offset;
  }

  write(offset: number, size: AccessSize, value: number): void {
    this.accesses.push(`write ${offset} ${size} ${value}`);
  }
}

t.test('Bus.read passes the offset within the range', async (t) => {
  const bus = new Bus('mmio');
  const device = new ProbeDevice();
  bus.insert({ start: 0x1_0000_0000, sizeBytes: 0x100 }, device);
  bus.read(0x1_0000_0010, 4);
  t.equal(bus.low, 0x10);
  t.equal(bus.high, 0);
  t.strictSame(device.accesses, ['read 16 4']);
});

t.test('Bus.read splits 8 bytes into two halves, the lower first', async (t) => {
  const bus = new Bus('mmio');
  const device = new ProbeDevice();
  bus.insert({ start: 0x1000, sizeBytes: 0x10 }, device);
  bus.read(0x1008, 8);
  t.equal(bus.low, 8);
  t.equal(bus.high, 12);
  t.strictSame(device.accesses, ['read 8 4', 'read 12 4']);
});

t.test('Bus.write splits 8 bytes into two halves, the lower first', async (t) => {
  const bus = new Bus('mmio');
  const device = new ProbeDevice();
  bus.insert({ start: 0x1000, sizeBytes: 0x10 }, device);
  bus.write(0x1000, 8, 0x11, 0x22);
  t.strictSame(device.accesses, ['write 0 4 17', 'write 4 4 34']);
});

t.test('Bus.write cuts the value to the width of the access', async (t) => {
  const bus = new Bus('mmio');
  const device = new ProbeDevice();
  bus.insert({ start: 0x1000, sizeBytes: 0x10 }, device);
  bus.write(0x1000, 1, 0x1234_5600, 0);
  bus.write(0x1000, 2, 0xffff_0001, 0);
  bus.write(0x1000, 4, 0xffff_ffff, 0);
  t.strictSame(device.accesses, ['write 0 1 0', 'write 0 2 1', 'write 0 4 4294967295']);
});

t.test('Bus reads all ones and counts where no range contains the access', async (t) => {
  const bus = new Bus('pio');
  const device = new ProbeDevice();
  bus.insert({ start: 0x10, sizeBytes: 4 }, device);
  bus.read(0x20, 1);
  t.equal(bus.low, 0xff);
  bus.read(0x0f, 2);
  t.equal(bus.low, 0xffff, 'an access that starts before the range');
  bus.read(0x12, 4);
  t.equal(bus.low, 0xffff_ffff, 'an access that ends behind the range');
  bus.read(0x20, 8);
  t.equal(bus.high, 0xffff_ffff);
  bus.write(0x13, 2, 0, 0);
  t.equal(bus.unhandledReads, 4);
  t.equal(bus.unhandledWrites, 1);
  t.strictSame(device.accesses, []);
});

t.test('Bus.insert refuses an overlap', async (t) => {
  const bus = new Bus('pio');
  bus.insert({ start: 0x10, sizeBytes: 4 }, new ProbeDevice('first'));
  t.throws(
    () => {
      bus.insert({ start: 0x13, sizeBytes: 4 }, new ProbeDevice('second'));
    },
    { code: 'ERR_ASSERT', message: /second claims addresses that are taken/ },
  );
});

t.test('Bus.write drops the second half when the first moved the range', async (t) => {
  const bus = new Bus('mmio');
  const seen: number[] = [];
  const device: BusDevice = {
    name: 'mover',
    read: () => 0,
    write: (offset) => {
      seen.push(offset);
      bus.remove(0x1000);
    },
  };
  bus.insert({ start: 0x1000, sizeBytes: 0x10 }, device);
  bus.write(0x1000, 8, 1, 2);
  t.strictSame(seen, [0]);
});

t.test('Bus.remove frees the range', async (t) => {
  const bus = new Bus('pio');
  bus.insert({ start: 0x10, sizeBytes: 4 }, new ProbeDevice());
  bus.read(0x10, 1);
  t.equal(bus.remove(0x10), true);
  t.equal(bus.remove(0x10), false);
  bus.read(0x10, 1);
  t.equal(bus.low, 0xff, 'the remembered range is forgotten too');
  t.equal(bus.isFree({ start: 0x10, sizeBytes: 4 }), true);
});

t.test('Bus agrees with a map of single addresses', async (t) => {
  const range = fc.record({ start: fc.nat(60), sizeBytes: fc.integer({ min: 1, max: 9 }) });
  const step = fc.oneof(
    fc.record({ kind: fc.constant('insert' as const), range }),
    fc.record({ kind: fc.constant('remove' as const), range }),
  );
  holds(
    t,
    fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
      const bus = new Bus('model');
      const owners = new Map<number, { start: number; end: number }>();
      for (const { kind, range } of steps) {
        const end = range.start + range.sizeBytes;
        if (kind === 'remove') {
          const owner = owners.get(range.start);
          const isRemoved = bus.remove(range.start);
          if (isRemoved !== (owner?.start === range.start)) {
            return false;
          }
          for (let at = range.start; isRemoved && at < (owner?.end ?? 0); at++) {
            owners.delete(at);
          }
          continue;
        }
        const addresses = Array.from(
          { length: range.sizeBytes },
          (_, index) => range.start + index,
        );
        const isFree = addresses.every((at) => !owners.has(at));
        if (bus.isFree(range) !== isFree) {
          return false;
        }
        if (isFree) {
          bus.insert(range, new ProbeDevice());
          for (const at of addresses) {
            owners.set(at, { start: range.start, end });
          }
        }
      }
      for (let address = 0; address < 70; address++) {
        bus.read(address, 2);
        const owner = owners.get(address);
        const isInside = owner !== undefined && address + 2 <= owner.end;
        if (bus.low !== (isInside ? address - owner.start : 0xffff)) {
          return false;
        }
      }
      return true;
    }),
  );
});
