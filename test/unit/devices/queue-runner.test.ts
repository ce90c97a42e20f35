import t from 'tap';
import { EventLoop } from '../../../src/devices/event-loop.ts';
import { QueueRunner } from '../../../src/devices/queue-runner.ts';
import type { GuestMemory } from '../../../src/memory/guest-memory.ts';
import { createEventFd, signalEventFd } from '../../../src/sys/eventfd.ts';
import { featureSet, VIRTIO_F_VERSION_1 } from '../../../src/virtio/constants.ts';
import type { ActiveQueue, DeviceHost, VirtioDevice } from '../../../src/virtio/device.ts';
import { createTestMemory, MockDriver } from '../../support/mock-driver.ts';

const BUFFER = { gpa: 0x8000, length: 16 };

/** A device that gives every chain back, a bounded number per turn. */
class Echo implements VirtioDevice {
  readonly features = featureSet(VIRTIO_F_VERSION_1);
  readonly queueSizes = [8, 8];
  readonly config = new Uint8Array(0);
  readonly pollMicros: number;
  /** Queues that were processed, in order. */
  readonly turns: number[] = [];
  perTurn = 100;
  onTurn: (index: number) => void = () => undefined;
  #queues: readonly ActiveQueue[] = [];

  constructor(pollMicros: number) {
    this.pollMicros = pollMicros;
  }
  activate(_host: DeviceHost, _features: bigint, queues: readonly ActiveQueue[]): void {
    this.#queues = queues;
  }
  processQueue(index: number): void {
    this.turns.push(index);
    const queue = this.#queues.find((active) => active.index === index)?.queue;
    for (let count = 0; count < this.perTurn; count++) {
      const chain = queue?.pop();
      if (chain === undefined) {
        break;
      }
      queue?.addUsed(chain.head, 0);
    }
    queue?.publish();
    this.onTurn(index);
  }
  reset(): void {
    this.#queues = [];
  }
}

/** A host of which the echo wants nothing. */
function idleHost(memory: GuestMemory): DeviceHost {
  const ignore = (): void => undefined;
  return {
    memory,
    watch: ignore,
    unwatch: ignore,
    schedule: ignore,
    publishConfig: ignore,
    needsReset: ignore,
  };
}

/** A runner with two queues of the echo, prepared. */
function startRunner(pollMicros: number) {
  const { memory } = createTestMemory(1 << 16);
  const loop = new EventLoop();
  const device = new Echo(pollMicros);
  const errors: string[] = [];
  const runner = new QueueRunner({
    name: 'echo',
    loop,
    device,
    memory,
    isr: new Uint32Array(1),
    onGuestError: (reason) => errors.push(reason),
  });
  const drivers = [
    new MockDriver(memory, { index: 0, size: 8, base: 0x1000 }),
    new MockDriver(memory, { index: 1, size: 8, base: 0x2000 }),
  ] as const;
  const fds = [createEventFd(), createEventFd(), createEventFd(), createEventFd()];
  const kicks = [fds[0]?.raw ?? -1, fds[2]?.raw ?? -1] as const;
  const queues = runner.prepare(
    device.features,
    drivers.map((driver) => driver.setup),
    fds,
  );
  if (typeof queues === 'string') {
    throw new Error(queues);
  }
  return { runner, device, drivers, kicks, loop, errors, queues, memory };
}

/** As {@link startRunner}, with the first turns, which every queue gets, behind it. */
function startIdle(pollMicros: number) {
  const started = startRunner(pollMicros);
  const { runner, device, queues, memory } = started;
  device.activate(idleHost(memory), device.features, queues);
  runner.start();
  while (runner.hasWork()) {
    runner.work();
  }
  device.turns.length = 0;
  return started;
}

t.test('QueueRunner.start gives every queue a turn for what came before', (t) => {
  const { runner, device, drivers, queues, memory } = startRunner(0);
  drivers[1].offer([BUFFER]);
  device.activate(idleHost(memory), device.features, queues);
  runner.start();
  t.ok(runner.hasWork());
  runner.work();
  t.same(device.turns, [0, 1]);
  t.equal(drivers[1].takeAllUsed().length, 1);
  t.notOk(runner.hasWork());
  t.end();
});

t.test('QueueRunner processes the queue that was kicked', (t) => {
  const { device, drivers, kicks, loop } = startIdle(0);
  drivers[1].offer([BUFFER]);
  device.onTurn = () => {
    loop.stop();
  };
  signalEventFd(kicks[1]);
  loop.run();
  t.same(device.turns, [1]);
  t.equal(drivers[1].takeAllUsed().length, 1);
  t.end();
});

t.test('QueueRunner.schedule gives a queue one more turn', (t) => {
  const { runner, device } = startIdle(0);
  runner.schedule(1);
  runner.schedule(1);
  t.ok(runner.hasWork());
  runner.work();
  t.same(device.turns, [1]);
  t.notOk(runner.hasWork());
  t.end();
});

t.test('QueueRunner finds work by itself where the device wants the rings polled', (t) => {
  const { runner, device, drivers } = startIdle(50);
  t.equal(drivers[0].usedFlags, 1, 'and tells the driver not to kick');
  t.notOk(runner.hasWork());
  drivers[0].offer([BUFFER]);
  t.ok(runner.hasWork());
  runner.work();
  t.same(device.turns, [0]);
  t.end();
});

t.test('QueueRunner.prepareToSleep asks for kicks, and wake does without again', (t) => {
  const { runner, drivers } = startIdle(50);
  t.ok(runner.prepareToSleep());
  t.equal(drivers[0].usedFlags, 0);
  runner.wake();
  t.equal(drivers[0].usedFlags, 1);
  t.end();
});

t.test('QueueRunner.prepareToSleep refuses while a queue has chains', (t) => {
  const { runner, drivers } = startIdle(50);
  drivers[1].offer([BUFFER]);
  t.notOk(runner.prepareToSleep());
  t.equal(drivers[1].usedFlags, 1);
  t.end();
});

t.test('QueueRunner without polling waits for kicks', (t) => {
  const { runner, drivers } = startIdle(0);
  drivers[0].offer([BUFFER]);
  t.notOk(runner.hasWork());
  t.equal(drivers[0].usedFlags, 0);
  t.end();
});

for (const pollMicros of [0, 50]) {
  t.test(
    `QueueRunner that polls ${pollMicros} µs halts at a broken ring, and says so once`,
    (t) => {
      const { runner, drivers, device, errors } = startIdle(pollMicros);
      drivers[0].rawAvailIdx(9);
      runner.schedule(0);
      runner.schedule(1);
      runner.work();
      t.same(errors, ['queue 0: avail idx is ahead by more than the queue size']);
      t.same(device.turns, [0], 'the other queue gets no turn any more');
      t.notOk(runner.hasWork());
      t.ok(runner.prepareToSleep());
      runner.halt('another reason');
      t.equal(errors.length, 1);
      t.end();
    },
  );
}

t.test('QueueRunner.halt before start keeps the device from running', (t) => {
  const { runner, errors } = startRunner(0);
  runner.halt('the driver is impossible');
  runner.start();
  t.same(errors, ['the driver is impossible']);
  t.notOk(runner.hasWork());
  t.end();
});

t.test('QueueRunner.stop forgets kicks and turns', (t) => {
  const { runner, drivers } = startIdle(50);
  drivers[0].offer([BUFFER]);
  runner.schedule(1);
  runner.stop();
  t.notOk(runner.hasWork());
  t.ok(runner.prepareToSleep());
  t.end();
});
