import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import t from 'tap';
import { EINTR, ESRCH } from '../../src/sys/errno.ts';
import { installKickHandler, kickThread, registerVcpuThread } from '../../src/sys/native.ts';
import { createPipe } from '../../src/sys/pipe.ts';

/** SIGRTMIN of glibc: the kernel's first real-time signals are its own. */
const SIGRTMIN = 34;
const EXPECTED = { name: 'TypeError' };

/** A thread that registers a byte of its own, then sits in read(2) as a vCPU sits in KVM_RUN. */
function startThread(readFd: number, options: { readonly unregister?: boolean } = {}): Worker {
  const at = (path: string) => new URL(`../../src/sys/${path}`, import.meta.url).href;
  const script = `
    const { parentPort } = require('node:worker_threads');
    Promise.all(['${at('native.js')}', '${at('mmap.js')}', '${at('libc.js')}'].map((url) => import(url)))
      .then(([native, { allocateNative }, { bindNumeric, lastErrno }]) => {
        const read = bindNumeric('long read(int fd, uintptr_t buffer, size_t count)');
        const { address, bytes } = allocateNative(16);
        const tid = native.registerVcpuThread(address + 8);
        if (${options.unregister ?? false}) native.unregisterVcpuThread();
        parentPort.postMessage({ tid });
        const result = read(${readFd}, address, 1);
        parentPort.postMessage({ result, errno: result < 0 ? lastErrno() : 0, bytes: [...bytes] });
      });`;
  return new Worker(script, { eval: true });
}

async function nextMessage(worker: Worker): Promise<Record<string, unknown>> {
  // CAST: the script above posts records only.
  const [message] = (await once(worker, 'message')) as [Record<string, unknown>];
  return message;
}

/** Kicks until the thread has left its call: the first kick may come before it has entered it. */
async function kickUntil(tid: number, done: Promise<unknown>): Promise<void> {
  const timer = setInterval(() => {
    kickThread(tid);
  }, 10);
  await done;
  clearInterval(timer);
}

t.test('kickThread and registerVcpuThread want the handler first', async (t) => {
  t.throws(
    () => {
      kickThread(1);
    },
    { ...EXPECTED, message: /installKickHandler has to come first/ },
  );
  t.throws(() => registerVcpuThread(4096), {
    ...EXPECTED,
    message: /installKickHandler has to come first/,
  });
});

t.test('installKickHandler refuses signals that mean something else', async (t) => {
  for (const signal of [0, 2, 9, 33, 65, 34.5]) {
    t.throws(
      () => {
        installKickHandler(signal);
      },
      { ...EXPECTED, message: /real-time signal/ },
    );
  }
});

t.test(
  'kickThread interrupts a call of a registered thread and sets its byte, no other one',
  async (t) => {
    installKickHandler(SIGRTMIN);
    const pipe = createPipe();
    const worker = startThread(pipe.readEnd.raw);
    const { tid } = await nextMessage(worker);
    const end = nextMessage(worker);
    await kickUntil(Number(tid), end);
    const bytes = new Array<number>(16).fill(0);
    bytes[8] = 1;
    t.match(await end, { result: -1, errno: EINTR, bytes });
    await worker.terminate();
    pipe.readEnd.close();
    pipe.writeEnd.close();
  },
);

t.test('a kick of a thread that unregistered interrupts it and writes nothing', async (t) => {
  installKickHandler(SIGRTMIN);
  const pipe = createPipe();
  const worker = startThread(pipe.readEnd.raw, { unregister: true });
  const { tid } = await nextMessage(worker);
  const end = nextMessage(worker);
  await kickUntil(Number(tid), end);
  t.match(await end, { result: -1, errno: EINTR, bytes: new Array<number>(16).fill(0) });
  await worker.terminate();
  pipe.readEnd.close();
  pipe.writeEnd.close();
});

t.test('kickThread throws ESRCH for a thread that is not of this process', async (t) => {
  installKickHandler(SIGRTMIN);
  t.throws(
    () => {
      kickThread(1);
    },
    {
      code: 'ERR_SYSCALL',
      errno: ESRCH,
      message: 'kickThread: tgkill failed: ESRCH (thread 1)',
    },
  );
});

t.test('registerVcpuThread refuses what is no address', async (t) => {
  for (const address of [0, -1, 2 ** 47, 1.5]) {
    t.throws(() => registerVcpuThread(address), { ...EXPECTED, message: /mapped byte/ });
  }
});
