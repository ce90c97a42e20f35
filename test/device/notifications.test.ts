/**
 * Kicks and notifications between two processes that both sleep whenever they may: one that is lost stops the traffic
 * for good, and that only ever happens when the two run at the same time.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import t, { type Test } from 'tap';
import { blockModule } from '../../src/devices/block/module.ts';
import { EPOLLIN, Epoll } from '../../src/sys/epoll.ts';
import { featureSet, VIRTIO_F_EVENT_IDX, VIRTIO_F_VERSION_1 } from '../../src/virtio/constants.ts';
import { DeviceProcess } from '../support/device-process.ts';
import { MockDriver } from '../support/mock-driver.ts';

const HEADERS = 0x4_0000;
const STATUS = 0x4_1000;
const DATA = 0x5_0000;
const REQUESTS = 20_000;
const SLOTS = 8;
const PATIENCE_MS = 10_000;

function createBlock(t: Test, pollMicros: number): DeviceProcess {
  const path = `${t.testdir()}/disk.img`;
  writeFileSync(path, Buffer.alloc(64 * 512));
  const configured = blockModule.configure({ path, pollMicros, readOnly: true });
  const backend = configured.openBackend();
  const device = new DeviceProcess({ kind: 'block', options: configured.options, backend });
  for (const fd of backend) {
    fd.close();
  }
  return device;
}

/** A driver that kicks only when it is asked to, and sleeps until it is notified. */
class SleepyDriver {
  readonly #device: DeviceProcess;
  readonly #driver: MockDriver;
  readonly #eventIdx: boolean;
  readonly #epoll = new Epoll();
  kicks = 0;
  sleeps = 0;

  constructor(device: DeviceProcess, eventIdx: boolean) {
    this.#device = device;
    this.#eventIdx = eventIdx;
    this.#driver = new MockDriver(device.ram.memory, { size: 32, base: 0x1000 });
    const features = featureSet(VIRTIO_F_VERSION_1, ...(eventIdx ? [VIRTIO_F_EVENT_IDX] : []));
    device.activate([this.#driver], features);
    this.#epoll.add(device.callFd(0), EPOLLIN, () => device.wasNotified(0));
  }

  /** Offers this many reads at once. */
  offer(count: number): void {
    const before = this.#driver.availIdx;
    for (let slot = 0; slot < count; slot++) {
      this.#driver.add([
        { gpa: HEADERS, length: 16 },
        { gpa: DATA + slot * 512, length: 512, writable: true },
        { gpa: STATUS + slot, length: 1, writable: true },
      ]);
    }
    this.#driver.publish();
    if (this.#wantsKick(before)) {
      this.kicks++;
      this.#device.kick(0);
    }
  }

  /** Takes what has come back, and sleeps first when nothing has. Undefined when nothing ever comes. */
  take(): number | undefined {
    for (;;) {
      const taken = this.#driver.takeAllUsed().length;
      if (taken > 0) {
        return taken;
      }
      this.#driver.setUsedEvent(this.#driver.usedIdx);
      // Looked at again after the wish is visible, as a driver has to; then it may sleep.
      if (this.#driver.inFlight.length > 0 && !this.#driver.hasUsed()) {
        this.sleeps++;
        if (this.#epoll.wait(PATIENCE_MS) === 0) {
          return undefined;
        }
      }
    }
  }

  #wantsKick(before: number): boolean {
    if (!this.#eventIdx) {
      return this.#driver.usedFlags === 0;
    }
    const added = (this.#driver.availIdx - before) & 0xffff;
    return ((this.#driver.availIdx - this.#driver.availEvent - 1) & 0xffff) < added;
  }
}

for (const eventIdx of [true, false]) {
  for (const pollMicros of [0, 5, 50]) {
    const how = eventIdx ? 'event indices' : 'flags';
    t.test(`no notification is lost with ${how} and a look of ${pollMicros} µs`, (t) => {
      using device = createBlock(t, pollMicros);
      const driver = new SleepyDriver(device, eventIdx);
      let offered = 0;
      let inFlight = 0;
      let returned = 0;
      while (returned < REQUESTS) {
        const count = Math.min(1 + (offered % 3), SLOTS - inFlight);
        if (count > 0) {
          driver.offer(count);
          offered += count;
          inFlight += count;
        }
        const taken = driver.take();
        if (taken === undefined) {
          break;
        }
        returned += taken;
        inFlight -= taken;
      }
      t.ok(returned >= REQUESTS, `${returned} of ${offered} requests came back`);
      t.comment(`${driver.kicks} kicks, ${driver.sleeps} sleeps`);
      t.end();
    });
  }
}

/** How often the thread that serves the queues has gone to sleep or was put aside. */
function switchesOf(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  return [...status.matchAll(/voluntary_ctxt_switches:\s+(\d+)/g)].reduce(
    (sum, [, count]) => sum + Number(count),
    0,
  );
}

const SETTLE_MS = 500;
const IDLE_MS = 2000;
for (const pollMicros of [0, 1000]) {
  t.test(
    `a device that looks for ${pollMicros} µs does not wake up while nothing is asked of it`,
    async (t) => {
      using device = createBlock(t, pollMicros);
      const driver = new SleepyDriver(device, true);
      for (let round = 0; round < 100; round++) {
        driver.offer(1);
        t.equal(driver.take(), 1);
      }
      const pid = Number(device.pid);
      const busy = switchesOf(pid);
      t.ok(busy > 0, 'its switches are counted');
      await sleep(SETTLE_MS);
      const before = switchesOf(pid);
      await sleep(IDLE_MS);
      t.equal(switchesOf(pid) - before, 0);
    },
  );
}
