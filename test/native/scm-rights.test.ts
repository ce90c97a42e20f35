import { fstatSync, readdirSync, readFileSync, readSync, writeSync } from 'node:fs';
import t from 'tap';
import { rawFd } from '../../src/base/brands.ts';
import { EPIPE } from '../../src/sys/errno.ts';
import { OwnedFd, setNonBlocking } from '../../src/sys/fd.ts';
import { recvWithFds, sendWithFds } from '../../src/sys/native.ts';
import { createPipe } from '../../src/sys/pipe.ts';
import { createSeqpacketPair } from '../../src/sys/socket-pair.ts';

const HELLO = new TextEncoder().encode('hello');

function openFdCount(): number {
  return readdirSync('/proc/self/fd').length;
}

t.test('sendWithFds and recvWithFds move bytes and working copies of descriptors', async (t) => {
  const [left, right] = createSeqpacketPair();
  const pipe = createPipe();
  t.equal(sendWithFds(left.raw, HELLO, [pipe.readEnd.raw, pipe.writeEnd.raw]), HELLO.length);
  const buffer = new Uint8Array(64);
  const received = recvWithFds(right.raw, buffer, 8);
  t.match(received, { bytes: HELLO.length, truncated: false });
  t.strictSame(buffer.subarray(0, HELLO.length), HELLO);
  const [readEnd, writeEnd] = (received?.fds ?? []).map((fd) => new OwnedFd(fd));
  t.ok(readEnd !== undefined && writeEnd !== undefined);
  if (readEnd === undefined || writeEnd === undefined) {
    return;
  }
  t.not(readEnd.raw, pipe.readEnd.raw, 'they are copies');
  writeSync(writeEnd.raw, 'through');
  const text = Buffer.alloc(16);
  t.equal(text.toString('utf8', 0, readSync(pipe.readEnd.raw, text)), 'through');
  for (const fd of [left, right, pipe.readEnd, pipe.writeEnd, readEnd, writeEnd]) {
    fd.close();
  }
});

t.test('recvWithFds returns 0 bytes once the peer is gone', async (t) => {
  const [left, right] = createSeqpacketPair();
  left.close();
  t.match(recvWithFds(right.raw, new Uint8Array(8), 0), { bytes: 0, fds: [], truncated: false });
  right.close();
});

t.test('recvWithFds returns undefined when a non-blocking socket has nothing', async (t) => {
  const [left, right] = createSeqpacketPair();
  setNonBlocking(right.raw, true);
  t.equal(recvWithFds(right.raw, new Uint8Array(8), 0), undefined);
  left.close();
  right.close();
});

t.test('sendWithFds throws EPIPE, and raises no signal, once the peer is gone', async (t) => {
  const [left, right] = createSeqpacketPair();
  right.close();
  t.throws(() => sendWithFds(left.raw, HELLO, []), {
    code: 'ERR_SYSCALL',
    errno: EPIPE,
    message: 'sendWithFds: sendmsg failed: EPIPE',
  });
  left.close();
});

const truncations = [
  { what: 'more bytes than the buffer', bufferBytes: 2, fdCount: 1, maxFds: 4 },
  { what: 'more descriptors than room for them', bufferBytes: 64, fdCount: 9, maxFds: 4 },
  { what: 'one descriptor more, which fits the padding', bufferBytes: 64, fdCount: 2, maxFds: 1 },
  { what: 'descriptors where none are expected', bufferBytes: 64, fdCount: 2, maxFds: 0 },
];
for (const { what, bufferBytes, fdCount, maxFds } of truncations) {
  t.test(`recvWithFds marks a message with ${what} and keeps no descriptor of it`, async (t) => {
    const [left, right] = createSeqpacketPair();
    const before = openFdCount();
    sendWithFds(left.raw, HELLO, new Array<number>(fdCount).fill(left.raw));
    const received = recvWithFds(right.raw, new Uint8Array(bufferBytes), maxFds);
    t.match(received, { truncated: true, fds: [] });
    t.equal(openFdCount(), before);
    left.close();
    right.close();
  });
}

t.test('received descriptors are close-on-exec', async (t) => {
  const [left, right] = createSeqpacketPair();
  sendWithFds(left.raw, HELLO, [left.raw]);
  const [fd = -1] = recvWithFds(right.raw, new Uint8Array(64), 1)?.fds ?? [];
  const flags = /^flags:\s*([0-7]+)$/m.exec(readFileSync(`/proc/self/fdinfo/${fd}`, 'utf8'))?.[1];
  const O_CLOEXEC = 0o2000000;
  t.equal(Number.parseInt(flags ?? '0', 8) & O_CLOEXEC, O_CLOEXEC);
  for (const owned of [left, right, new OwnedFd(fd)]) {
    owned.close();
  }
});

t.test('sendWithFds refuses more descriptors than a message can carry', async (t) => {
  const [left, right] = createSeqpacketPair();
  t.throws(() => sendWithFds(left.raw, HELLO, new Array<number>(254).fill(left.raw)), {
    name: 'TypeError',
    message: /at most 253/,
  });
  left.close();
  right.close();
});

t.test(
  'sendWithFds and recvWithFds name the call for a descriptor that is no socket',
  async (t) => {
    const pipe = createPipe();
    t.throws(() => sendWithFds(pipe.writeEnd.raw, HELLO, []), {
      message: /sendmsg failed: ENOTSOCK/,
    });
    t.throws(() => recvWithFds(pipe.readEnd.raw, new Uint8Array(1), 0), {
      message: /recvmsg failed: ENOTSOCK/,
    });
    t.ok(fstatSync(rawFd(pipe.readEnd.raw)).isFIFO(), 'the descriptor is still the caller’s');
    pipe.readEnd.close();
    pipe.writeEnd.close();
  },
);
