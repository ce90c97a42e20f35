/**
 * How quick is virtio-blk, and what does a request cost?
 *
 * The guest's driver polls in ring 3, so that the device's side is what is measured; two jobs sleep for interrupts.
 * Every read is checked against the pattern of the disk, and of what was written a part is read back; a run with a
 * wrong byte counts for nothing. CPU time is that of the VMM's processes, the guest's own included, on all sides alike.
 *
 * The image is in memory, where it can be opened past the page cache; the first line says so.
 */
import { type GuestLine, linesOf, numberField } from '../test/guest/firmware/output.ts';
import type { Goal, Limit } from './support/goals.ts';
import { crosvm, qemuQ35 } from './support/machines.ts';
import { processesCpuMs } from './support/process-cpu.ts';
import { processTree } from './support/process-memory.ts';
import { publish } from './support/report.ts';
import { type Figures, measureInTurns, type Side } from './support/rounds.ts';
import { type Command, run } from './support/run.ts';
import { Scratch } from './support/scratch.ts';

interface Job {
  readonly figure: string;
  readonly words: string;
  /** Tells throughput in MiB instead of requests. */
  readonly inMib?: boolean;
}

const MS = 500;
const WARM_UP = `blk qd=32 ms=${MS}`;
const READ_ONE = '4 KiB random read, QD1';
const READ_MANY = '4 KiB random read, QD32';
const READ_QUEUES = '4 KiB random read, 4 queues of QD32';
const READ_SLEEPING = '4 KiB random read, QD8, interrupts';
const READ_LARGE = '1 MiB sequential read, QD4';
const READ_PIECES = '128 KiB sequential read in 4 KiB pieces, QD8, interrupts';
const WRITE_ONE = '4 KiB random write, QD1';
const WRITE_MANY = '4 KiB random write, QD32';
/** The guest has one vCPU, which drives the four queues in turns. */
const QUEUES = 4;
const JOBS: readonly Job[] = [
  { figure: READ_ONE, words: 'qd=1' },
  { figure: READ_MANY, words: 'qd=32' },
  { figure: READ_QUEUES, words: `dev=2 queues=${QUEUES} qd=32` },
  { figure: READ_SLEEPING, words: 'qd=8 irq=1' },
  { figure: READ_LARGE, words: 'qd=4 mode=seqread bs=1048576', inMib: true },
  {
    figure: READ_PIECES,
    words: 'qd=8 mode=seqread bs=131072 segment=4096 irq=1',
    inMib: true,
  },
  { figure: WRITE_ONE, words: 'dev=1 qd=1 mode=randwrite' },
  { figure: WRITE_MANY, words: 'dev=1 qd=32 mode=randwrite' },
];

using scratch = Scratch.forDirect();
console.log(
  scratch.inMemory
    ? 'the image is in /dev/shm, which takes O_DIRECT: no storage is measured'
    : 'the image is on the file system of temporary files, because /dev/shm does not take O_DIRECT',
);
const readImage = scratch.disk('read', 256);
const machine = {
  words: [WARM_UP, ...JOBS.map((job) => `blk ${job.words} ms=${MS}`)].join(' '),
  disks: [
    { path: readImage, writable: false },
    { path: scratch.disk('write', 256), writable: true },
    { path: readImage, writable: false, queues: QUEUES },
  ],
};

/** CPU time of a VMM between one line of the guest and the next. */
class CpuMeter {
  readonly spentMs: number[] = [];
  #pids: readonly number[] = [];
  #lastMs = 0;

  note(line: GuestLine, pid: number): void {
    if (line.word === 'boot') {
      this.#pids = processTree(pid);
    } else if (line.word === 'blk') {
      const now = processesCpuMs(this.#pids);
      this.spentMs.push(now - this.#lastMs);
      this.#lastMs = now;
    }
  }
}

function checkData(job: Job, line: GuestLine | undefined): asserts line is GuestLine {
  if (
    line === undefined ||
    ['bad', 'errors', 'stalled'].some((key) => line.fields.get(key) !== '0')
  ) {
    const told = [...(line?.fields ?? [])].map((field) => field.join('=')).join(' ');
    throw new Error(`${job.figure}: wrong data or no answer: ${told}`);
  }
}

async function measure(command: Command): Promise<Figures> {
  const meter = new CpuMeter();
  const onLine = meter.note.bind(meter);
  const { lines } = await run(command, { onLine });
  const results = linesOf(lines, 'blk').slice(1);
  const cpuMs = meter.spentMs.slice(1);
  const figures = new Map<string, number>();
  for (const [index, job] of JOBS.entries()) {
    const line = results[index];
    checkData(job, line);
    const requests = numberField(line, 'requests') + numberField(line, 'read_back');
    figures.set(job.figure, numberField(line, job.inMib === true ? 'mib_per_s' : 'iops'));
    figures.set(medianOf(job.figure), numberField(line, 'p50_ns') / 1000);
    figures.set(`${job.figure}, p99 latency`, numberField(line, 'p99_ns') / 1000);
    figures.set(cpuOf(job.figure), ((cpuMs[index] ?? Number.NaN) * 1000) / requests);
  }
  return figures;
}

function medianOf(figure: string): string {
  return `${figure}, median latency`;
}

function cpuOf(figure: string): string {
  return `${figure}, CPU time a request`;
}

function unitOf(figure: string): string {
  if (figure.endsWith('latency') || figure.endsWith('CPU time a request')) {
    return 'microseconds';
  }
  return figure.includes('sequential') ? 'MiB a second' : 'requests a second';
}

const CACHED = 'crosvm, page cache';
const DIRECT = 'crosvm, direct';
const qemuVariants = [
  { cache: 'writeback', aio: 'threads' },
  { cache: 'writeback', aio: 'io_uring' },
  { cache: 'none', aio: 'native' },
  { cache: 'none', aio: 'io_uring' },
] as const;
const sides: readonly Side[] = [
  { name: CACHED, measure: () => measure(crosvm(machine, { sandbox: true })) },
  { name: DIRECT, measure: () => measure(crosvm(machine, { sandbox: true, direct: true })) },
  {
    name: 'crosvm, page cache, --disable-sandbox',
    measure: () => measure(crosvm(machine, { sandbox: false })),
  },
  ...qemuVariants.map((options) => ({
    name: `QEMU, ${options.cache}, ${options.aio}`,
    measure: () => measure(qemuQ35(machine, options)),
  })),
];

function goalsOf(side: string, ofBest: string): Goal[] {
  const times = (ratio: number): Limit => ({ ratio, ofBest });
  const lower = (figure: string, ratio: number): Goal => ({
    ...{ figure, side, limit: times(ratio), direction: 'at most' },
  });
  const higher = (figure: string, ratio: number): Goal => ({
    ...{ figure, side, limit: times(ratio), direction: 'at least' },
  });
  return [
    lower(medianOf(READ_ONE), 0.9),
    higher(READ_MANY, 1.1),
    lower(medianOf(WRITE_ONE), 0.9),
    higher(WRITE_MANY, 1.1),
    higher(READ_LARGE, 1),
    higher(READ_QUEUES, 1),
    ...JOBS.map(({ figure }) => lower(cpuOf(figure), 1.1)),
  ];
}

publish(
  {
    name: 'block',
    question: 'How quick is virtio-blk, and what does a request cost?',
    unit: unitOf,
    baseline: 'QEMU, writeback, threads',
    // Through the page cache against whatever QEMU is best at; past it against its like.
    goals: [...goalsOf(CACHED, 'QEMU'), ...goalsOf(DIRECT, 'QEMU, none')],
    charted: (figure) => !figure.endsWith('p99 latency'),
  },
  await measureInTurns(sides),
);
