import t from 'tap';
import { createDevice } from '../../../../src/devices/rng/device.ts';
import { rngModule } from '../../../../src/devices/rng/module.ts';
import { InProcessDevice } from '../../../support/in-process-device.ts';
import { MockDriver } from '../../../support/mock-driver.ts';
import { testVirtioDevice } from '../../../support/virtio-device-suite.ts';

const BUFFERS = 0x4_0000;

function startRng() {
  const subject = new InProcessDevice(createDevice);
  const driver = new MockDriver(subject.ram.memory, { size: 8, base: 0x1000 });
  subject.activate([driver], subject.features);
  return { subject, driver };
}

testVirtioDevice(t, {
  name: 'rng',
  create: () => new InProcessDevice(createDevice),
  drainedQueues: [0],
});

t.test('rng fills all writable buffers of a chain and nothing around them', (t) => {
  const { subject, driver } = startRng();
  const { memory } = subject.ram;
  driver.offer([
    { gpa: BUFFERS, length: 64, writable: true },
    { gpa: BUFFERS + 128, length: 256, writable: true },
  ]);
  subject.runAWhile();
  t.same(driver.takeUsed(), { head: 0, length: 320 });
  const bytes = memory.read(BUFFERS, 512);
  t.ok(bytes.subarray(0, 64).some((byte) => byte !== 0));
  t.ok(bytes.subarray(128, 384).some((byte) => byte !== 0));
  t.ok(bytes.subarray(64, 128).every((byte) => byte === 0));
  t.ok(bytes.subarray(384).every((byte) => byte === 0));
  t.end();
});

t.test('rng gives different bytes every time', (t) => {
  const { subject, driver } = startRng();
  driver.offer([{ gpa: BUFFERS, length: 32, writable: true }]);
  driver.offer([{ gpa: BUFFERS + 32, length: 32, writable: true }]);
  subject.runAWhile();
  const { memory } = subject.ram;
  t.notSame(memory.read(BUFFERS, 32), memory.read(BUFFERS + 32, 32));
  t.end();
});

t.test('rng fills at most 64 KiB of a request', (t) => {
  const { subject, driver } = startRng();
  driver.offer([{ gpa: BUFFERS, length: 0x2_0000, writable: true }]);
  subject.runAWhile();
  t.same(driver.takeUsed(), { head: 0, length: 0x1_0000 });
  const rest = subject.ram.memory.read(BUFFERS + 0x1_0000, 0x1_0000);
  t.ok(rest.every((byte) => byte === 0));
  t.end();
});

t.test('rng gives a chain without a writable part back empty', (t) => {
  const { subject, driver } = startRng();
  driver.offer([{ gpa: BUFFERS, length: 32 }]);
  subject.runAWhile();
  t.same(driver.takeUsed(), { head: 0, length: 0 });
  t.end();
});

t.test('rngModule.configure takes no options', (t) => {
  t.throws(() => rngModule.configure({ source: '/dev/urandom' }), {
    code: 'ERR_DEVICE_OPTION',
    message: 'rng: unknown option "source"; there are: none',
  });
  t.same(rngModule.configure({}).options, {});
  t.end();
});
