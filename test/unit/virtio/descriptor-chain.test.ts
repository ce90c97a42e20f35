import fc from 'fast-check';
import t from 'tap';
import { createEventFd } from '../../../src/sys/eventfd.ts';
import {
  VIRTQ_DESC_F_INDIRECT,
  VIRTQ_DESC_F_NEXT,
  VIRTQ_DESC_F_WRITE,
} from '../../../src/virtio/constants.ts';
import { Interrupt } from '../../../src/virtio/interrupt.ts';
import { SplitQueue } from '../../../src/virtio/split-queue.ts';
import {
  hostileAvailRing,
  hostileRound,
  playHostileAvailRing,
  playHostileRound,
} from '../../support/hostile-chains.ts';
import {
  createTestMemory,
  type MockDescriptor,
  MockDriver,
  writeDescriptor,
} from '../../support/mock-driver.ts';
import {
  ALL_QUEUE_FEATURES,
  BUFFERS,
  createQueueFixture,
  INDIRECT,
  RAM_BYTES,
} from '../../support/queue-fixture.ts';

const NEXT = VIRTQ_DESC_F_NEXT;
const WRITE = VIRTQ_DESC_F_WRITE;
const TABLE = 0x2_0000;

/** Offers a chain of raw descriptors that starts at 0, and returns what the queue made of it. */
function load(descriptors: readonly MockDescriptor[], options: { size?: number } = {}) {
  const fixture = createQueueFixture(options);
  descriptors.forEach((descriptor, index) => {
    fixture.driver.rawDescriptor(index, descriptor);
  });
  fixture.driver.rawOffer(0);
  return { ...fixture, chain: fixture.queue.pop() };
}

/** As {@link load}, through an indirect table of these descriptors. */
function loadIndirect(
  descriptors: readonly MockDescriptor[],
  tableBytes = descriptors.length * 16,
) {
  const fixture = createQueueFixture({ features: INDIRECT });
  descriptors.forEach((descriptor, index) => {
    writeDescriptor(fixture.ram.memory, TABLE, index, descriptor);
  });
  fixture.driver.addRawIndirect(TABLE, tableBytes);
  fixture.driver.publish();
  return { ...fixture, chain: fixture.queue.pop() };
}

const readable = (next?: number): MockDescriptor => ({
  gpa: BUFFERS,
  length: 16,
  flags: next === undefined ? 0 : NEXT,
  next: next ?? 0,
});
const writable = (next?: number): MockDescriptor => ({
  gpa: BUFFERS + 0x1000,
  length: 512,
  flags: next === undefined ? WRITE : WRITE | NEXT,
  next: next ?? 0,
});

t.test('DescriptorChain.load separates the readable and the writable part', (t) => {
  const { chain, ram } = load([readable(1), readable(2), writable()]);
  t.match(chain, { head: 0, count: 3, readableCount: 2, readableBytes: 32, writableBytes: 512 });
  t.same(chain?.guestAddresses.slice(0, 3), new Float64Array([BUFFERS, BUFFERS, BUFFERS + 0x1000]));
  t.equal(chain?.hostAddresses[2], ram.memory.hostAddress(BUFFERS + 0x1000, 512));
  t.end();
});

t.test('DescriptorChain.load ignores next where NEXT is not set', (t) => {
  const { chain } = load([{ ...writable(), next: 7 }]);
  t.equal(chain?.count, 1);
  t.end();
});

t.test('DescriptorChain.load takes a chain as long as the queue', (t) => {
  const { chain } = load([readable(1), readable(2), readable(3), writable()], { size: 4 });
  t.equal(chain?.count, 4);
  t.end();
});

t.test('DescriptorChain.load reads each descriptor once', (t) => {
  const { chain, driver } = load([writable()]);
  driver.rawDescriptor(0, { gpa: 0, length: 0xffff_ffff, flags: 0, next: 0 });
  t.same(chain?.lengths.slice(0, 1), new Uint32Array([512]));
  t.equal(chain?.guestAddresses[0], BUFFERS + 0x1000);
  t.end();
});

const LOOP = 'chain has a loop or is longer than the queue';
const OUTSIDE = 'buffer is outside of RAM';

for (const { name, descriptors, fault } of [
  { name: 'a descriptor that follows itself', descriptors: [readable(0)], fault: LOOP },
  { name: 'a loop of two', descriptors: [readable(1), readable(0)], fault: LOOP },
  {
    name: 'a next beyond the table',
    descriptors: [readable(8)],
    fault: 'descriptor index is out of range',
  },
  {
    name: 'a next of 65535',
    descriptors: [readable(65535)],
    fault: 'descriptor index is out of range',
  },
  {
    name: 'a buffer without bytes',
    descriptors: [{ ...readable(), length: 0 }],
    fault: 'buffer has no bytes',
  },
  {
    name: 'a buffer that starts after RAM',
    descriptors: [{ ...writable(), gpa: RAM_BYTES }],
    fault: OUTSIDE,
  },
  {
    name: 'a buffer that ends one byte after RAM',
    descriptors: [{ ...writable(), gpa: RAM_BYTES - 511 }],
    fault: OUTSIDE,
  },
  {
    name: 'a buffer at the end of the address space',
    descriptors: [{ ...writable(), gpa: 2 ** 64 - 2048 }],
    fault: OUTSIDE,
  },
  {
    name: 'an address whose lower half alone would do',
    descriptors: [{ ...writable(), gpa: 2 ** 32 + BUFFERS }],
    fault: OUTSIDE,
  },
  {
    name: 'a readable buffer after a writable one',
    descriptors: [writable(1), readable()],
    fault: 'readable buffer follows a writable one',
  },
  {
    name: 'an indirect table that was not negotiated',
    descriptors: [{ gpa: TABLE, length: 16, flags: VIRTQ_DESC_F_INDIRECT, next: 0 }],
    fault: 'indirect table was not negotiated',
  },
]) {
  t.test(`DescriptorChain.load refuses ${name}`, (t) => {
    const { chain, queue, driver } = load(descriptors);
    t.equal(chain, undefined);
    t.equal(queue.lastChainFault, fault);
    t.same(driver.takeAllUsed(), [{ head: 0, length: 0 }]);
    t.equal(queue.fault, undefined, 'the queue itself is sound');
    t.end();
  });
}

t.test('DescriptorChain.load refuses a chain one longer than the queue', (t) => {
  const fixture = createQueueFixture({ size: 2, features: INDIRECT });
  [readable(1), readable(2), writable()].forEach((descriptor, index) => {
    writeDescriptor(fixture.ram.memory, TABLE, index, descriptor);
  });
  fixture.driver.addRawIndirect(TABLE, 48);
  fixture.driver.publish();
  t.equal(fixture.queue.pop(), undefined);
  t.equal(fixture.queue.lastChainFault, LOOP);
  t.end();
});

t.test('DescriptorChain.load reads an indirect table at any alignment', (t) => {
  const { queue, driver } = createQueueFixture({ features: INDIRECT });
  driver.addIndirect(
    [
      { gpa: BUFFERS, length: 16 },
      { gpa: BUFFERS, length: 8, writable: true },
    ],
    TABLE + 3,
  );
  driver.publish();
  t.match(queue.pop(), { count: 2, readableBytes: 16, writableBytes: 8 });
  t.end();
});

t.test('DescriptorChain.load ignores the write flag of an indirect descriptor', (t) => {
  const { queue, driver, ram } = createQueueFixture({ features: INDIRECT });
  writeDescriptor(ram.memory, TABLE, 0, readable());
  driver.addRawIndirect(TABLE, 16, WRITE);
  driver.publish();
  t.match(queue.pop(), { count: 1, readableCount: 1 });
  t.end();
});

t.test('DescriptorChain.load appends an indirect table to the descriptors before it', (t) => {
  const { queue, driver, ram } = createQueueFixture({ features: INDIRECT });
  driver.rawDescriptor(0, readable(1));
  driver.rawDescriptor(1, { gpa: TABLE, length: 16, flags: VIRTQ_DESC_F_INDIRECT, next: 0 });
  writeDescriptor(ram.memory, TABLE, 0, writable());
  driver.rawOffer(0);
  t.match(queue.pop(), { count: 2, readableBytes: 16, writableBytes: 512 });
  t.end();
});

for (const { name, descriptors, bytes, fault } of [
  { name: 'of no entries', descriptors: [], bytes: 0, fault: 'indirect table has an odd length' },
  {
    name: 'of 17 bytes',
    descriptors: [readable()],
    bytes: 17,
    fault: 'indirect table has an odd length',
  },
  {
    name: 'that leaves RAM',
    descriptors: [readable()],
    bytes: RAM_BYTES,
    fault: 'indirect table is outside of RAM',
  },
  {
    name: 'in a table',
    descriptors: [{ gpa: TABLE, length: 16, flags: VIRTQ_DESC_F_INDIRECT, next: 0 }],
    bytes: 16,
    fault: 'indirect table is nested',
  },
  {
    name: 'whose next is beyond it',
    descriptors: [readable(1)],
    bytes: 16,
    fault: 'descriptor index is out of range',
  },
  { name: 'with a loop', descriptors: [readable(1), readable(0)], bytes: 32, fault: LOOP },
]) {
  t.test(`DescriptorChain.load refuses an indirect table ${name}`, (t) => {
    const { chain, queue, driver } = loadIndirect(descriptors, bytes);
    t.equal(chain, undefined);
    t.equal(queue.lastChainFault, fault);
    t.equal(driver.takeAllUsed().length, 1);
    t.end();
  });
}

t.test('DescriptorChain.load refuses an indirect descriptor with a next', (t) => {
  const { queue, driver } = createQueueFixture({ features: INDIRECT });
  driver.addRawIndirect(TABLE, 16, NEXT);
  driver.publish();
  t.equal(queue.pop(), undefined);
  t.equal(queue.lastChainFault, 'indirect table has a next descriptor');
  t.end();
});

t.test('any descriptor tables: every head comes back once and no buffer leaves RAM', (t) => {
  const fixture = createQueueFixture({ features: ALL_QUEUE_FEATURES });
  let good = 0;
  const result = fc.check(
    fc.property(hostileRound, (round) => {
      const outcome = playHostileRound(fixture, round);
      good += outcome.good;
      if (outcome.broken !== undefined) {
        throw new Error(outcome.broken);
      }
    }),
    { numRuns: 2000 },
  );
  t.notOk(result.failed, fc.defaultReportMessage(result) ?? 'no failure');
  t.ok(good > 0, 'some chains are good');
  t.end();
});

t.test('any avail ring: pop ends, and a broken queue yields nothing', (t) => {
  const result = fc.check(
    fc.property(hostileAvailRing, (ring) => {
      const broken = playHostileAvailRing(
        createQueueFixture({ features: ALL_QUEUE_FEATURES }),
        ring,
      );
      if (broken !== undefined) {
        throw new Error(broken);
      }
    }),
    { numRuns: 200 },
  );
  t.notOk(result.failed, fc.defaultReportMessage(result) ?? 'no failure');
  t.end();
});

t.test('DescriptorChain.load takes buffers above 4 GiB, and none in the hole below', (t) => {
  const high = 0x1_0000_0000;
  const ram = createTestMemory([
    { start: 0, sizeBytes: 0x1_0000 },
    { start: high, sizeBytes: 0x1_0000 },
  ]);
  const driver = new MockDriver(ram.memory, { size: 8, base: high });
  const queue = SplitQueue.activate({
    memory: ram.memory,
    setup: driver.setup,
    features: ALL_QUEUE_FEATURES,
    interrupt: new Interrupt(new Uint32Array(1), createEventFd().take()),
  });
  if (typeof queue === 'string') {
    throw new Error(queue);
  }
  driver.offer([{ gpa: high + 0xff00, length: 0x100 }]);
  const chain = queue.pop();
  t.equal(chain?.count, 1);
  t.equal(chain?.hostAddresses[0], ram.memory.hostAddress(high, 1) + 0xff00);
  driver.offer([{ gpa: 0xff00, length: 0x101 }]);
  driver.offer([{ gpa: high - 0x10, length: 0x20 }]);
  driver.offer([{ gpa: high + 0xff00, length: 0x101 }]);
  t.equal(queue.pop(), undefined);
  t.equal(queue.malformedCount, 3);
  t.end();
});
