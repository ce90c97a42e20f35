/**
 * How quick is virtio-blk on a file in memory?
 *
 * The guest's driver polls in ring 3, so that the device's side is what is measured; one job sleeps for interrupts.
 * Every read is checked against the pattern of the disk; a run with a wrong byte counts for nothing.
 */
import { linesOf, numberField } from '../test/guest/firmware/output.ts';
import { crosvm, qemuQ35 } from './support/machines.ts';
import { publish } from './support/report.ts';
import { type Figures, measureInTurns, type Side } from './support/rounds.ts';
import { type Command, run } from './support/run.ts';
import { Scratch } from './support/scratch.ts';

const MS = 400;
const WARM_UP = `blk qd=32 ms=${MS}`;
const JOBS = [
  { figure: '4 KiB random read, QD1', words: 'qd=1' },
  { figure: '4 KiB random read, QD32', words: 'qd=32' },
  { figure: '4 KiB random read, QD8, interrupts', words: 'qd=8 irq=1' },
  { figure: '1 MiB sequential read, QD4', words: 'qd=4 mode=seqread bs=1048576', inMib: true },
  {
    figure: '128 KiB sequential read in 4 KiB pieces, QD8, interrupts',
    words: 'qd=8 mode=seqread bs=131072 segment=4096 irq=1',
    inMib: true,
  },
  { figure: '4 KiB random write, QD1', words: 'dev=1 qd=1 mode=randwrite' },
  { figure: '4 KiB random write, QD32', words: 'dev=1 qd=32 mode=randwrite' },
];

using scratch = new Scratch();
const machine = {
  words: [WARM_UP, ...JOBS.map((job) => `blk ${job.words} ms=${MS}`)].join(' '),
  disks: [
    { path: scratch.disk('read', 256), writable: false },
    { path: scratch.disk('write', 256), writable: true },
  ],
};

async function measure(command: Command): Promise<Figures> {
  const { lines } = await run(command);
  const results = linesOf(lines, 'blk').slice(1);
  const figures = new Map<string, number>();
  for (const [index, job] of JOBS.entries()) {
    const line = results[index];
    if (
      line === undefined ||
      ['bad', 'errors', 'stalled'].some((key) => line.fields.get(key) !== '0')
    ) {
      const told = [...(line?.fields ?? [])].map((field) => field.join('=')).join(' ');
      throw new Error(`${job.figure}: wrong data or no answer: ${told}`);
    }
    figures.set(job.figure, numberField(line, job.inMib === true ? 'mib_per_s' : 'iops'));
    figures.set(`${job.figure}, median latency`, numberField(line, 'p50_ns') / 1000);
    figures.set(`${job.figure}, p99 latency`, numberField(line, 'p99_ns') / 1000);
  }
  return figures;
}

function unitOf(figure: string): string {
  if (figure.endsWith('latency')) {
    return 'microseconds';
  }
  return figure.includes('sequential') ? 'MiB a second' : 'requests a second';
}

const qemuVariants = [
  { cache: 'writeback', aio: 'threads' },
  { cache: 'writeback', aio: 'io_uring' },
  { cache: 'none', aio: 'native' },
] as const;
const sides: readonly Side[] = [
  { name: 'crosvm, jailed', measure: () => measure(crosvm(machine, { sandbox: true })) },
  {
    name: 'crosvm, --disable-sandbox',
    measure: () => measure(crosvm(machine, { sandbox: false })),
  },
  ...qemuVariants.map((options) => ({
    name: `QEMU, ${options.cache}, ${options.aio}`,
    measure: () => measure(qemuQ35(machine, options)),
  })),
];

const JAILED = 'crosvm, jailed';
/** QEMU's quickest in every figure that has a goal. */
const BEST_PEER = 'QEMU, none, native';

publish(
  {
    name: 'block',
    question: 'How quick is virtio-blk on a file in memory?',
    unit: unitOf,
    baseline: 'QEMU, writeback, threads',
    goals: [
      {
        figure: '4 KiB random read, QD1, median latency',
        side: JAILED,
        limit: { ratio: 1.25, of: BEST_PEER },
        direction: 'at most',
      },
      {
        figure: '4 KiB random read, QD32',
        side: JAILED,
        limit: { ratio: 0.8, of: BEST_PEER },
        direction: 'at least',
      },
      {
        figure: '1 MiB sequential read, QD4',
        side: JAILED,
        limit: { ratio: 0.9, of: BEST_PEER },
        direction: 'at least',
      },
    ],
  },
  await measureInTurns(sides),
);
