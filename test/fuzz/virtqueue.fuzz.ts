/** Fuzz target: descriptor tables, indirect tables and avail rings of any content against the split virtqueue. */
import fc from 'fast-check';
import t from 'tap';
import {
  hostileAvailRing,
  hostileRound,
  playHostileAvailRing,
  playHostileRound,
} from '../support/hostile-chains.ts';
import { ALL_QUEUE_FEATURES, createQueueFixture } from '../support/queue-fixture.ts';

const seconds = Number(process.env['FUZZ_SECONDS'] ?? '5');
/** Fixtures map memory that stays mapped, so the second half makes a bounded number of them. */
const RINGS_MAX = 5000;

t.setTimeout((seconds + 60) * 1000);

t.test('SplitQueue gives every head back once, whatever the descriptors are', (t) => {
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
    { numRuns: 2 ** 31 - 1, interruptAfterTimeLimit: seconds * 800 },
  );
  t.notOk(result.failed, fc.defaultReportMessage(result) ?? 'no failure');
  t.ok(good > 0, `${good} chains were good`);
  t.end();
});

t.test('SplitQueue.pop ends, whatever the avail ring holds', (t) => {
  const result = fc.check(
    fc.property(hostileAvailRing, (ring) => {
      const fixture = createQueueFixture({ features: ALL_QUEUE_FEATURES });
      const broken = playHostileAvailRing(fixture, ring);
      fixture.callFd.close();
      fixture.ram.fd.close();
      if (broken !== undefined) {
        throw new Error(broken);
      }
    }),
    { numRuns: RINGS_MAX, interruptAfterTimeLimit: seconds * 200 },
  );
  t.notOk(result.failed, fc.defaultReportMessage(result) ?? 'no failure');
  t.end();
});
