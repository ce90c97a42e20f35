import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import t from 'tap';
import { Channel } from '../../src/ipc/channel.ts';
import { encodeMessage } from '../../src/ipc/codec.ts';
import {
  checkDeviceMessage,
  type DeviceMessage,
  type ParentMessage,
  SHARED_PAGE_BYTES,
} from '../../src/ipc/device-protocol.ts';
import { createEventFd } from '../../src/sys/eventfd.ts';
import { createSealedMemfd } from '../../src/sys/memfd.ts';
import { sendWithFds } from '../../src/sys/native.ts';
import { socketPair } from '../../src/sys/socket.ts';
import { createTestMemory, MockDriver } from '../support/mock-driver.ts';

const HOST = new URL('../../src/devices/host.js', import.meta.url);

/** A device process that has been told nothing yet; its log goes nowhere. */
function spawnHost(kind: string) {
  const [ours, theirs] = socketPair();
  const child: ChildProcess = spawn(process.execPath, [HOST.pathname, kind], {
    stdio: ['ignore', 'inherit', 'ignore', theirs.raw],
  });
  theirs.close();
  const channel = new Channel<DeviceMessage, ParentMessage>(ours, checkDeviceMessage, {
    blocking: true,
  });
  const ended = once(child, 'exit').then(([code]) => Number(code ?? -1));
  return { channel, ended };
}

/** Sends `start`, well formed for the rng unless told otherwise. */
function sendStart(channel: Channel<DeviceMessage, ParentMessage>, options: unknown = {}) {
  const ram = createTestMemory(1 << 16);
  using page = createSealedMemfd('test_shared', SHARED_PAGE_BYTES);
  channel.send({ type: 'start', memory: ram.ranges, options }, [ram.fd.raw, page.raw]);
  return ram;
}

/** A device that is ready for its driver. */
function startReady(kind: string) {
  const { channel, ended } = spawnHost(kind);
  const ram = sendStart(channel);
  channel.receive();
  channel.send({ type: 'confine', program: new Uint8Array(0) });
  const ready = channel.receive();
  return { channel, ended, ram, ready };
}

t.test(
  'a device process describes itself, and is ready unconfined without a program',
  async (t) => {
    const { channel, ended } = spawnHost('rng');
    sendStart(channel);
    t.match(channel.receive()?.message, { type: 'described', queueSizes: [256] });
    channel.send({ type: 'confine', program: new Uint8Array(0) });
    t.same(channel.receive()?.message, { type: 'ready', confined: false });
    channel[Symbol.dispose]();
    t.equal(await ended, 0);
  },
);

t.test('a device process ends with 0 when the parent goes before start', async (t) => {
  const { channel, ended } = spawnHost('rng');
  channel[Symbol.dispose]();
  t.equal(await ended, 0);
});

t.test('a device process ends with 0 when the parent goes before confine', async (t) => {
  const { channel, ended } = spawnHost('rng');
  sendStart(channel);
  t.equal(channel.receive()?.message.type, 'described');
  channel[Symbol.dispose]();
  t.equal(await ended, 0);
});

t.test('a device process of an unknown kind fails and says so', async (t) => {
  const { channel, ended } = spawnHost('toaster');
  sendStart(channel);
  t.match(channel.receive()?.message, {
    type: 'failed',
    reason: /^there is no device kind "toaster"; there are: /,
  });
  t.equal(channel.receive(), null);
  t.equal(await ended, 1);
});

t.test('a device process with options that it does not have fails and says so', async (t) => {
  const { channel, ended } = spawnHost('rng');
  sendStart(channel, { speed: 'fast' });
  t.match(channel.receive()?.message, { type: 'failed', reason: /unknown option "speed"/ });
  t.equal(await ended, 1);
});

t.test('a device process fails at a seccomp program that the kernel refuses', async (t) => {
  const { channel, ended } = spawnHost('rng');
  sendStart(channel);
  channel.receive();
  channel.send({ type: 'confine', program: new Uint8Array(8).fill(0xff) });
  t.match(channel.receive()?.message, { type: 'failed', reason: /seccomp/ });
  t.equal(await ended, 1);
});

for (const { name, message } of [
  { name: 'start', message: { type: 'start', memory: [], options: {} } },
  { name: 'confine', message: { type: 'confine', program: new Uint8Array(0) } },
] as const) {
  t.test(`a device process that is ready fails at "${name}"`, async (t) => {
    const { channel, ended } = startReady('rng');
    channel.send(message);
    t.match(channel.receive()?.message, {
      type: 'failed',
      reason: `the parent sent "${name}" out of turn`,
    });
    t.equal(await ended, 1);
  });
}

t.test('a device process fails at activate before confine', async (t) => {
  const { channel, ended } = spawnHost('rng');
  sendStart(channel);
  channel.receive();
  channel.send({ type: 'activate', features: 0n, queues: [] });
  t.match(channel.receive()?.message, {
    type: 'failed',
    reason: 'the parent sent "activate" out of turn',
  });
  t.equal(await ended, 1);
});

for (const { name, bytes, reason } of [
  {
    name: 'an unknown message',
    bytes: encodeMessage({ type: 'open' }),
    reason: /not a known message type/,
  },
  {
    name: 'a field too many',
    bytes: encodeMessage({ type: 'reset', all: 1 }),
    reason: /unknown field "all"/,
  },
  {
    name: 'bytes that are no message',
    bytes: new Uint8Array([0x81]),
    reason: /not a MessagePack message/,
  },
]) {
  t.test(`a device process fails at ${name}`, async (t) => {
    const { channel, ended } = startReady('rng');
    sendWithFds(channel.raw, bytes, []);
    t.match(channel.receive()?.message, { type: 'failed', reason });
    t.equal(await ended, 1);
  });
}

t.test('a device process fails at features that it did not offer', async (t) => {
  const { channel, ended } = startReady('rng');
  channel.send({ type: 'activate', features: 1n << 63n, queues: [] });
  t.match(channel.receive()?.message, {
    type: 'failed',
    reason: 'the parent accepted features not on offer',
  });
  t.equal(await ended, 1);
});

for (const { name, change, fdCount, reason } of [
  {
    name: 'a queue that it has not got',
    change: { index: 1 },
    fdCount: 2,
    reason: /queue 1 with 8/,
  },
  { name: 'a queue larger than its own', change: { size: 512 }, fdCount: 2, reason: /with 512/ },
  { name: 'a queue without its eventfds', change: {}, fdCount: 1, reason: /1 queues came with 1/ },
]) {
  t.test(`a device process fails at ${name}`, async (t) => {
    const { channel, ended, ram } = startReady('rng');
    const { setup } = new MockDriver(ram.memory, { size: 8, base: 0x1000 });
    using fd = createEventFd();
    const fds = Array.from({ length: fdCount }, () => fd.raw);
    channel.send({ type: 'activate', features: 0n, queues: [{ ...setup, ...change }] }, fds);
    t.match(channel.receive()?.message, { type: 'failed', reason });
    t.equal(await ended, 1);
  });
}

t.test('a device process answers a reset that comes before it is active', (t) => {
  const { channel } = startReady('rng');
  channel.send({ type: 'reset' });
  t.same(channel.receive()?.message, { type: 'resetDone' });
  channel[Symbol.dispose]();
  t.end();
});
