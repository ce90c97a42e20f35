/** Device processes under the policies that they are shipped with: what they do is all that they may do. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { blockModule } from '../../src/devices/block/module.ts';
import { SECCOMP_RET_KILL_PROCESS } from '../../src/seccomp/actions.ts';
import { compilePolicyFile } from '../../src/seccomp/compile.ts';
import { DeviceProcess } from '../support/device-process.ts';
import { MockDriver } from '../support/mock-driver.ts';
import { testVirtioDevice } from '../support/virtio-device-suite.ts';

const POLICIES = join(import.meta.dirname, '../../../seccomp/x86_64');
const HEADER = 0x4_0000;
const STATUS = 0x4_1000;
const DATA = 0x5_0000;

function program(kind: string): Uint8Array {
  // The parent of a real machine is told instead; here a refused call ends the process, and the test with it.
  const options = { arch: 'x86_64', defaultReturn: SECCOMP_RET_KILL_PROCESS } as const;
  return compilePolicyFile(join(POLICIES, `${kind}_device.policy`), options).program;
}

function createConfinedBlock(directory: string) {
  const path = join(directory, 'disk.img');
  writeFileSync(path, Buffer.alloc(256 * 512));
  const configured = blockModule.configure({ path, queues: 2 });
  const backend = configured.openBackend();
  const { options } = configured;
  const device = new DeviceProcess({ kind: 'block', options, backend, program: program('block') });
  for (const fd of backend) {
    fd.close();
  }
  return device;
}

// Two dozen processes are started here, which takes its time on a busy machine.
t.setTimeout(110_000);

t.test('a confined rng process bears hostile drivers', (t) => {
  testVirtioDevice(t, {
    name: 'confined rng',
    create: () => new DeviceProcess({ kind: 'rng', options: {}, program: program('rng') }),
    drainedQueues: [0],
  });
  t.end();
});

t.test('a confined block process bears hostile drivers', (t) => {
  testVirtioDevice(t, {
    name: 'confined block',
    create: () => createConfinedBlock(t.testdir()),
    drainedQueues: [0, 1],
  });
  t.end();
});

/** Requests of every kind, in an order that repeats after a while but not soon. */
function requestHeader(round: number): { readonly header: Uint8Array; readonly isWrite: boolean } {
  const types = [0, 1, 0, 4, 8, 11, 13, 0x55];
  const type = types[(round * 7 + (round >> 5)) % types.length] ?? 0;
  const header = new Uint8Array(16);
  header[0] = type;
  header[8] = (round * 31) % 256;
  return { header, isWrite: type === 1 || type === 11 || type === 13 };
}

t.test('a confined block process outlives 50,000 requests of every kind', async (t) => {
  using device = createConfinedBlock(t.testdir());
  const { memory } = device.ram;
  const driver = new MockDriver(memory, { size: 64, base: 0x1000 });
  device.activate([driver], device.features);
  let answered = 0;
  for (let round = 0; answered < 50_000; round++) {
    let added = 0;
    while (driver.freeCount >= 3) {
      const slot = added++;
      const { header, isWrite } = requestHeader(answered + slot);
      memory.write(HEADER + slot * 16, header);
      driver.add([
        { gpa: HEADER + slot * 16, length: 16 },
        { gpa: DATA + slot * 512, length: 512, writable: !isWrite },
        { gpa: STATUS + slot, length: 1, writable: true },
      ]);
    }
    driver.publish();
    device.kick(0);
    if (!device.runUntil(() => driver.usedIdx === (driver.availIdx & 0xffff))) {
      break;
    }
    answered += driver.takeAllUsed().length;
  }
  t.ok(answered >= 50_000, `${answered} requests were answered`);
  t.equal(device.needsReset(), undefined);
  device[Symbol.dispose]();
  t.equal(await device.ended, 0);
});

t.test('a confined rng process outlives the signals that its parent gets', async (t) => {
  using device = new DeviceProcess({ kind: 'rng', options: {}, program: program('rng') });
  const driver = new MockDriver(device.ram.memory, { size: 8, base: 0x1000 });
  device.activate([driver], device.features);
  for (const signal of ['SIGHUP', 'SIGINT', 'SIGQUIT', 'SIGTERM']) {
    process.kill(Number(device.pid), signal);
  }
  driver.offer([{ gpa: DATA, length: 32, writable: true }]);
  device.kick(0);
  t.ok(
    device.runUntil(() => driver.usedIdx === 1),
    'it still serves its driver',
  );
  device[Symbol.dispose]();
  t.equal(await device.ended, 0);
});
