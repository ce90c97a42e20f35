/**
 * Does a machine grow while it works?
 *
 * One guest reads and writes its disks, reads random bytes and makes exits, again and again, for 600 seconds
 * (`CROSVM_BENCH_SECONDS`, or 60 with `--quick`); it checks what it reads, and opens each device anew every time, so that
 * activation and reset are part of it. The memory of every process is looked at 60 times. Growth is that of a straight
 * line fitted to the last half: by then everything that is made once has been made. The parent's heaps are what V8 tells
 * of them after collections.
 */
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  type GuestLine,
  linesOf,
  numberField,
  parseGuestOutput,
} from '../test/guest/firmware/output.ts';
import { Collector } from './support/collector.ts';
import { Fleet, type RunningMachine } from './support/fleet.ts';
import { parseCollections } from './support/gc-trace.ts';
import { crosvm } from './support/machines.ts';
import { numberFromEnvironment, QUICK } from './support/options.ts';
import { processMemory } from './support/process-memory.ts';
import { publish } from './support/report.ts';
import type { Command } from './support/run.ts';
import { Scratch } from './support/scratch.ts';
import { fittedGrowth, type Point } from './support/statistics.ts';

const SECONDS = numberFromEnvironment('CROSVM_BENCH_SECONDS', QUICK ? 60 : 600);
const SAMPLES = 60;
const INTERVAL_MS = (SECONDS * 1000) / SAMPLES;
/** From the last sample to the guest's end and the machine's. */
const END_LIMIT_MS = 60_000;
const KIB_PER_MIB = 1024;
/** What one process may seem to grow by; pages that others give back or take make its memory waver. */
const NOISE_MIB = 1;
const PRIVATE_GROWTH = 'private memory, growth in the last half';
const PSS_GROWTH = 'PSS, growth in the last half';
const HEAP_GROWTH = 'heap after collections, growth in the last half';
const PROCESSES = ['parent', 'block device 1', 'block device 2', 'rng device'];

const WORDS = [
  `repeat_ms=${SECONDS * 1000} ms=1000 qd=32`,
  'blk blk qd=8 irq=1 mode=seqread bs=131072 blk dev=1 mode=randwrite',
  'rng bytes=2097152 chunk=4096 exits count=5000 port=0x64',
];

using scratch = new Scratch();
const disks = ['read', 'write'].map((name) => ({
  path: scratch.disk(name, 64),
  writable: name === 'write',
}));
const console1 = scratch.path('console');

/** The jailed machine with its console in a file, because V8's lines come on standard output. */
function command(): Command {
  const { program, args } = crosvm({ words: WORDS.join(' '), disks }, { sandbox: true });
  const ours = args.map((arg) =>
    arg === 'type=stdout,num=1' ? `type=file,num=1,path=${console1}` : arg,
  );
  return { program: process.execPath, args: ['--trace-gc', program, ...ours] };
}

interface Samples {
  readonly pid: number;
  readonly privateMib: Point[];
  readonly pssMib: Point[];
}

/** Looks at every process from now until the time is up. */
async function sample(machine: RunningMachine): Promise<readonly Samples[]> {
  const start = performance.now();
  const processes: Samples[] = [];
  for (let count = 1; count <= SAMPLES; count++) {
    await sleep(Math.max(0, start + count * INTERVAL_MS - performance.now()));
    const seconds = (performance.now() - start) / 1000;
    const { pids } = machine;
    if (pids.length === 0 && seconds < SECONDS) {
      throw new Error(`the machine ended after ${seconds.toFixed(0)} s:\n${machine.output}`);
    }
    for (const pid of pids) {
      const { privateKib, pssKib } = processMemory(pid);
      const known = processes.find((one) => one.pid === pid) ?? {
        pid,
        privateMib: [],
        pssMib: [],
      };
      if (!processes.includes(known)) {
        processes.push(known);
      }
      // A process that ends while it is looked at has no memory any more.
      if (pssKib > 0) {
        known.privateMib.push({ seconds, value: privateKib / KIB_PER_MIB });
        known.pssMib.push({ seconds, value: pssKib / KIB_PER_MIB });
      }
    }
  }
  return processes;
}

function lastHalf<T>(list: readonly T[]): readonly T[] {
  return list.slice(list.length >> 1);
}

/** @throws Error where the guest found a wrong byte, or did not come to its end. */
function checkGuest(lines: readonly GuestLine[]): void {
  const [done] = linesOf(lines, 'done');
  const bad = linesOf(lines, 'blk').find(({ fields }) =>
    ['bad', 'errors', 'stalled'].some((key) => fields.get(key) !== '0'),
  );
  if (done === undefined || numberField(done, 'failures') > 0 || bad !== undefined) {
    throw new Error(`the guest did not get through: ${JSON.stringify([...(bad?.fields ?? [])])}`);
  }
  const total = (word: string, key: string): number =>
    linesOf(lines, word).reduce((sum, line) => sum + numberField(line, key), 0);
  console.log(
    `${total('blk', 'requests')} block requests, ${total('rng', 'bytes')} random bytes, ` +
      `${total('exits', 'count')} exits; devices opened ` +
      `${linesOf(lines, 'blk').length + linesOf(lines, 'rng').length} times; nothing wrong`,
  );
}

function addProcesses(collector: Collector, processes: readonly Samples[]): void {
  if (processes.length !== PROCESSES.length) {
    throw new Error(`${processes.length} processes were seen, not ${PROCESSES.length}`);
  }
  processes.forEach(({ privateMib, pssMib }, index) => {
    const name = PROCESSES[index] ?? '';
    collector.add(PRIVATE_GROWTH, name, fittedGrowth(lastHalf(privateMib)));
    collector.add(PSS_GROWTH, name, fittedGrowth(lastHalf(pssMib)));
    for (const [when, at] of [
      ['at the start', 0],
      ['at half time', privateMib.length >> 1],
      ['at the end', privateMib.length - 1],
    ] as const) {
      collector.add(`private memory ${when}`, name, privateMib[at]?.value ?? Number.NaN);
      collector.add(`PSS ${when}`, name, pssMib[at]?.value ?? Number.NaN);
    }
  });
}

/** Heaps that were hardly collected did not fill, and a line through two points says nothing: they are only told. */
function addHeaps(collector: Collector, output: string): void {
  const collections = parseCollections(output);
  const isolates = [...new Set(collections.map(({ isolate }) => isolate))];
  if (isolates.length === 0) {
    throw new Error('V8 told of no collection at all: is --trace-gc understood?');
  }
  isolates.forEach((isolate, index) => {
    const own = collections.filter((one) => one.isolate === isolate);
    const late = own.filter(({ seconds }) => seconds > SECONDS / 2);
    const name = `parent’s heap ${index + 1}`;
    const last = own.at(-1)?.usedMib ?? Number.NaN;
    console.log(
      `${name}: ${own.length} collections, ${late.length} in the last half; ${last} MiB after the last`,
    );
    const points = late.map(({ seconds, usedMib }) => ({ seconds, value: usedMib }));
    if (points.length >= 3) {
      collector.add(HEAP_GROWTH, name, fittedGrowth(points));
    }
  });
}

const collector = new Collector();
{
  await using fleet = new Fleet();
  const machine = fleet.start(command());
  const processes = await sample(machine);
  if (!(await machine.end(END_LIMIT_MS))) {
    throw new Error('the machine did not come to its end');
  }
  checkGuest(parseGuestOutput(readFileSync(console1, 'utf8')));
  addProcesses(collector, processes);
  addHeaps(collector, machine.output);
}
publish(
  {
    name: 'growth',
    question: `Does a machine grow in ${SECONDS} seconds of work?`,
    unit: () => 'MiB',
    baseline: 'parent',
    goals: PROCESSES.flatMap((side) =>
      [PRIVATE_GROWTH, PSS_GROWTH].map((figure) => ({
        figure,
        side,
        limit: NOISE_MIB,
        direction: 'at most' as const,
      })),
    ),
  },
  collector.results(),
);
