import { readFileSync, writeFileSync } from 'node:fs';
import t, { type Test } from 'tap';
import { blockModule } from '../../src/devices/block/module.ts';
import { DeviceProcess } from '../support/device-process.ts';
import { MockDriver } from '../support/mock-driver.ts';
import { testVirtioDevice } from '../support/virtio-device-suite.ts';

const HEADER = 0x4_0000;
const STATUS = 0x4_1000;
const DATA = 0x5_0000;

function createBlock(t: Test, options: object = {}) {
  const path = `${t.testdir()}/disk.img`;
  writeFileSync(path, Buffer.alloc(64 * 512, 0x5a));
  const configured = blockModule.configure({ path, ...options });
  const backend = configured.openBackend();
  const device = new DeviceProcess({ kind: 'block', options: configured.options, backend });
  for (const fd of backend) {
    fd.close();
  }
  return { device, path };
}

for (const pollMicros of [0, 50]) {
  t.test(`block process that polls ${pollMicros} µs bears hostile drivers`, (t) => {
    testVirtioDevice(t, {
      name: 'block process',
      create: () => createBlock(t, { pollMicros, queues: 2 }).device,
      drainedQueues: [0, 1],
    });
    t.end();
  });

  t.test(`block process that polls ${pollMicros} µs reads and writes`, async (t) => {
    const { device: created, path } = createBlock(t, { pollMicros });
    using device = created;
    const { memory } = device.ram;
    const driver = new MockDriver(memory, { size: 8, base: 0x1000 });
    device.activate([driver], device.features);
    const rounds = 200;
    for (let round = 0; round < rounds; round++) {
      const sector = round % 64;
      const header = new Uint8Array(16);
      header[0] = round % 2;
      header[8] = sector;
      memory.write(HEADER, header);
      memory.borrow(DATA, 512).fill(round);
      driver.setUsedEvent(round);
      driver.offer([
        { gpa: HEADER, length: 16 },
        { gpa: DATA, length: 512, writable: round % 2 === 0 },
        { gpa: STATUS, length: 1, writable: true },
      ]);
      // A driver kicks where the device asks for it only.
      if (((round - driver.availEvent) & 0xffff) === 0) {
        device.kick(0);
      }
      t.ok(
        device.runUntil(() => driver.usedIdx === round + 1),
        `request ${round} is answered`,
      );
      driver.takeUsed();
      t.equal(memory.read(STATUS, 1)[0], 0);
      t.ok(device.wasNotified(0), 'the driver was notified');
    }
    t.equal(device.isr[0], 1);
    const image = readFileSync(path);
    t.equal(image[512 * ((rounds - 1) % 64)], rounds - 1, 'what was written last is there');
    device[Symbol.dispose]();
    t.equal(await device.ended, 0, 'it ends when the parent lets go');
  });
}
