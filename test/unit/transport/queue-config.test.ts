import t from 'tap';
import {
  createQueueConfig,
  isMaxQueueSize,
  isQueueSize,
  queueSetupOf,
} from '../../../src/transport/queue-config.ts';

t.test('isQueueSize takes powers of two up to the largest', async (t) => {
  const allowed = [1, 2, 64, 256];
  const refused = [0, 3, 255, 257, 512, 65_535];
  t.ok(allowed.every((size) => isQueueSize(size, 256)));
  t.notOk(refused.some((size) => isQueueSize(size, 256)));
});

t.test('isMaxQueueSize refuses what the specification does', async (t) => {
  t.ok(isMaxQueueSize(32_768));
  t.notOk([0, -4, 1.5, 65_536, 48].some(isMaxQueueSize));
});

t.test('queueSetupOf joins the halves of the addresses', async (t) => {
  const queue = createQueueConfig(64);
  queue.descriptorLow = 0xffff_fff0;
  queue.descriptorHigh = 1;
  queue.driverLow = 2;
  queue.deviceLow = 4;
  t.strictSame(queueSetupOf(3, queue), {
    index: 3,
    size: 64,
    descriptorTable: 0x1_ffff_fff0,
    availRing: 2,
    usedRing: 4,
  });
});

t.test('queueSetupOf refuses unaligned and impossible addresses', async (t) => {
  const wrong = [
    ['descriptorLow', 8],
    ['driverLow', 1],
    ['deviceLow', 2],
    ['descriptorHigh', 2 ** 20],
    ['driverHigh', 0xffff_ffff],
    ['deviceHigh', 2 ** 31],
  ] as const;
  for (const [field, value] of wrong) {
    const queue = createQueueConfig(64);
    queue[field] = value;
    t.equal(queueSetupOf(0, queue), undefined, field);
  }
});
