/**
 * How should a device process read: one pread after the other, Linux AIO, or io_uring?
 *
 * Nothing but the calls, from TypeScript, with so many reads in flight all the time; every read is checked for its
 * length. In memory, where no storage is measured, and past the page cache on the file system of temporary files, whose
 * storage may well be the bottleneck. Time is that of the clock, CPU time that of this process with its kernel workers.
 */
import { closeSync, constants, fsyncSync, openSync, writeSync } from 'node:fs';
import { performance } from 'node:perf_hooks';
import { createEventFd } from '../src/sys/eventfd.ts';
import { preadAddress } from '../src/sys/io.ts';
import { allocateNative } from '../src/sys/mmap.ts';
import { IoUring } from './support/io-uring.ts';
import { AioContext, AioOperation } from './support/linux-aio.ts';
import { publish } from './support/report.ts';
import { type Figures, measureInTurns, type Side } from './support/rounds.ts';
import { Scratch } from './support/scratch.ts';

const FILE_MIB = 64;
const FILE_BYTES = FILE_MIB << 20;
const DEPTH_MAX = 32;
const TARGET_BYTES = 4 << 20;
const BUDGET_MS = 300;
const CALLS_PER_CLOCK = 16;

interface Job {
  readonly figure: string;
  readonly fd: number;
  readonly sizeBytes: number;
  readonly depth: number;
}

/** Runs a job for a while; returns the reads that were done. */
type Reader = (job: Job) => number;

const target = allocateNative(TARGET_BYTES, 4096);
const slots = Array.from({ length: DEPTH_MAX }, (_, slot) => slot);
let seed = 1;

/** A block of the file, by a generator that all sides share. */
function nextOffset(sizeBytes: number): number {
  seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
  return (seed % (FILE_BYTES / sizeBytes)) * sizeBytes;
}

function check(job: Job, result: number): void {
  if (result !== job.sizeBytes) {
    throw new Error(`${job.figure}: a read of ${job.sizeBytes} bytes returned ${result}`);
  }
}

function addressOf(slot: number, job: Job): number {
  return target.address + ((slot * job.sizeBytes) % TARGET_BYTES);
}

const readByPread: Reader = (job) => {
  const end = performance.now() + BUDGET_MS;
  let done = 0;
  do {
    for (let call = 0; call < CALLS_PER_CLOCK; call++, done++) {
      const address = addressOf(done % job.depth, job);
      check(job, preadAddress(job.fd, address, job.sizeBytes, nextOffset(job.sizeBytes)));
    }
  } while (performance.now() < end);
  return done;
};

function readerByAio(): Reader {
  const eventFd = createEventFd();
  const aio = AioContext.create(DEPTH_MAX, eventFd.raw);
  if (aio === undefined) {
    throw new Error('the kernel gives no context for asynchronous I/O');
  }
  return (job) => {
    const free = slots.slice(0, job.depth);
    const { fd, sizeBytes: count } = job;
    const end = performance.now() + BUDGET_MS;
    let done = 0;
    const finish = (tag: number, result: number): void => {
      check(job, result);
      free.push(tag);
      done++;
    };
    const refuse = (_tag: number, errno: number): void => {
      throw new Error(`${job.figure}: refused with errno ${errno}`);
    };
    while (performance.now() < end) {
      for (let tag = free.pop(); tag !== undefined; tag = free.pop()) {
        const address = addressOf(tag, job);
        const offset = nextOffset(count);
        aio.stage(tag, { operation: AioOperation.read, fd, address, count, offset });
      }
      aio.submit(refuse);
      if (aio.take(finish) === 0) {
        aio.waitForOne(finish);
      }
    }
    aio.drain(finish);
    return done;
  };
}

function readerByUring(registered: boolean): Reader {
  const rings = new Map<number, IoUring>();
  return (job) => {
    const ring = rings.get(job.fd) ?? new IoUring(DEPTH_MAX, job.fd, target, registered);
    rings.set(job.fd, ring);
    const end = performance.now() + BUDGET_MS;
    let [inFlight, done] = [0, 0];
    const finish = (result: number): void => {
      check(job, result);
    };
    for (let slot = 0; inFlight > 0 || done === 0; ) {
      // All buffers are alike here: which of them a read comes back in does not matter to what it costs.
      for (; inFlight < job.depth && performance.now() < end; inFlight++, slot++) {
        ring.stage(addressOf(slot % job.depth, job), job.sizeBytes, nextOffset(job.sizeBytes));
      }
      const taken = ring.enter(finish);
      inFlight -= taken;
      done += taken;
    }
    return done;
  };
}

function makeFile(scratch: Scratch, flags: number): number {
  const path = scratch.disk('image', FILE_MIB);
  const writer = openSync(path, 'r+');
  writeSync(writer, new Uint8Array(512), 0, 512, 0);
  fsyncSync(writer);
  closeSync(writer);
  return openSync(path, constants.O_RDONLY | flags);
}

function side(name: string, makeReader: () => Reader, jobs: readonly Job[]): Side {
  let reader: Reader | undefined;
  const measure = async (): Promise<Figures> => {
    reader ??= makeReader();
    const figures = new Map<string, number>();
    for (const job of jobs) {
      const cpu = process.cpuUsage();
      const start = performance.now();
      const reads = reader(job);
      const micros = (performance.now() - start) * 1000;
      const { user, system } = process.cpuUsage(cpu);
      figures.set(job.figure, micros / reads);
      figures.set(`${job.figure}, CPU time`, (user + system) / reads);
    }
    return figures;
  };
  return { name, measure };
}

const PREAD = 'pread';
using inMemory = new Scratch();
using onDisk = Scratch.onFileSystem();
const memoryFd = makeFile(inMemory, 0);
const directFd = makeFile(onDisk, constants.O_DIRECT);
const jobs: readonly Job[] = [
  { figure: 'in memory, 4 KiB, 1 in flight', fd: memoryFd, sizeBytes: 4096, depth: 1 },
  { figure: 'in memory, 4 KiB, 32 in flight', fd: memoryFd, sizeBytes: 4096, depth: 32 },
  { figure: 'in memory, 1 MiB, 4 in flight', fd: memoryFd, sizeBytes: 1 << 20, depth: 4 },
  { figure: 'O_DIRECT on storage, 4 KiB, 1 in flight', fd: directFd, sizeBytes: 4096, depth: 1 },
  { figure: 'O_DIRECT on storage, 4 KiB, 32 in flight', fd: directFd, sizeBytes: 4096, depth: 32 },
  { figure: 'O_DIRECT on storage, 1 MiB, 4 in flight', fd: directFd, sizeBytes: 1 << 20, depth: 4 },
];
publish(
  {
    name: 'io-uring',
    question: 'How should a device process read: pread, Linux AIO, or io_uring?',
    unit: () => 'microseconds a read',
    baseline: PREAD,
    goals: [],
  },
  await measureInTurns([
    side(PREAD, () => readByPread, jobs),
    side('Linux AIO', readerByAio, jobs),
    side('io_uring', () => readerByUring(false), jobs),
    side('io_uring, registered file and buffer', () => readerByUring(true), jobs),
  ]),
);
