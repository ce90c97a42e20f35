/**
 * What every virtio device has to bear from a driver, as one suite: run it on the device in this process and on a
 * device process alike.
 */
import type { Test } from 'tap';
import { hasFeature, VIRTIO_F_VERSION_1 } from '../../src/virtio/constants.ts';
import { MockDriver, type TestMemory } from './mock-driver.ts';

/** A device under test, wherever it runs. */
export interface DeviceUnderTest extends Disposable {
  readonly ram: TestMemory;
  readonly features: bigint;
  readonly queueSizes: readonly number[];
  readonly config: Uint8Array;
  /** DRIVER_OK with one queue per driver. */
  activate(drivers: readonly MockDriver[], features: bigint): void;
  /** The driver kicks a queue; before activation too, where that can reach the device. */
  kick(index: number): void;
  /** Lets the device run until the condition holds. False when it still does not after a while. */
  runUntil(condition: () => boolean): boolean;
  /** Lets the device run for a moment. */
  runAWhile(): void;
  /** Resets the device and waits for it. */
  reset(): void;
  /** What the device last reported as the driver's fault; undefined when it has nothing to complain about. */
  needsReset(): string | undefined;
}

export interface SuiteOptions {
  readonly name: string;
  readonly create: () => DeviceUnderTest;
  /** Queues from which a kick takes everything at once, as opposed to those that wait for data from outside. */
  readonly drainedQueues: readonly number[];
}

/** RAM that the device under test needs; rings lie at the bottom, buffers in the upper half. */
export const SUITE_RAM_BYTES = 1 << 20;
const BUFFERS = SUITE_RAM_BYTES / 2;
const SIZE = 8;
const RING_STRIDE = 0x1000;
const PATTERN = 0xa5;

function makeDrivers(device: DeviceUnderTest): readonly MockDriver[] {
  return device.queueSizes.map(
    (_, index) =>
      new MockDriver(device.ram.memory, { index, size: SIZE, base: (1 + index) * RING_STRIDE }),
  );
}

/** Drivers of an active device, and the one of a queue. */
function start(device: DeviceUnderTest): readonly MockDriver[] {
  const drivers = makeDrivers(device);
  device.activate(drivers, device.features);
  return drivers;
}

function driverOf(drivers: readonly MockDriver[], index: number): MockDriver {
  const driver = drivers[index];
  if (driver === undefined) {
    throw new Error(`the device has no queue ${index}`);
  }
  return driver;
}

/** Chains that are malformed, each offered at head 0 of a fresh ring. */
const malformed: readonly {
  readonly name: string;
  readonly write: (driver: MockDriver) => void;
}[] = [
  {
    name: 'a looping chain',
    write: (driver) => {
      driver.rawDescriptor(0, { gpa: BUFFERS, length: 16, flags: 1, next: 1 });
      driver.rawDescriptor(1, { gpa: BUFFERS, length: 16, flags: 1, next: 0 });
    },
  },
  {
    name: 'a buffer without bytes',
    write: (driver) => {
      driver.rawDescriptor(0, { gpa: BUFFERS, length: 0, flags: 2, next: 0 });
    },
  },
  {
    name: 'a buffer outside of RAM',
    write: (driver) => {
      driver.rawDescriptor(0, { gpa: SUITE_RAM_BYTES - 8, length: 16, flags: 2, next: 0 });
    },
  },
  {
    name: 'a readable buffer after a writable one',
    write: (driver) => {
      driver.rawDescriptor(0, { gpa: BUFFERS, length: 16, flags: 3, next: 1 });
      driver.rawDescriptor(1, { gpa: BUFFERS, length: 16, flags: 0, next: 0 });
    },
  },
];

/** Offers chains of every shape until the ring is full. */
function fillRing(driver: MockDriver): void {
  while (driver.freeCount >= 2) {
    driver.add([
      { gpa: BUFFERS, length: 64 },
      { gpa: BUFFERS + 0x1000, length: 1024, writable: true },
    ]);
  }
  driver.publish();
}

/** Runs the suite. */
export function testVirtioDevice(t: Test, options: SuiteOptions): void {
  const { name, create, drainedQueues } = options;

  t.test(`${name} describes itself before it is activated`, (t) => {
    using device = create();
    t.ok(hasFeature(device.features, VIRTIO_F_VERSION_1), 'it is a modern device');
    t.ok(device.queueSizes.length > 0);
    for (const size of device.queueSizes) {
      t.equal(size & (size - 1), 0, `${size} is a power of two`);
    }
    t.ok(device.config.length <= 4096);
    t.end();
  });

  t.test(`${name} bears a kick before it is activated, and serves what was offered`, (t) => {
    using device = create();
    const drivers = makeDrivers(device);
    for (const index of drainedQueues) {
      fillRing(driverOf(drivers, index));
      device.kick(index);
    }
    device.runAWhile();
    t.ok(drivers.every((driver) => driver.usedIdx === 0));
    device.activate(drivers, device.features);
    for (const index of drainedQueues) {
      const driver = driverOf(drivers, index);
      t.ok(device.runUntil(() => driver.usedIdx === driver.availIdx));
    }
    t.equal(device.needsReset(), undefined);
    t.end();
  });

  for (const index of drainedQueues) {
    for (const { name: fault, write } of malformed) {
      t.test(`${name} gives ${fault} on queue ${index} back and goes on`, (t) => {
        using device = create();
        const driver = driverOf(start(device), index);
        write(driver);
        driver.rawOffer(0);
        device.kick(index);
        t.ok(device.runUntil(() => driver.usedIdx === 1));
        t.same(driver.takeAllUsed(), [{ head: 0, length: 0 }]);
        driver.rawOffer(0);
        device.kick(index);
        t.ok(
          device.runUntil(() => driver.usedIdx === 2),
          'and the next one too',
        );
        t.equal(device.needsReset(), undefined);
        t.end();
      });
    }

    t.test(`${name} needs a reset when queue ${index} makes no sense, and works after it`, (t) => {
      using device = create();
      const first = driverOf(start(device), index);
      first.rawAvailIdx(SIZE + 1);
      device.kick(index);
      t.ok(device.runUntil(() => device.needsReset() !== undefined));
      t.match(device.needsReset(), /avail idx is ahead by more than the queue size/);
      device.reset();
      const second = driverOf(start(device), index);
      fillRing(second);
      device.kick(index);
      t.ok(device.runUntil(() => second.usedIdx === second.availIdx));
      t.end();
    });
  }

  t.test(`${name} needs a reset when a ring lies outside of RAM`, (t) => {
    using device = create();
    const [driver] = makeDrivers(device);
    if (driver === undefined) {
      throw new Error('a device has queues');
    }
    const setup = { ...driver.setup, usedRing: SUITE_RAM_BYTES };
    device.activate([Object.assign(Object.create(driver), { setup })], device.features);
    t.ok(device.runUntil(() => device.needsReset() !== undefined));
    t.match(device.needsReset(), /used ring at 0x100000 is misaligned or outside of RAM/);
    t.end();
  });

  t.test(`${name} leaves guest memory alone once it was reset under load`, (t) => {
    using device = create();
    const drivers = start(device);
    for (const [index, driver] of drivers.entries()) {
      fillRing(driver);
      device.kick(index);
    }
    device.reset();
    device.ram.memory.borrow(0, SUITE_RAM_BYTES).fill(PATTERN);
    drivers.forEach((_, index) => {
      device.kick(index);
    });
    device.runAWhile();
    const touched = device.ram.memory.borrow(0, SUITE_RAM_BYTES).findIndex((b) => b !== PATTERN);
    t.equal(touched, -1);
    t.end();
  });

  t.test(`${name} can be activated and reset again and again`, (t) => {
    using device = create();
    for (let round = 0; round < 20; round++) {
      const drivers = start(device);
      for (const index of drainedQueues) {
        const driver = driverOf(drivers, index);
        fillRing(driver);
        device.kick(index);
        if (!device.runUntil(() => driver.usedIdx === driver.availIdx)) {
          t.fail(`queue ${index} stands still in round ${round}`);
        }
      }
      device.reset();
    }
    t.equal(device.needsReset(), undefined);
    t.end();
  });
}
