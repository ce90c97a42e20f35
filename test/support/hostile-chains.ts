/** Drivers that write anything into their rings: what the unit tests try briefly, and the fuzz targets at length. */
import fc from 'fast-check';
import { writeDescriptor } from './mock-driver.ts';
import { BUFFERS, type QueueFixture, RAM_BYTES } from './queue-fixture.ts';

/** Where the indirect tables of {@link hostileRound} go. */
const TABLE = 0x2_0000;
const DESCRIPTORS = 8;

/** Addresses that are right often enough to get far, and wrong in every way that there is. */
const gpa = fc.oneof(
  fc.integer({ min: 0, max: RAM_BYTES + 64 }),
  fc.constantFrom(0, TABLE, TABLE + 16, BUFFERS, RAM_BYTES - 1, 2 ** 32, 2 ** 52, 2 ** 63),
);
const length = fc.oneof(
  fc.integer({ min: 0, max: 64 }),
  fc.constantFrom(16, 32, 128, 512, 2 ** 31, 2 ** 32 - 1),
);
const descriptor = fc.record({
  gpa,
  length,
  flags: fc.integer({ min: 0, max: 7 }),
  next: fc.oneof(fc.integer({ min: 0, max: DESCRIPTORS }), fc.integer({ min: 0, max: 65535 })),
});
const table = fc.array(descriptor, { minLength: DESCRIPTORS, maxLength: DESCRIPTORS });

/** One round of a hostile driver: a descriptor table, an indirect table, and heads to offer. */
export const hostileRound = fc.record({
  direct: table,
  indirect: table,
  heads: fc.uniqueArray(fc.integer({ min: 0, max: DESCRIPTORS - 1 }), {
    minLength: 1,
    maxLength: DESCRIPTORS,
  }),
});
type HostileRound = typeof hostileRound extends fc.Arbitrary<infer T> ? T : never;

/** What came of a round. */
export interface RoundOutcome {
  /** Chains that were good. */
  readonly good: number;
  /** What is wrong with the queue; undefined for a queue that kept its promises. */
  readonly broken: string | undefined;
}

/** Plays one round on a queue of 8 descriptors and checks what the queue promises of it. */
export function playHostileRound(fixture: QueueFixture, round: HostileRound): RoundOutcome {
  const { ram, queue, driver } = fixture;
  round.direct.forEach((item, index) => {
    driver.rawDescriptor(index, item);
  });
  round.indirect.forEach((item, index) => {
    writeDescriptor(ram.memory, TABLE, index, item);
  });
  for (const head of round.heads) {
    driver.rawOffer(head);
  }
  let good = 0;
  for (let chain = queue.pop(); chain !== undefined; chain = queue.pop()) {
    good++;
    for (let index = 0; index < chain.count; index++) {
      const address = chain.guestAddresses[index] ?? -1;
      const sizeBytes = chain.lengths[index] ?? 0;
      const host = ram.memory.hostAddress(address, sizeBytes);
      if (sizeBytes === 0 || host < 0 || host !== chain.hostAddresses[index]) {
        return { good, broken: `buffer of ${sizeBytes} bytes at ${address} got through` };
      }
    }
    queue.addUsed(chain.head, 0);
  }
  queue.publish();
  const returned = driver.takeAllUsed().map((used) => used.head);
  const expected = round.heads.join();
  if (returned.join() !== expected || queue.fault !== undefined) {
    return { good, broken: `of ${expected} came back ${returned.join()} (${queue.fault ?? ''})` };
  }
  return { good, broken: undefined };
}

/** Any words for an avail ring of 8 entries with its event word. */
export const hostileAvailRing = fc.record({
  direct: table,
  words: fc.array(fc.integer({ min: 0, max: 65535 }), { minLength: 11, maxLength: 11 }),
});
type HostileAvailRing = typeof hostileAvailRing extends fc.Arbitrary<infer T> ? T : never;

/** Pops until there is nothing more. Returns what is wrong with the queue. */
export function playHostileAvailRing(
  fixture: QueueFixture,
  ring: HostileAvailRing,
): string | undefined {
  const { ram, queue, driver } = fixture;
  ring.direct.forEach((item, index) => {
    driver.rawDescriptor(index, item);
  });
  ram.memory.write(driver.setup.availRing, new Uint8Array(Uint16Array.from(ring.words).buffer));
  let popped = 0;
  while (queue.pop() !== undefined && popped <= queue.size) {
    popped++;
  }
  queue.publish();
  if (popped > queue.size) {
    return `${popped} chains came out of a ring of ${queue.size}`;
  }
  return queue.fault !== undefined && queue.pop() !== undefined
    ? 'a broken queue goes on'
    : undefined;
}
