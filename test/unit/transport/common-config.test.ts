import fc from 'fast-check';
import t from 'tap';
import type { AccessSize } from '../../../src/bus/bus-device.ts';
import {
  COMMON_CONFIG_BYTES,
  COMMON_CONFIG_REGISTERS,
  CommonConfig,
} from '../../../src/transport/common-config.ts';
import { holds } from '../../support/property.ts';
import { ACKNOWLEDGE, DRIVER, DRIVER_OK, FEATURES_OK, REG, VERSION_1 } from './transport-bench.ts';

const OFFERED = VERSION_1 | 0b101n;
const VECTOR_COUNT = 3;
const NEGOTIATED = ACKNOWLEDGE | DRIVER | FEATURES_OK;

class ConfigBench {
  readonly calls: string[] = [];
  readonly config = new CommonConfig('dev', OFFERED, [256, 64], {
    onResetRequested: () => this.calls.push('reset'),
    onDriverOk: () => this.calls.push('driver ok'),
    setConfigVector: (vector) => (vector < VECTOR_COUNT ? vector : 0xffff),
    setQueueVector: (_queue, vector) => (vector < VECTOR_COUNT ? vector : 0xffff),
  });

  read(offset: number, size: AccessSize): number {
    return this.config.read(offset, size);
  }

  write(offset: number, size: AccessSize, value: number): void {
    this.config.write(offset, size, value);
  }

  accept(word: number, value: number): void {
    this.write(REG.driverFeatureSelect, 4, word);
    this.write(REG.driverFeature, 4, value);
  }

  negotiate(): void {
    this.accept(1, 1);
    this.write(REG.status, 1, NEGOTIATED);
  }
}

t.test('CommonConfig has a register at every byte, and none twice', async (t) => {
  const covered = COMMON_CONFIG_REGISTERS.flatMap(({ offset, width }) =>
    Array.from({ length: width }, (_, index) => offset + index),
  );
  t.strictSame(
    covered,
    Array.from({ length: COMMON_CONFIG_BYTES }, (_, index) => index),
  );
});

for (const { name, offset, width, write } of COMMON_CONFIG_REGISTERS) {
  t.test(`CommonConfig ${name} answers its own width only`, async (t) => {
    const { config } = new ConfigBench();
    const sizes: readonly AccessSize[] = [1, 2, 4];
    for (const size of sizes.filter((other) => other !== width)) {
      t.equal(config.read(offset, size), 2 ** (8 * size) - 1);
      const before = config.refusedWrites;
      config.write(offset, size, 1);
      t.equal(config.refusedWrites, before + 1);
    }
    t.ok(config.read(offset, width) < 2 ** (8 * width));
  });
  t.test(`CommonConfig ${name} is ${write === undefined ? 'read-only' : 'writable'}`, async (t) => {
    const { config } = new ConfigBench();
    const before = config.read(offset, width);
    config.write(offset, width, 1);
    t.equal(config.refusedWrites, write === undefined ? 1 : 0);
    if (write === undefined) {
      t.equal(config.read(offset, width), before);
    }
  });
}

t.test('CommonConfig shows the offered features in words', async (t) => {
  const bench = new ConfigBench();
  const words = [0, 1, 2, 3, 4, 0xffff_ffff].map((word) => {
    bench.write(REG.deviceFeatureSelect, 4, word);
    return bench.read(REG.deviceFeature, 4);
  });
  t.strictSame(words, [0b101, 1, 0, 0, 0, 0]);
});

t.test('CommonConfig sets FEATURES_OK for a subset with VERSION_1', async (t) => {
  const bench = new ConfigBench();
  bench.accept(0, 0b100);
  bench.negotiate();
  t.equal(bench.read(REG.status, 1), NEGOTIATED);
  t.equal(bench.config.acceptedFeatures, VERSION_1 | 0b100n);
});

const unacceptable = [
  ['without VERSION_1', 1, 0],
  ['with a feature that is not offered', 0, 0b10],
  ['with a feature above bit 63', 2, 1],
] as const;
for (const [what, word, value] of unacceptable) {
  t.test(`CommonConfig refuses FEATURES_OK ${what}`, async (t) => {
    const bench = new ConfigBench();
    bench.accept(1, 1);
    bench.accept(word, value);
    bench.write(REG.status, 1, NEGOTIATED);
    t.equal(bench.read(REG.status, 1), ACKNOWLEDGE | DRIVER);
    t.equal(bench.config.refusedWrites, 1);
  });
}

t.test('CommonConfig fixes the features at FEATURES_OK', async (t) => {
  const bench = new ConfigBench();
  bench.negotiate();
  bench.accept(0, 0b1);
  t.equal(bench.config.acceptedFeatures, VERSION_1);
  t.equal(bench.config.refusedWrites, 1);
});

t.test('CommonConfig reports DRIVER_OK once, and only after FEATURES_OK', async (t) => {
  const bench = new ConfigBench();
  bench.write(REG.status, 1, ACKNOWLEDGE | DRIVER | DRIVER_OK);
  t.strictSame(bench.calls, []);
  t.equal(bench.read(REG.status, 1), ACKNOWLEDGE | DRIVER);
  bench.negotiate();
  bench.write(REG.status, 1, NEGOTIATED | DRIVER_OK);
  bench.write(REG.status, 1, NEGOTIATED | DRIVER_OK);
  t.strictSame(bench.calls, ['driver ok']);
});

t.test(
  'CommonConfig keeps status bits that a driver leaves out, and the device its own',
  async (t) => {
    const bench = new ConfigBench();
    bench.negotiate();
    bench.write(REG.status, 1, ACKNOWLEDGE | 0x40);
    t.equal(bench.read(REG.status, 1), NEGOTIATED);
    t.equal(bench.config.refusedWrites, 1);
  },
);

t.test(
  'CommonConfig asks for a reset on status 0 and refuses writes until it is done',
  async (t) => {
    const bench = new ConfigBench();
    bench.negotiate();
    bench.write(REG.status, 1, 0);
    t.strictSame(bench.calls, ['reset']);
    bench.config.state.isResetting = true;
    bench.write(REG.queueSelect, 2, 1);
    t.equal(bench.read(REG.queueSelect, 2), 0);
    t.equal(bench.read(REG.status, 1), NEGOTIATED, 'the old status');
    bench.config.reset();
    t.equal(bench.read(REG.status, 1), 0);
    t.equal(bench.config.acceptedFeatures, 0n);
  },
);

t.test('CommonConfig reads 0 for queues that there are not', async (t) => {
  const bench = new ConfigBench();
  bench.write(REG.queueSelect, 2, 2);
  for (const { name, offset, width } of COMMON_CONFIG_REGISTERS.filter(
    ({ offset }) => offset >= REG.queueSize,
  )) {
    t.equal(bench.read(offset, width), 0, name);
  }
  bench.write(REG.queueEnable, 2, 1);
  t.equal(bench.config.refusedWrites, 1);
});

t.test('CommonConfig takes only sizes that a queue can have', async (t) => {
  const bench = new ConfigBench();
  bench.write(REG.queueSelect, 2, 1);
  t.equal(bench.read(REG.queueSize, 2), 64, 'the largest at first');
  for (const size of [0, 3, 128, 65_535]) {
    bench.write(REG.queueSize, 2, size);
  }
  t.equal(bench.read(REG.queueSize, 2), 64);
  t.equal(bench.config.refusedWrites, 4);
  bench.write(REG.queueSize, 2, 16);
  t.equal(bench.read(REG.queueSize, 2), 16);
});

t.test('CommonConfig fixes a queue when it is enabled, but for its vector', async (t) => {
  const bench = new ConfigBench();
  bench.write(REG.queueDesc, 4, 0x1000);
  bench.write(REG.queueEnable, 2, 1);
  bench.write(REG.queueDesc, 4, 0x2000);
  bench.write(REG.queueSize, 2, 8);
  bench.write(REG.queueEnable, 2, 0);
  t.equal(bench.read(REG.queueDesc, 4), 0x1000);
  t.equal(bench.read(REG.queueSize, 2), 256);
  t.equal(bench.read(REG.queueEnable, 2), 1);
  t.equal(bench.config.refusedWrites, 3);
  bench.write(REG.queueVector, 2, 2);
  t.equal(bench.read(REG.queueVector, 2), 2);
});

t.test('CommonConfig does not enable a queue after DRIVER_OK', async (t) => {
  const bench = new ConfigBench();
  bench.negotiate();
  bench.write(REG.status, 1, NEGOTIATED | DRIVER_OK);
  bench.write(REG.queueEnable, 2, 1);
  t.equal(bench.read(REG.queueEnable, 2), 0);
});

t.test('CommonConfig reads NO_VECTOR back for a vector that there is not', async (t) => {
  const bench = new ConfigBench();
  bench.write(REG.queueVector, 2, VECTOR_COUNT);
  t.equal(bench.read(REG.queueVector, 2), 0xffff);
  bench.write(REG.configVector, 2, 1);
  t.equal(bench.read(REG.configVector, 2), 1);
});

t.test('CommonConfig keeps its invariants whatever the driver writes', async (t) => {
  const offset = fc.oneof(
    fc.constantFrom(...COMMON_CONFIG_REGISTERS.map((register) => register.offset)),
    fc.nat(0x1000),
  );
  const access = fc.record({
    offset,
    size: fc.constantFrom<AccessSize>(1, 2, 4),
    value: fc.oneof(fc.nat(0xffff_ffff), fc.constantFrom(0, 1, 3, 7, 8, 11, 15, 64)),
  });
  holds(
    t,
    fc.property(fc.array(access, { maxLength: 100 }), (accesses) => {
      const { config, calls } = new ConfigBench();
      for (const { offset, size, value } of accesses) {
        config.write(offset, size, value % 2 ** (8 * size));
        const read = config.read(offset, size);
        const isInWidth = read >= 0 && read < 2 ** (8 * size);
        const hasNegotiated = (config.state.status & FEATURES_OK) !== 0;
        const accepted = config.acceptedFeatures;
        const areFeaturesRight =
          !hasNegotiated || ((accepted & ~OFFERED) === 0n && (accepted & VERSION_1) !== 0n);
        const isStartRight = !calls.includes('driver ok') || hasNegotiated;
        const areSizesRight = config.state.queues.every(
          ({ size, maxSize }) => size <= maxSize && Number.isInteger(Math.log2(size)),
        );
        if (!isInWidth || !areFeaturesRight || !isStartRight || !areSizesRight) {
          return false;
        }
      }
      return true;
    }),
  );
});
