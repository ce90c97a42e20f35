/** Fuzz target: block requests of any header, cut and length against the disk, on an image in memory. */
import { openSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import t from 'tap';
import { setLogLevel } from '../../src/base/log.ts';
import { createDevice } from '../../src/devices/block/device.ts';
import { parseBlockOptions } from '../../src/devices/block/options.ts';
import { OwnedFd } from '../../src/sys/fd.ts';
import { InProcessDevice } from '../support/in-process-device.ts';
import { MockDriver } from '../support/mock-driver.ts';
import { SUITE_RAM_BYTES } from '../support/virtio-device-suite.ts';

const seconds = Number(process.env['FUZZ_SECONDS'] ?? '5');
const SECTORS = 64;
const HEADER = 0x4_0000;
const BUFFERS = 0x8_0000;
/** Buffers lie this far apart, with bytes between them that nobody may touch. */
const STRIDE = 0x2000;
const GUARD = 0xa5;

t.setTimeout((seconds + 60) * 1000);

const word = fc.oneof(
  fc.integer({ min: 0, max: 2 * SECTORS }),
  fc.constantFrom(2 ** 31, 2 ** 32 - 1, 2 ** 32 - SECTORS),
);
const request = fc.record({
  type: fc.oneof(fc.constantFrom(0, 1, 4, 8, 11, 13), fc.integer({ min: 0, max: 2 ** 32 - 1 })),
  sectorLow: word,
  sectorHigh: fc.oneof(fc.constant(0), word),
  /** Words of the readable part after the header: segments, where the type wants some. */
  words: fc.array(word, { maxLength: 12 }),
  headerBytes: fc.oneof(fc.constant(16), fc.integer({ min: 1, max: 17 })),
  writable: fc.array(
    fc.oneof(fc.constantFrom(1, 512, 513, 4096), fc.integer({ min: 1, max: 5000 })),
    {
      maxLength: 4,
    },
  ),
});

/** First byte between the buffers that is not as it was; -1 for none. */
function firstTouchedByte(bytes: Uint8Array, lengths: readonly number[]): number {
  return bytes.findIndex((byte, at) => {
    const index = Math.floor(at / STRIDE);
    return byte !== GUARD && at - index * STRIDE >= (lengths[index] ?? 0);
  });
}

t.test('the disk answers every request, and touches nothing but what it was given', (t) => {
  setLogLevel('error');
  const path = join(t.testdir(), 'disk.img');
  writeFileSync(path, Buffer.alloc(SECTORS * 512));
  const device = createDevice(parseBlockOptions({ path }), [new OwnedFd(openSync(path, 'r+'))]);
  const subject = new InProcessDevice(() => device);
  const { memory } = subject.ram;
  const driver = new MockDriver(memory, { size: 16, base: 0x1000 });
  subject.activate([driver], subject.features);
  const statuses = new Map<number, number>();

  const result = fc.check(
    fc.property(request, (shape) => {
      const readable = new Uint8Array(16 + 4 * shape.words.length);
      const view = new DataView(readable.buffer);
      view.setUint32(0, shape.type, true);
      view.setUint32(8, shape.sectorLow, true);
      view.setUint32(12, shape.sectorHigh, true);
      shape.words.forEach((value, index) => {
        view.setUint32(16 + 4 * index, value, true);
      });
      const cut = Math.min(shape.headerBytes, readable.length);
      memory.borrow(HEADER, SUITE_RAM_BYTES - HEADER).fill(GUARD);
      memory.write(HEADER, readable);
      const buffers = [
        { gpa: HEADER, length: cut, writable: false },
        { gpa: HEADER + cut, length: readable.length - cut, writable: false },
        ...shape.writable.map((length, index) => {
          return { gpa: BUFFERS + index * STRIDE, length, writable: true };
        }),
      ].filter((buffer) => buffer.length > 0);
      const head = driver.offer(buffers);
      subject.kick(0);
      subject.runAWhile();
      const used = driver.takeUsed();
      const total = shape.writable.reduce((sum, length) => sum + length, 0);
      if (used?.head !== head || used.length > total) {
        throw new Error(`head ${head} came back as ${JSON.stringify(used)}`);
      }
      const last = buffers.at(-1);
      if (last?.writable === true) {
        const status = memory.read(last.gpa + last.length - 1, 1)[0] ?? -1;
        statuses.set(status, (statuses.get(status) ?? 0) + 1);
      }
      const touched = firstTouchedByte(memory.borrow(BUFFERS, 5 * STRIDE), shape.writable);
      if (touched >= 0) {
        throw new Error(`byte ${touched} of the buffers is not the device's to write`);
      }
    }),
    { numRuns: 2 ** 31 - 1, interruptAfterTimeLimit: seconds * 1000 },
  );
  t.notOk(result.failed, fc.defaultReportMessage(result) ?? 'no failure');
  t.equal(statSync(path).size, SECTORS * 512, 'the image has kept its size');
  t.ok(
    [0, 1, 2].every((status) => statuses.has(status)),
    'every status was seen',
  );
  t.same(
    [...statuses.keys()].filter((status) => status > 2),
    [],
    'and no other',
  );
  t.end();
});
