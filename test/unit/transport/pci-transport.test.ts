import fc from 'fast-check';
import t from 'tap';
import { setLogLevel } from '../../../src/base/log.ts';
import type { AccessSize } from '../../../src/bus/bus-device.ts';
import { drainEventFd } from '../../../src/sys/eventfd.ts';
import { holds } from '../../support/property.ts';
import {
  ACKNOWLEDGE,
  DRIVER,
  DRIVER_OK,
  FEATURES_OK,
  NEEDS_RESET,
  REG,
  TransportBench,
  VERSION_1,
} from './transport-bench.ts';

// Mistakes of guests are logged; here they are made on purpose.
setLogLevel('error');

const RUNNING = ACKNOWLEDGE | DRIVER | FEATURES_OK | DRIVER_OK;
const ISR = 0x1000;
const DEVICE_CONFIG = 0x2000;
const NOTIFY = 0x3000;
const PCI_COMMAND = 0x04;
const PCI_STATUS = 0x06;
const BAR0 = 0x10;
const DECODE_MEMORY = 2;
const INTX_DISABLE = 0x400;
const INTX_GSI = 9;

t.test('PciTransport has the ids and the class of its device type', async (t) => {
  using bench = new TransportBench();
  const { config } = bench.transport.fn;
  t.equal(config.read(0x00, 4), 0x1044_1af4);
  t.equal(config.read(0x08, 4), 0x0880_0001, 'class 0880, revision 1');
  t.equal(config.read(0x2c, 4), 0x1044_1af4, 'subsystem');
});

t.test('PciTransport locates its structures by vendor capabilities', async (t) => {
  using bench = new TransportBench();
  const { config } = bench.transport.fn;
  const found: Record<number, readonly number[]> = {};
  for (let offset = config.get(0x34, 1); offset !== 0; offset = config.get(offset + 1, 1)) {
    if (config.get(offset, 1) === 9) {
      const [bar, start, size] = [
        config.get(offset + 4, 1),
        config.get(offset + 8, 4),
        config.get(offset + 12, 4),
      ];
      found[config.get(offset + 3, 1)] = [bar, start, size];
    }
  }
  t.strictSame(found, {
    1: [0, 0x0000, 0x40],
    2: [0, 0x3000, 0x1000],
    3: [0, 0x1000, 1],
    4: [0, 0x2000, 0x1000],
    5: [0, 0, 0],
  });
});

t.test(
  'PciTransport offers VERSION_1 always and the features of other transports never',
  async (t) => {
    using bench = new TransportBench({ features: (1n << 40n) | (1n << 41n) | 0b1n });
    t.equal(bench.transport.commonConfig.offeredFeatures, VERSION_1 | 0b1n);
  },
);

t.test('PciTransport refuses queues that no device may have', async (t) => {
  t.throws(() => new TransportBench({ queueSizes: [256, 100] }), {
    code: 'ERR_DEVICE_QUEUES',
    message: 'dev offers queues of sizes [256, 100]; there must be 2, each a power of two',
  });
  t.throws(() => new TransportBench({ config: new Uint8Array(4097) }), {
    code: 'ERR_DEVICE_CONFIG_SIZE',
    message: 'dev has 4097 bytes of configuration; at most 4096 fit',
  });
});

t.test('PciTransport activates the device with the queues that the driver enabled', async (t) => {
  using bench = new TransportBench();
  bench.negotiate(VERSION_1 | 0b100n);
  bench.write(REG.queueSelect, 2, 1);
  bench.write(REG.queueSize, 2, 16);
  bench.setUpQueue(1, 0x2_0000);
  t.strictSame(bench.port.activations, []);
  bench.status = RUNNING;
  t.strictSame(bench.port.activations, [
    {
      features: VERSION_1 | 0b100n,
      queues: [
        { index: 1, size: 16, descriptorTable: 0x2_0000, availRing: 0x2_1000, usedRing: 0x2_2000 },
      ],
    },
  ]);
});

t.test('PciTransport demands a reset for a queue address that cannot be', async (t) => {
  using bench = new TransportBench();
  bench.enableMsix();
  bench.write(REG.configVector, 2, 0);
  bench.negotiate();
  bench.setUpQueue(0, 0x1_0008);
  bench.status = RUNNING;
  t.strictSame(bench.port.activations, []);
  t.equal(bench.status, RUNNING | NEEDS_RESET);
  bench.irqs.pump();
  t.strictSame(bench.deliveredData(), ['40']);
  bench.status = 0;
  t.equal(bench.status, 0, 'and is reset at once');
  t.equal(bench.port.resets, 0);
});

t.test('PciTransport shows the old status until the device has been reset', async (t) => {
  using bench = new TransportBench();
  bench.start();
  bench.status = 0;
  t.equal(bench.port.resets, 1);
  t.equal(bench.status, RUNNING);
  bench.status = 0;
  t.equal(bench.port.resets, 1, 'once is enough');
  bench.transport.onResetDone();
  t.equal(bench.status, 0);
  t.equal(bench.read(REG.queueEnable, 2), 0);
  bench.start();
  t.equal(bench.port.activations.length, 2);
});

t.test('PciTransport.onResetDone without a reset under way changes nothing', async (t) => {
  using bench = new TransportBench();
  bench.start();
  bench.transport.onResetDone();
  t.equal(bench.status, RUNNING);
});

t.test('PciTransport has ioeventfds exactly while the device is active', async (t) => {
  using bench = new TransportBench();
  t.equal(bench.ioevents.assigned.size, 0);
  bench.start();
  const notify = bench.barAddress + NOTIFY;
  t.strictSame([...bench.ioevents.assigned.keys()], [notify, notify + 4]);
  bench.status = 0;
  t.equal(bench.ioevents.assigned.size, 0);
  t.strictSame(bench.ioevents.violations, []);
});

t.test('PciTransport moves its ioeventfds with the BAR', async (t) => {
  using bench = new TransportBench();
  bench.start();
  const { config } = bench.transport.fn;
  config.write(PCI_COMMAND, 2, 0);
  t.equal(bench.ioevents.assigned.size, 0);
  config.write(BAR0, 4, 0xe000_0000);
  config.write(PCI_COMMAND, 2, DECODE_MEMORY);
  t.strictSame([...bench.ioevents.assigned.keys()], [0xe000_3000, 0xe000_3004]);
  t.strictSame(bench.ioevents.violations, []);
});

t.test('PciTransport kicks a queue for a notification that reaches user space', async (t) => {
  using bench = new TransportBench();
  bench.start();
  t.equal(bench.read(REG.queueNotifyOff, 2), 1, 'of the queue that is selected');
  bench.write(NOTIFY + 4, 2, 1);
  const [first, second] = bench.events.queues;
  t.equal(first === undefined ? undefined : drainEventFd(first.kick.raw), false);
  t.equal(second === undefined ? undefined : drainEventFd(second.kick.raw), true);
  bench.write(NOTIFY + 8, 2, 2);
  t.equal(bench.transport.notifier.exits, 1, 'there is no queue 2');
});

t.test('PciTransport delivers calls by the vectors that the driver chose', async (t) => {
  using bench = new TransportBench();
  bench.enableMsix();
  bench.write(REG.configVector, 2, 0);
  bench.write(REG.queueSelect, 2, 0);
  bench.write(REG.queueVector, 2, 1);
  bench.write(REG.queueSelect, 2, 1);
  bench.write(REG.queueVector, 2, 2);
  bench.start();
  bench.call(0);
  bench.call(1);
  bench.transport.onConfigChanged(new Uint8Array([9]));
  bench.irqs.pump();
  t.strictSame(bench.deliveredData(), ['41', '42', '40']);
  bench.write(REG.queueVector, 2, 0xffff);
  bench.call(1);
  t.equal(bench.irqs.delivered.length, 3, 'no vector, no interrupt');
  t.strictSame(bench.irqs.violations, []);
});

t.test('PciTransport delivers calls by INTx while MSI-X is off', async (t) => {
  using bench = new TransportBench();
  bench.start();
  bench.call(1);
  t.strictSame(bench.irqs.delivered, [INTX_GSI]);
  t.equal(bench.transport.fn.config.read(PCI_STATUS, 2) & 0x8, 0x8, 'interrupt status');
  t.equal(bench.read(ISR, 1), 1);
  t.equal(bench.read(ISR, 1), 0, 'reading takes it');
  t.equal(bench.transport.fn.config.read(PCI_STATUS, 2) & 0x8, 0);
});

t.test('PciTransport.onResample raises INTx again until the ISR has been read', async (t) => {
  using bench = new TransportBench();
  bench.start();
  bench.call(0);
  bench.transport.onResample();
  bench.irqs.pump();
  t.strictSame(bench.irqs.delivered, [INTX_GSI, INTX_GSI]);
  bench.read(ISR, 1);
  bench.transport.onResample();
  bench.irqs.pump();
  t.equal(bench.irqs.delivered.length, 2);
});

t.test(
  'PciTransport honours the INTx disable bit and delivers late what it held back',
  async (t) => {
    using bench = new TransportBench();
    bench.start();
    const { config } = bench.transport.fn;
    config.write(PCI_COMMAND, 2, DECODE_MEMORY | INTX_DISABLE);
    bench.call(0);
    t.strictSame(bench.irqs.delivered, []);
    t.equal(config.read(PCI_STATUS, 2) & 0x8, 0x8, 'the status does not mind');
    config.write(PCI_COMMAND, 2, DECODE_MEMORY);
    bench.irqs.pump();
    t.ok(bench.irqs.delivered.length > 0);
    t.ok(bench.irqs.delivered.every((gsi) => gsi === INTX_GSI));
  },
);

t.test('PciTransport has INTx only between DRIVER_OK and reset', async (t) => {
  using bench = new TransportBench();
  bench.negotiate();
  t.equal(bench.irqs.bindings.size, 0);
  bench.status = RUNNING;
  t.equal(bench.irqs.bindings.size, 3, 'two queues and the configuration');
  bench.status = 0;
  bench.transport.onResetDone();
  t.equal(bench.irqs.bindings.size, 0);
});

t.test('PciTransport hands its eventfds from INTx to MSI-X and back', async (t) => {
  using bench = new TransportBench();
  bench.start();
  for (const queue of [0, 1]) {
    bench.write(REG.queueSelect, 2, queue);
    bench.write(REG.queueVector, 2, queue + 1);
  }
  bench.write(REG.configVector, 2, 0);
  bench.enableMsix();
  t.ok([...bench.irqs.bindings.values()].every(({ gsi }) => gsi >= 24));
  t.equal(bench.irqs.bindings.size, 3);
  bench.transport.fn.config.write(bench.msixCapability + 2, 2, 0);
  t.ok([...bench.irqs.bindings.values()].every(({ gsi }) => gsi === INTX_GSI));
  t.equal(bench.irqs.bindings.size, 3);
  t.strictSame(bench.irqs.violations, []);
});

t.test('PciTransport forgets interrupts of the time before a reset', async (t) => {
  using bench = new TransportBench();
  bench.start();
  bench.transport.fn.config.write(PCI_COMMAND, 2, DECODE_MEMORY | INTX_DISABLE);
  bench.call(0);
  bench.status = 0;
  bench.transport.onResetDone();
  t.equal(bench.isr[0], 0);
  bench.start();
  bench.transport.fn.config.write(PCI_COMMAND, 2, DECODE_MEMORY);
  bench.irqs.pump();
  t.strictSame(bench.irqs.delivered, []);
});

t.test('PciTransport serves device configuration from what was last published', async (t) => {
  using bench = new TransportBench();
  t.equal(bench.read(DEVICE_CONFIG, 4), 0x0403_0201);
  t.equal(bench.read(DEVICE_CONFIG + 7, 1), 8);
  t.equal(bench.read(DEVICE_CONFIG + 6, 4), 0x0807, 'zero behind the end');
  const generation = bench.read(REG.generation, 1);
  bench.transport.onConfigChanged(new Uint8Array([0xaa, 0xbb]));
  t.equal(bench.read(DEVICE_CONFIG, 2), 0xbbaa);
  t.equal(bench.read(REG.generation, 1), generation + 1);
  t.equal(bench.isr[0], 0, 'no interrupt before DRIVER_OK');
});

t.test('PciTransport passes writes of device configuration on, within its size', async (t) => {
  using bench = new TransportBench();
  bench.write(DEVICE_CONFIG + 4, 4, 0x1122_3344);
  bench.write(DEVICE_CONFIG + 6, 4, 0x5566_7788);
  t.strictSame(bench.port.configWrites, [{ offset: 4, bytes: [0x44, 0x33, 0x22, 0x11] }]);
});

t.test(
  'PciTransport tells the driver of a changed configuration and of a broken device',
  async (t) => {
    using bench = new TransportBench();
    bench.start();
    bench.transport.onConfigChanged(new Uint8Array([1]));
    t.equal(bench.read(ISR, 1), 2);
    bench.transport.onNeedsReset();
    t.equal(bench.read(ISR, 1), 2);
    t.equal(bench.status, RUNNING | NEEDS_RESET);
  },
);

t.test('PciTransport ignores a device that breaks before it is active', async (t) => {
  using bench = new TransportBench();
  bench.transport.onNeedsReset();
  t.equal(bench.status, 0);
});

t.test('PciTransport reaches its BAR from configuration space', async (t) => {
  using bench = new TransportBench();
  const { config } = bench.transport.fn;
  let capability = config.get(0x34, 1);
  while (config.get(capability + 3, 1) !== 5 || config.get(capability, 1) !== 9) {
    capability = config.get(capability + 1, 1);
  }
  const access = (bar: number, offset: number, length: number): void => {
    config.write(capability + 4, 1, bar);
    config.write(capability + 8, 4, offset);
    config.write(capability + 12, 4, length);
  };
  access(0, REG.numQueues, 2);
  t.equal(config.read(capability + 16, 4), 2);
  access(0, REG.status, 1);
  config.write(capability + 16, 4, ACKNOWLEDGE);
  t.equal(bench.status, ACKNOWLEDGE);
  const hostile = [
    [0, 0x7fff, 2],
    [0, 0x8000, 4],
    [0, 0xffff_fffc, 4],
    [0, REG.status + 1, 2],
    [0, REG.status, 0],
    [0, REG.status, 3],
    [0, REG.status, 0xffff_ffff],
    [1, REG.status, 1],
    [255, REG.status, 1],
  ] as const;
  for (const [bar, offset, length] of hostile) {
    access(bar, offset, length);
    config.write(capability + 16, 4, DRIVER);
    t.equal(config.read(capability + 16, 4), DRIVER, 'the BAR is not read');
    t.equal(bench.status, ACKNOWLEDGE, `bar ${bar}, offset ${offset}, length ${length}`);
  }
});

t.test(
  'PciTransport survives any accesses and device events, and keeps every binding right',
  async (t) => {
    const size = fc.constantFrom<AccessSize>(1, 2, 4);
    const interesting = fc.constantFrom(0, 1, 2, 3, 8, 11, 15, 0x8000, 0xc000, 0x400, 0xfee0_0000);
    const value = fc.oneof(fc.nat(0xffff_ffff), interesting);
    const step = fc.oneof(
      fc.record({ kind: fc.constant('bar' as const), offset: fc.nat(0x7fff), size, value }),
      fc.record({
        kind: fc.constant('bar' as const),
        offset: fc.oneof(fc.nat(0x3f), fc.integer({ min: 0x6000, max: 0x602f })),
        size,
        value,
      }),
      fc.record({ kind: fc.constant('config' as const), offset: fc.nat(0xff), size, value }),
      fc.record({
        kind: fc.constantFrom('start', 'reset done', 'changed', 'needs reset', 'resample', 'call'),
        offset: fc.constant(0),
        size,
        value,
      }),
    );
    holds(
      t,
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        using bench = new TransportBench();
        const { transport } = bench;
        for (const { kind, offset, size, value } of steps) {
          const cut = value % 2 ** (8 * size);
          switch (kind) {
            case 'bar':
              bench.write(offset, size, cut);
              bench.read(offset, size);
              break;
            case 'config':
              transport.fn.config.write(offset, size, cut);
              transport.fn.config.read(offset, size);
              break;
            case 'start':
              bench.start();
              break;
            case 'reset done':
              transport.onResetDone();
              break;
            case 'changed':
              transport.onConfigChanged(new Uint8Array(value % 4097));
              break;
            case 'needs reset':
              transport.onNeedsReset();
              break;
            case 'resample':
              transport.onResample();
              break;
            case 'call':
              bench.call(value % 2);
              break;
          }
          const isMapped = !Number.isNaN(bench.barAddress);
          const ioevents = transport.isActive && isMapped ? 2 : 0;
          const gsis = [...bench.irqs.bindings.values()].map((binding) => binding.gsi);
          const isOneMode = gsis.every((gsi) => gsi >= 24 === transport.interrupts.msix.isEnabled);
          if (
            bench.ioevents.assigned.size !== ioevents ||
            bench.ioevents.violations.length + bench.irqs.violations.length > 0 ||
            !isOneMode
          ) {
            return false;
          }
        }
        return true;
      }),
    );
  },
);
