import { constants, openSync, writeFileSync } from 'node:fs';
import t from 'tap';
import { openDisk } from '../../../../src/devices/block/backend.ts';
import { blockModule } from '../../../../src/devices/block/module.ts';
import { parseBlockOptions } from '../../../../src/devices/block/options.ts';
import { OwnedFd } from '../../../../src/sys/fd.ts';
import { tryLock } from '../../../../src/sys/file.ts';

function options(path: string, more: object = {}) {
  return parseBlockOptions({ path, ...more });
}

t.test('openDisk locks out a second writer and every reader, naming the file', (t) => {
  const path = `${t.testdir({ disk: 'x'.repeat(512) })}/disk`;
  using first = openDisk(options(path));
  t.ok(first.isOpen);
  t.throws(() => openDisk(options(path)), {
    code: 'ERR_DISK_LOCKED',
    message: `disk "${path}" is in use by another program; "ro" on both sides would share it`,
  });
  t.throws(() => openDisk(options(path, { readOnly: true })), {
    code: 'ERR_DISK_LOCKED',
    message: `disk "${path}" is being written to by another program; "lock=false" would read it all the same`,
  });
  t.end();
});

t.test('openDisk lets readers share, and nobody write meanwhile', (t) => {
  const path = `${t.testdir({ disk: 'x'.repeat(512) })}/disk`;
  using first = openDisk(options(path, { readOnly: true }));
  using second = openDisk(options(path, { readOnly: true }));
  t.ok(first.isOpen && second.isOpen);
  t.throws(() => openDisk(options(path)), { code: 'ERR_DISK_LOCKED' });
  t.end();
});

t.test('openDisk without a lock neither takes one nor minds one', (t) => {
  const path = `${t.testdir({ disk: 'x'.repeat(512) })}/disk`;
  using first = openDisk(options(path, { lock: false }));
  using other = new OwnedFd(openSync(path, constants.O_RDWR));
  t.ok(tryLock(other.raw, true));
  using second = openDisk(options(path, { lock: false }));
  t.ok(first.isOpen && second.isOpen);
  t.end();
});

t.test('openDisk gives the lock up with the descriptor', (t) => {
  const path = `${t.testdir({ disk: 'x'.repeat(512) })}/disk`;
  openDisk(options(path)).close();
  using again = openDisk(options(path));
  t.ok(again.isOpen);
  t.end();
});

t.test('openDisk names a file that is not there', (t) => {
  t.throws(() => openDisk(options('/nonexistent/disk')), {
    code: 'ERR_DISK_OPEN',
    message: /^cannot open disk "\/nonexistent\/disk" for writing/,
  });
  t.end();
});

t.test('openDisk refuses an image without a whole sector', (t) => {
  const path = `${t.testdir({ disk: 'x'.repeat(511) })}/disk`;
  t.throws(() => openDisk(options(path)), {
    code: 'ERR_DISK_EMPTY',
    message: `disk "${path}" has no room for a single sector`,
  });
  t.end();
});

t.test('openDisk refuses what is no disk', (t) => {
  t.throws(() => openDisk(options(t.testdir(), { readOnly: true })), {
    code: 'ERR_DISK_KIND',
    message: /is neither a regular file nor a block device/,
  });
  t.throws(() => openDisk(options('/dev/null')), { code: 'ERR_DISK_KIND' });
  t.end();
});

t.test('blockModule.configure hides the bytes after the last whole sector', async (t) => {
  const path = `${t.testdir({})}/disk`;
  writeFileSync(path, Buffer.alloc(1025));
  const configured = blockModule.configure({ path });
  const { createDevice } = await import('../../../../src/devices/block/device.ts');
  const device = createDevice(options(path), configured.openBackend());
  t.equal(new DataView(device.config.buffer).getUint32(0, true), 2);
});

t.test('parseBlockOptions fills in what is not given, and takes its own result', (t) => {
  const parsed = options('/disk');
  t.same(parsed, {
    path: '/disk',
    readOnly: false,
    sparse: true,
    blockSize: 512,
    id: '',
    direct: false,
    lock: true,
    queues: 1,
    pollMicros: 50,
  });
  t.same(parseBlockOptions(parsed), parsed);
  t.end();
});

for (const { wrong, message } of [
  { wrong: {}, message: 'block: option "path" is missing' },
  { wrong: { path: 'a\0b' }, message: /^block: option "path" must be the path of a file/ },
  {
    wrong: { path: 'x', blockSize: 513 },
    message: 'block: option "blockSize" must be one of 512, 1024, 2048, 4096, not 513',
  },
  {
    wrong: { path: 'x', id: 'x'.repeat(21) },
    message: /^block: option "id" must be a string of at most 20 characters/,
  },
  { wrong: { path: 'x', id: 'é' }, message: 'block: option "id" must be printable ASCII, not "é"' },
  {
    wrong: { path: 'x', queues: 17 },
    message: 'block: option "queues" must be an integer from 1 to 16, not 17',
  },
  {
    wrong: { path: 'x', readOnly: 'yes' },
    message: 'block: option "readOnly" must be true or false, not "yes"',
  },
  {
    wrong: { path: 'x', readonly: true },
    message: /^block: unknown option "readonly"; there are: path, /,
  },
]) {
  t.test(`parseBlockOptions refuses ${JSON.stringify(wrong)}`, (t) => {
    t.throws(() => parseBlockOptions(wrong), { code: 'ERR_DEVICE_OPTION', message });
    t.end();
  });
}
