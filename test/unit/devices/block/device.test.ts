import {
  closeSync,
  constants,
  ftruncateSync,
  openSync,
  readFileSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import t, { type Test } from 'tap';
import { createDevice } from '../../../../src/devices/block/device.ts';
import { parseBlockOptions } from '../../../../src/devices/block/options.ts';
import { OwnedFd } from '../../../../src/sys/fd.ts';
import { featureSet, hasFeature, VIRTIO_F_VERSION_1 } from '../../../../src/virtio/constants.ts';
import { InProcessDevice } from '../../../support/in-process-device.ts';
import { MockDriver, type UsedElement } from '../../../support/mock-driver.ts';
import { testVirtioDevice } from '../../../support/virtio-device-suite.ts';

const HEADER = 0x4_0000;
const DATA = 0x5_0000;
const STATUS = 0x4_1000;
const OK = 0;
const IOERR = 1;
const UNSUPP = 2;
const T_IN = 0;
const T_OUT = 1;
const T_FLUSH = 4;
const T_GET_ID = 8;
const T_DISCARD = 11;
const T_WRITE_ZEROES = 13;
const F_RO = 5;
const F_FLUSH = 9;
const F_MQ = 12;
const F_DISCARD = 13;
const F_WRITE_ZEROES = 14;

/** An image of 64 sectors, sector n filled with the byte n. */
function createImage(t: Test): string {
  const image = Buffer.alloc(64 * 512);
  for (let sector = 0; sector < 64; sector++) {
    image.fill(sector, sector * 512, (sector + 1) * 512);
  }
  const path = `${t.testdir()}/disk.img`;
  writeFileSync(path, image);
  return path;
}

function createBlock(t: Test, options: object = {}, path = createImage(t)) {
  const parsed = parseBlockOptions({ path, ...options });
  const flags = parsed.readOnly ? constants.O_RDONLY : constants.O_RDWR;
  const subject = new InProcessDevice(() =>
    createDevice(parsed, [new OwnedFd(openSync(path, flags))]),
  );
  return { subject, path };
}

/** A disk, and what its driver does with it. */
function startBlock(t: Test, options: object = {}, features?: bigint) {
  const { subject, path } = createBlock(t, options);
  const driver = new MockDriver(subject.ram.memory, { size: 16, base: 0x1000 });
  subject.activate([driver], features ?? subject.features);
  const { memory } = subject.ram;

  /** Sends one request; returns its status byte and the used element. */
  function request(
    type: number,
    sector: number,
    parts: { readonly write?: Uint8Array; readonly readBytes?: number },
  ): { readonly status: number; readonly used: UsedElement | undefined } {
    const header = new Uint8Array(16);
    new DataView(header.buffer).setUint32(0, type, true);
    new DataView(header.buffer).setBigUint64(8, BigInt(sector), true);
    memory.write(HEADER, header);
    memory.write(STATUS, new Uint8Array([0xee]));
    const buffers = [{ gpa: HEADER, length: 16, writable: false }];
    if (parts.write !== undefined) {
      memory.write(DATA, parts.write);
      buffers.push({ gpa: DATA, length: parts.write.length, writable: false });
    }
    if (parts.readBytes !== undefined) {
      buffers.push({ gpa: DATA, length: parts.readBytes, writable: true });
    }
    driver.offer([...buffers, { gpa: STATUS, length: 1, writable: true }]);
    subject.kick(0);
    subject.runAWhile();
    return { status: memory.read(STATUS, 1)[0] ?? -1, used: driver.takeUsed() };
  }
  return { subject, driver, memory, path, request };
}

function segment(sector: number, count: number, flags = 0): Uint8Array {
  const bytes = new Uint8Array(16);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, sector, true);
  view.setUint32(8, count, true);
  view.setUint32(12, flags, true);
  return bytes;
}

t.test('block bears hostile drivers', (t) => {
  testVirtioDevice(t, {
    name: 'block',
    create: () => createBlock(t).subject,
    drainedQueues: [0],
  });
  t.end();
});

t.test('block with two queues bears hostile drivers', (t) => {
  testVirtioDevice(t, {
    name: 'block',
    create: () => createBlock(t, { queues: 2 }).subject,
    drainedQueues: [0, 1],
  });
  t.end();
});

t.test('block reads sectors into guest memory', (t) => {
  const { request, memory } = startBlock(t);
  const { status, used } = request(T_IN, 5, { readBytes: 1024 });
  t.equal(status, OK);
  t.equal(used?.length, 1025);
  t.same(memory.read(DATA, 512), new Uint8Array(512).fill(5));
  t.same(memory.read(DATA + 512, 512), new Uint8Array(512).fill(6));
  t.end();
});

t.test('block reads into buffers of any cut, the status in the last of them', (t) => {
  const { subject, driver, memory } = startBlock(t);
  memory.write(HEADER, new Uint8Array(16));
  memory.write(HEADER + 8, new Uint8Array([9]));
  driver.offer([
    { gpa: HEADER, length: 3 },
    { gpa: HEADER + 3, length: 13 },
    { gpa: DATA, length: 100, writable: true },
    { gpa: DATA + 0x1000, length: 413, writable: true },
  ]);
  subject.kick(0);
  subject.runAWhile();
  t.equal(driver.takeUsed()?.length, 513);
  t.same(memory.read(DATA, 100), new Uint8Array(100).fill(9));
  t.same(memory.read(DATA + 0x1000, 412), new Uint8Array(412).fill(9));
  t.equal(memory.read(DATA + 0x1000 + 412, 1)[0], OK);
  t.end();
});

t.test('block writes sectors and nothing around them', (t) => {
  const { request, path } = startBlock(t);
  const { status, used } = request(T_OUT, 7, { write: new Uint8Array(1024).fill(0xcc) });
  t.equal(status, OK);
  t.equal(used?.length, 1);
  const image = readFileSync(path);
  t.ok(image.subarray(7 * 512, 9 * 512).every((byte) => byte === 0xcc));
  t.ok(image.subarray(6 * 512, 7 * 512).every((byte) => byte === 6));
  t.ok(image.subarray(9 * 512, 10 * 512).every((byte) => byte === 9));
  t.end();
});

t.test('block serves as many requests as the ring holds in one go', (t) => {
  const { subject, driver, memory } = startBlock(t);
  for (let index = 0; index < 5; index++) {
    const header = new Uint8Array(16);
    header[8] = index;
    memory.write(HEADER + 16 * index, header);
    driver.add([
      { gpa: HEADER + 16 * index, length: 16 },
      { gpa: DATA + 512 * index, length: 512, writable: true },
      { gpa: STATUS + index, length: 1, writable: true },
    ]);
  }
  driver.publish();
  subject.kick(0);
  subject.runAWhile();
  t.equal(driver.takeAllUsed().length, 5);
  t.same(
    [0, 1, 2, 3, 4],
    [...memory.read(DATA, 5 * 512)].filter((_, at) => at % 512 === 0),
  );
  t.end();
});

t.test('block refuses what lies past the end, and reports nothing as written', (t) => {
  const { request, memory } = startBlock(t);
  memory.write(DATA, new Uint8Array([0x77]));
  const { status, used } = request(T_IN, 64, { readBytes: 512 });
  t.equal(status, IOERR);
  t.equal(used?.length, 0);
  t.equal(memory.read(DATA, 1)[0], 0x77);
  t.end();
});

t.test('block answers an unknown type with UNSUPP', (t) => {
  const { status, used } = startBlock(t).request(0x55, 0, {});
  t.equal(status, UNSUPP);
  t.equal(used?.length, 1);
  t.end();
});

t.test('block fails a read of a file that was cut since', (t) => {
  const { request, path } = startBlock(t);
  const fd = openSync(path, 'r+');
  ftruncateSync(fd, 10 * 512);
  closeSync(fd);
  t.equal(request(T_IN, 10, { readBytes: 512 }).status, IOERR);
  t.equal(request(T_IN, 9, { readBytes: 512 }).status, OK);
  t.end();
});

t.test('block flushes', (t) => {
  t.equal(startBlock(t).request(T_FLUSH, 0, {}).status, OK);
  t.end();
});

t.test('block writes for a driver that cannot flush', (t) => {
  const { request, path } = startBlock(t, {}, featureSet(VIRTIO_F_VERSION_1));
  t.equal(request(T_OUT, 0, { write: new Uint8Array(512).fill(1) }).status, OK);
  t.equal(readFileSync(path)[0], 1);
  t.end();
});

t.test('block tells its id, filled up with zeroes', (t) => {
  const { request, memory } = startBlock(t, { id: 'root-disk' });
  const { status, used } = request(T_GET_ID, 0, { readBytes: 20 });
  t.equal(status, OK);
  t.equal(used?.length, 21);
  t.equal(Buffer.from(memory.read(DATA, 20)).toString(), 'root-disk'.padEnd(20, '\0'));
  t.end();
});

t.test('block tells as much of its id as there is room for', (t) => {
  const { request, memory } = startBlock(t, { id: 'root-disk' });
  memory.write(DATA, new Uint8Array(32).fill(0xff));
  t.equal(request(T_GET_ID, 0, { readBytes: 4 }).used?.length, 5);
  t.equal(Buffer.from(memory.read(DATA, 4)).toString(), 'root');
  t.equal(request(T_GET_ID, 0, { readBytes: 32 }).used?.length, 20);
  t.end();
});

t.test('block turns discarded sectors into a hole', (t) => {
  const { request, path } = startBlock(t);
  const before = statSync(path).blocks;
  const { status } = request(T_DISCARD, 0, { write: segment(0, 64) });
  t.equal(status, OK);
  t.ok(readFileSync(path).every((byte) => byte === 0));
  t.ok(statSync(path).blocks < before, 'the space is free');
  t.equal(statSync(path).size, 64 * 512);
  t.end();
});

for (const unmap of [0, 1]) {
  t.test(`block writes zeroes with unmap ${unmap}`, (t) => {
    const { request, path } = startBlock(t);
    t.equal(request(T_WRITE_ZEROES, 0, { write: segment(3, 5, unmap) }).status, OK);
    const image = readFileSync(path);
    t.ok(image.subarray(3 * 512, 8 * 512).every((byte) => byte === 0));
    t.equal(image[3 * 512 - 1], 2);
    t.equal(image[8 * 512], 8);
    t.end();
  });
}

t.test('block leaves a read-only disk alone', (t) => {
  const { subject, request, path } = startBlock(t, { readOnly: true });
  const before = readFileSync(path);
  t.ok(hasFeature(subject.features, F_RO));
  t.notOk(hasFeature(subject.features, F_DISCARD));
  t.notOk(hasFeature(subject.features, F_WRITE_ZEROES));
  t.equal(request(T_OUT, 0, { write: new Uint8Array(512) }).status, IOERR);
  t.equal(request(T_WRITE_ZEROES, 0, { write: segment(0, 1) }).status, IOERR);
  t.same(readFileSync(path), before);
  t.end();
});

t.test('block offers features and configuration as it was asked to', (t) => {
  const { subject } = createBlock(t, { queues: 4, blockSize: 4096 });
  const view = new DataView(subject.config.buffer, subject.config.byteOffset);
  t.equal(view.getBigUint64(0, true), 64n, 'capacity');
  t.equal(view.getUint32(12, true), 254, 'seg_max');
  t.equal(view.getUint32(20, true), 4096, 'blk_size');
  t.equal(view.getUint16(34, true), 4, 'num_queues');
  t.equal(subject.queueSizes.length, 4);
  t.ok(hasFeature(subject.features, F_MQ));
  t.ok(hasFeature(subject.features, F_FLUSH));
  const single = createBlock(t, { sparse: false }).subject;
  t.notOk(hasFeature(single.features, F_MQ));
  t.notOk(hasFeature(single.features, F_DISCARD));
  t.end();
});

/** Offers this many reads at once; returns how often the driver was notified until all were done. */
function notificationsOf(t: Test, reads: number, sizeBytes: number): number {
  const path = `${t.testdir()}/large.img`;
  writeFileSync(path, Buffer.alloc(reads * sizeBytes));
  const { subject } = createBlock(t, {}, path);
  const { memory } = subject.ram;
  const driver = new MockDriver(memory, { size: 32, base: 0x1000 });
  subject.activate([driver], featureSet(VIRTIO_F_VERSION_1));
  memory.write(HEADER, new Uint8Array(16));
  for (let read = 0; read < reads; read++) {
    driver.add([
      { gpa: HEADER, length: 16 },
      { gpa: DATA, length: sizeBytes, writable: true },
      { gpa: STATUS + read, length: 1, writable: true },
    ]);
  }
  driver.publish();
  const before = subject.notificationCount;
  subject.kick(0);
  subject.runAWhile();
  t.equal(driver.takeAllUsed().length, reads);
  return subject.notificationCount - before;
}

t.test('block notifies after eight small requests, and when the ring has run empty', (t) => {
  t.equal(notificationsOf(t, 8, 512), 1);
  t.equal(notificationsOf(t, 9, 512), 2);
  t.end();
});

t.test('block notifies of large requests when half of what was offered is done', (t) => {
  // After the 4th of 8, the 2nd of the 4 that are left, the 1st of 2, and the last.
  t.equal(notificationsOf(t, 8, 128 * 1024), 4);
  t.equal(notificationsOf(t, 2, 128 * 1024), 2);
  t.end();
});
