import t from 'tap';
import { VIRTIO_ISR_QUEUE, VIRTQ_DESC_F_NEXT } from '../../../src/virtio/constants.ts';
import { Interrupt } from '../../../src/virtio/interrupt.ts';
import { SplitQueue } from '../../../src/virtio/split-queue.ts';
import { createTestMemory, MockDriver } from '../../support/mock-driver.ts';
import {
  BUFFERS,
  createQueueFixture,
  EVENT_IDX,
  NO_FEATURES,
} from '../../support/queue-fixture.ts';

const buffer = { gpa: BUFFERS, length: 64 };

t.test('SplitQueue.pop returns undefined when the ring is empty', (t) => {
  const { queue } = createQueueFixture();
  t.equal(queue.pop(), undefined);
  t.equal(queue.fault, undefined);
  t.end();
});

t.test('SplitQueue.pop yields chains in the order in which they were offered', (t) => {
  const { queue, driver } = createQueueFixture();
  const heads = [driver.offer([buffer]), driver.offer([buffer]), driver.offer([buffer])];
  t.same([queue.pop()?.head, queue.pop()?.head, queue.pop()?.head], heads);
  t.equal(queue.pop(), undefined);
  t.end();
});

t.test('SplitQueue.pop sees nothing that the driver has not published', (t) => {
  const { queue, driver } = createQueueFixture();
  driver.add([buffer]);
  t.equal(queue.pop(), undefined);
  driver.publish();
  t.not(queue.pop(), undefined);
  t.end();
});

t.test('SplitQueue keeps going when its 16-bit counters wrap', (t) => {
  const { queue, driver } = createQueueFixture({ size: 2, features: EVENT_IDX });
  const rounds = 0x1_0000 + 5;
  let returned = 0;
  for (let round = 0; round < rounds; round++) {
    driver.setUsedEvent(round);
    const head = driver.offer([buffer]);
    const chain = queue.pop();
    queue.addUsed(chain?.head ?? -1, 1);
    queue.publish();
    returned += driver.takeUsed()?.head === head ? 1 : 0;
  }
  t.equal(returned, rounds);
  t.equal(queue.fault, undefined);
  t.end();
});

t.test('SplitQueue.pop takes a full ring', (t) => {
  const { queue, driver } = createQueueFixture({ size: 4 });
  for (let count = 0; count < 4; count++) {
    driver.offer([buffer]);
  }
  let popped = 0;
  while (queue.pop() !== undefined) {
    popped++;
  }
  t.equal(popped, 4);
  t.end();
});

t.test('SplitQueue.pop breaks the queue when avail idx is ahead by more than its size', (t) => {
  const { queue, driver, faults } = createQueueFixture({ size: 4 });
  driver.rawAvailIdx(5);
  t.equal(queue.pop(), undefined);
  t.same(faults, ['avail idx is ahead by more than the queue size']);
  driver.rawAvailIdx(1);
  t.equal(queue.pop(), undefined, 'and it stays broken');
  t.notOk(queue.hasAvailable());
  t.equal(faults.length, 1, 'which is reported once');
  t.end();
});

t.test('SplitQueue.pop breaks the queue when avail idx goes back', (t) => {
  const { queue, driver, faults } = createQueueFixture({ size: 4 });
  driver.offer([buffer]);
  driver.offer([buffer]);
  queue.pop();
  queue.pop();
  driver.rawAvailIdx(1);
  t.equal(queue.pop(), undefined);
  t.same(faults, ['avail idx is ahead by more than the queue size']);
  t.end();
});

t.test('SplitQueue.pop breaks the queue when a head is not below its size', (t) => {
  const { queue, driver, faults } = createQueueFixture({ size: 4 });
  driver.rawOffer(4);
  t.equal(queue.pop(), undefined);
  t.same(faults, ['head is out of range']);
  t.equal(driver.usedIdx, 0, 'a head that does not exist cannot go back');
  t.end();
});

t.test('SplitQueue.pop gives a malformed chain back with length 0 and goes on', (t) => {
  const { queue, driver } = createQueueFixture();
  const bad = driver.offer([{ gpa: BUFFERS, length: 0 }]);
  const good = driver.offer([buffer]);
  t.equal(queue.pop()?.head, good);
  queue.addUsed(good, 7);
  queue.publish();
  t.same(driver.takeAllUsed(), [
    { head: bad, length: 0 },
    { head: good, length: 7 },
  ]);
  t.equal(queue.malformedCount, 1);
  t.equal(queue.lastChainFault, 'buffer has no bytes');
  t.end();
});

t.test('SplitQueue.pop publishes and notifies by itself when all chains were malformed', (t) => {
  const { queue, driver, wasNotified } = createQueueFixture({ size: 4 });
  for (let count = 0; count < 4; count++) {
    driver.offer([{ gpa: BUFFERS, length: 0 }]);
  }
  t.equal(queue.pop(), undefined);
  t.equal(driver.takeAllUsed().length, 4);
  t.ok(wasNotified());
  t.equal(queue.fault, undefined);
  t.end();
});

t.test('SplitQueue.addUsed shows nothing before publish', (t) => {
  const { queue, driver, wasNotified } = createQueueFixture();
  const head = driver.offer([buffer]);
  queue.pop();
  queue.addUsed(head, 3);
  t.equal(driver.usedIdx, 0);
  t.notOk(wasNotified());
  queue.publish();
  t.same(driver.takeUsed(), { head, length: 3 });
  t.ok(wasNotified());
  t.end();
});

t.test('SplitQueue.show lets the driver see, and leaves the notification to publish', (t) => {
  const { queue, driver, wasNotified } = createQueueFixture({ features: EVENT_IDX });
  queue.addUsed(driver.offer([buffer]), 0);
  queue.show();
  t.equal(driver.usedIdx, 1);
  t.notOk(wasNotified());
  queue.addUsed(driver.offer([buffer]), 0);
  queue.publish();
  t.equal(driver.usedIdx, 2);
  t.ok(wasNotified(), 'the driver waited for entry 0, which came with show');
  t.end();
});

t.test('SplitQueue.publish leaves a driver alone that has seen what show showed', (t) => {
  const { queue, driver, wasNotified } = createQueueFixture({ features: EVENT_IDX });
  queue.addUsed(driver.offer([buffer]), 0);
  queue.show();
  driver.takeAllUsed();
  driver.setUsedEvent(1);
  queue.publish();
  t.notOk(wasNotified());
  t.end();
});

t.test('SplitQueue.publish without anything new does nothing', (t) => {
  const { queue, wasNotified } = createQueueFixture();
  queue.publish();
  t.notOk(wasNotified());
  t.end();
});

t.test('SplitQueue.publish sets the ISR bit before it notifies', (t) => {
  const { queue, driver, isr } = createQueueFixture();
  queue.addUsed(driver.offer([buffer]), 0);
  t.equal(isr[0], 0);
  queue.publish();
  t.equal(isr[0], VIRTIO_ISR_QUEUE);
  t.end();
});

t.test('SplitQueue.publish honours VIRTQ_AVAIL_F_NO_INTERRUPT', (t) => {
  const { queue, driver, wasNotified } = createQueueFixture();
  driver.setAvailFlags(1);
  queue.addUsed(driver.offer([buffer]), 0);
  queue.publish();
  t.notOk(wasNotified());
  driver.setAvailFlags(0);
  queue.addUsed(driver.offer([buffer]), 0);
  queue.publish();
  t.ok(wasNotified());
  t.end();
});

t.test('SplitQueue.publish notifies once used_event is passed, whatever the flags say', (t) => {
  const { queue, driver, wasNotified } = createQueueFixture({ features: EVENT_IDX });
  driver.setAvailFlags(1);
  driver.setUsedEvent(1);
  queue.addUsed(driver.offer([buffer]), 0);
  queue.publish();
  t.notOk(wasNotified(), 'entry 0 is not the one the driver waits for');
  queue.addUsed(driver.offer([buffer]), 0);
  queue.publish();
  t.ok(wasNotified(), 'entry 1 is');
  queue.addUsed(driver.offer([buffer]), 0);
  queue.publish();
  t.notOk(wasNotified(), 'entry 2 comes after it');
  t.end();
});

t.test('SplitQueue.publish notifies when a batch steps over used_event', (t) => {
  const { queue, driver, wasNotified } = createQueueFixture({ features: EVENT_IDX });
  driver.setUsedEvent(1);
  for (let count = 0; count < 4; count++) {
    queue.addUsed(driver.offer([buffer]), 0);
  }
  queue.publish();
  t.ok(wasNotified());
  t.end();
});

t.test('SplitQueue.pop asks for a kick at the next chain when the ring is empty', (t) => {
  const { queue, driver } = createQueueFixture({ features: EVENT_IDX });
  driver.offer([buffer]);
  driver.offer([buffer]);
  queue.pop();
  t.equal(driver.availEvent, 0, 'not while there is more');
  queue.pop();
  queue.pop();
  t.equal(driver.availEvent, 2);
  t.end();
});

t.test('SplitQueue.suppressKicks sets the flag until armKick clears it', (t) => {
  const { queue, driver } = createQueueFixture();
  queue.suppressKicks();
  t.equal(driver.usedFlags, 1);
  queue.pop();
  t.equal(driver.usedFlags, 1, 'pop leaves it alone');
  t.ok(queue.armKick());
  t.equal(driver.usedFlags, 0);
  t.end();
});

t.test('SplitQueue.suppressKicks leaves avail_event behind with event indices', (t) => {
  const { queue, driver } = createQueueFixture({ features: EVENT_IDX });
  queue.suppressKicks();
  driver.offer([buffer]);
  queue.pop();
  queue.pop();
  t.equal(driver.availEvent, 0);
  t.ok(queue.armKick());
  t.equal(driver.availEvent, 1);
  t.end();
});

t.test('SplitQueue.armKick returns false when a chain came first', (t) => {
  const { queue, driver } = createQueueFixture({ features: EVENT_IDX });
  driver.offer([buffer]);
  t.notOk(queue.armKick());
  t.end();
});

t.test(
  'SplitQueue.availableCount counts what was offered and not taken, past the end of idx',
  (t) => {
    const { queue, driver } = createQueueFixture({ size: 4 });
    const buffer = [{ gpa: BUFFERS, length: 16 }];
    t.equal(queue.availableCount(), 0);
    for (let round = 0; round < 0x1_0000; round += 2) {
      driver.offer(buffer);
      driver.offer(buffer);
      const counts = [queue.availableCount()];
      for (let chain = queue.pop(); chain !== undefined; chain = queue.pop()) {
        counts.push(queue.availableCount());
        queue.addUsed(chain.head, 0);
      }
      queue.publish();
      driver.takeAllUsed();
      if (counts.join() !== '2,1,0') {
        t.fail(`round ${round}: ${counts.join()}`);
        break;
      }
    }
    driver.offer(buffer);
    t.equal(queue.availableCount(), 1, 'idx has come round');
    t.end();
  },
);

t.test('SplitQueue.hasAvailable tells an empty ring from one with chains', (t) => {
  const { queue, driver } = createQueueFixture();
  t.notOk(queue.hasAvailable());
  driver.offer([buffer]);
  t.ok(queue.hasAvailable());
  queue.pop();
  t.notOk(queue.hasAvailable());
  t.end();
});

t.test('SplitQueue.pop fills the records that it is given', (t) => {
  const { queue, driver } = createQueueFixture();
  const first = driver.offer([buffer]);
  const second = driver.offer([buffer]);
  const kept = queue.createChain();
  t.equal(queue.pop(kept)?.head, first);
  t.equal(queue.pop()?.head, second);
  t.equal(kept.head, first, 'which the next call leaves alone');
  t.end();
});

const ram = createTestMemory(0x10_0000);
const sound = new MockDriver(ram.memory, { size: 8, base: 0x1000 }).setup;
const interrupt = new Interrupt(new Uint32Array(1), 0);
const activate = (change: Partial<typeof sound>, features = NO_FEATURES) =>
  SplitQueue.activate({
    memory: ram.memory,
    setup: { ...sound, ...change },
    features,
    interrupt,
  });

for (const size of [0, 3, 65536, 1.5]) {
  t.test(`SplitQueue.activate refuses a queue of ${size} descriptors`, (t) => {
    const message = `queue 0: size ${size} is not a power of two up to 32768`;
    t.equal(activate({ size }), message);
    t.end();
  });
}

for (const { part, field, gpa } of [
  { part: 'descriptor table', field: 'descriptorTable', gpa: 0x1008 },
  { part: 'avail ring', field: 'availRing', gpa: 0x3001 },
  { part: 'used ring', field: 'usedRing', gpa: 0x4002 },
  { part: 'descriptor table', field: 'descriptorTable', gpa: 0x10_0000 },
  { part: 'avail ring', field: 'availRing', gpa: 0x10_0000 - 4 },
  { part: 'used ring', field: 'usedRing', gpa: 2 ** 52 },
  { part: 'used ring', field: 'usedRing', gpa: Number.MAX_SAFE_INTEGER - 3 },
]) {
  t.test(`SplitQueue.activate refuses the ${part} at 0x${gpa.toString(16)}`, (t) => {
    const where = `queue 0: ${part} at 0x${gpa.toString(16)}`;
    t.equal(activate({ [field]: gpa }), `${where} is misaligned or outside of RAM`);
    t.end();
  });
}

t.test('SplitQueue.activate needs room for the event word only where it was negotiated', (t) => {
  const availRing = 0x10_0000 - (4 + 2 * sound.size);
  t.type(activate({ availRing }), SplitQueue);
  t.type(activate({ availRing }, EVENT_IDX), 'string');
  t.end();
});

t.test('SplitQueue survives rings that overlap', (t) => {
  const memory = createTestMemory(0x1_0000).memory;
  const at = 0x1000;
  const setup = { index: 0, size: 8, descriptorTable: at, availRing: at, usedRing: at };
  const queue = SplitQueue.activate({ memory, setup, features: EVENT_IDX, interrupt });
  if (typeof queue === 'string') {
    throw new Error(queue);
  }
  // Descriptor 0 is avail flags and idx at once: idx 1, and an address just after RAM that it is part of.
  memory.write(at, new Uint8Array([0, 0, 1, 0, 0, 0, 0, 0, 4, 0, 0, 0, VIRTQ_DESC_F_NEXT, 0]));
  t.equal(queue.pop(), undefined);
  t.equal(queue.lastChainFault, 'buffer is outside of RAM');
  t.equal(
    queue.malformedCount,
    1,
    'what it wrote to the used ring is idx 1 again, which it has seen',
  );
  t.equal(queue.fault, undefined);
  t.end();
});

t.test('SplitQueue works where its rings cross 2 GiB, the longest view of memory', (t) => {
  // Sparse: only the pages that are touched exist.
  const { memory } = createTestMemory(0xc000_0000);
  const driver = new MockDriver(memory, { size: 256, base: 0x8000_0000 - 0x2000 });
  const queue = SplitQueue.activate({
    memory,
    setup: driver.setup,
    features: NO_FEATURES,
    interrupt,
  });
  if (typeof queue === 'string') {
    throw new Error(queue);
  }
  driver.setAvailFlags(1);
  for (let count = 0; count < 256; count++) {
    const head = driver.offer([{ gpa: 0x8000_0000 - 0x1010, length: 32 }]);
    t.equal(queue.pop()?.head, head);
    queue.addUsed(head, count);
    queue.publish();
  }
  t.same(
    driver.takeAllUsed().map((used) => used.length),
    Array.from({ length: 256 }, (_, index) => index),
  );
  t.end();
});
