import t from 'tap';
import { Channel, MESSAGE_BYTES_MAX } from '../../../src/ipc/channel.ts';
import { encodeMessage } from '../../../src/ipc/codec.ts';
import { anything, integer, record, u64 } from '../../../src/ipc/schema.ts';
import { createEventFd, drainEventFd, signalEventFd } from '../../../src/sys/eventfd.ts';
import { sendWithFds } from '../../../src/sys/native.ts';
import { socketPair } from '../../../src/sys/socket.ts';
import { isOpenFd } from '../../../src/sys/terminal.ts';

const check = record({ n: integer(0, 9) });

t.test('Channel carries a message and a descriptor of the same open file', async (t) => {
  const [left, right] = socketPair();
  using sender = new Channel(left, anything);
  using receiver = new Channel(right, check);
  using event = createEventFd();
  sender.send({ n: 3 }, [event.raw]);
  const received = receiver.receive();
  t.same(received?.message, { n: 3 });
  const [fd] = received?.fds ?? [];
  t.ok(fd && fd.raw !== event.raw, 'a descriptor of its own');
  signalEventFd(event.raw);
  t.ok(fd && drainEventFd(fd.raw), 'the eventfd that was sent');
  fd?.close();
});

t.test('Channel.receive tells nothing waiting from the end of the peer', async (t) => {
  const [left, right] = socketPair();
  const sender = new Channel(left, anything);
  using receiver = new Channel(right, check);
  t.equal(receiver.receive(), undefined);
  sender[Symbol.dispose]();
  t.equal(receiver.receive(), null);
});

t.test('Channel.receive refuses what fails the check and closes its descriptors', async (t) => {
  const [left, right] = socketPair();
  using sender = new Channel(left, anything);
  using receiver = new Channel(right, check);
  using event = createEventFd();
  using lowest = createEventFd();
  const next = lowest.raw;
  lowest.close();
  sender.send({ n: 10 }, [event.raw]);
  t.throws(() => receiver.receive(), { code: 'ERR_IPC_SCHEMA' });
  t.notOk(isOpenFd(next), 'the descriptor that arrived as the lowest free number is closed');
});

t.test('Channel.receive refuses bytes that are no message', async (t) => {
  const [left, right] = socketPair();
  using raw = left;
  using receiver = new Channel(right, check);
  const truncated = encodeMessage({ n: 1 }).subarray(0, 3);
  sendWithFds(raw.raw, truncated, []);
  t.throws(() => receiver.receive(), { code: 'ERR_IPC_MALFORMED' });
  const two = Buffer.concat([encodeMessage({ n: 1 }), encodeMessage({ n: 2 })]);
  sendWithFds(raw.raw, two, []);
  t.throws(() => receiver.receive(), { code: 'ERR_IPC_MALFORMED' });
});

t.test('Channel.receive lets no value through that only the codec knows', async (t) => {
  const [left, right] = socketPair();
  using raw = left;
  using receiver = new Channel(right, check);
  for (const value of [new Date(0), new Set([1]), /n/, [1], 1n]) {
    sendWithFds(raw.raw, encodeMessage(value), []);
    t.throws(() => receiver.receive(), { code: /^ERR_IPC_/ });
  }
  // 0xc1 is the one byte that MessagePack never uses.
  sendWithFds(raw.raw, Uint8Array.of(0xc1), []);
  t.throws(() => receiver.receive(), { code: /^ERR_IPC_/ });
});

t.test('Channel.receive refuses a message that is longer than the limit', async (t) => {
  const [left, right] = socketPair();
  using raw = left;
  using receiver = new Channel(right, check);
  sendWithFds(raw.raw, new Uint8Array(MESSAGE_BYTES_MAX + 1), []);
  t.throws(() => receiver.receive(), { code: 'ERR_IPC_OVERSIZED' });
});

t.test('Channel keeps 64-bit integers exact', async (t) => {
  const [left, right] = socketPair();
  using sender = new Channel(left, anything);
  using receiver = new Channel(right, record({ n: u64 }));
  const features = (1n << 63n) | 1n;
  sender.send({ n: features });
  t.equal(receiver.receive()?.message.n, features);
});
