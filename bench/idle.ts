/**
 * What does a machine cost while its guest sleeps?
 *
 * Three devices that have served requests; then the guest executes HLT. CPU time of all threads of all processes, as the
 * scheduler counts it, and how often they wake up. The time just after is counted by itself: V8 collects garbage once
 * when nothing is allocated any more. Threads of the kernel, such as those of KVM's timer, belong to no process and are
 * not counted for anybody. `--quick` looks for 10 seconds instead of 60.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { activityBetween, snapshotActivity } from './support/activity.ts';
import { Collector } from './support/collector.ts';
import { Fleet, type RunningMachine } from './support/fleet.ts';
import { crosvm, type Disk, qemuMicrovm, qemuQ35, reference } from './support/machines.ts';
import { QUICK } from './support/options.ts';
import { publish } from './support/report.ts';
import type { Command } from './support/run.ts';
import { Scratch } from './support/scratch.ts';

const SETTLE_SECONDS = 20;
const SECONDS = QUICK ? 10 : 60;
const ROUNDS = QUICK ? 1 : 3;
const CPU = 'CPU of all processes';
const WAKE_UPS = 'wake-ups of all threads';
const SETTLING = `CPU in the first ${SETTLE_SECONDS} s of sleep`;
const JAILED = 'crosvm, jailed';
const THREADS_SHOWN = 8;

using scratch = new Scratch();
const disks: Disk[] = ['a', 'b'].map((name) => ({
  path: scratch.disk(name, 16),
  writable: false,
}));
const qemuDisk = { cache: 'writeback', aio: 'threads' } as const;
const machine = { words: 'blk qd=8 count=2000 blk dev=1 qd=8 count=2000 rng idle', disks };
const sides: readonly { readonly name: string; readonly command: Command }[] = [
  { name: 'C reference (no devices)', command: reference({ words: 'idle' }, 'direct') },
  { name: JAILED, command: crosvm(machine, { sandbox: true }) },
  { name: 'crosvm, --disable-sandbox', command: crosvm(machine, { sandbox: false }) },
  { name: 'QEMU microvm', command: qemuMicrovm({ ...machine, words: 'idle' }, qemuDisk) },
  { name: 'QEMU q35', command: qemuQ35(machine, qemuDisk) },
];

interface Sleeper {
  readonly name: string;
  readonly machine: RunningMachine;
}

async function startOne(fleet: Fleet, name: string, command: Command): Promise<Sleeper[]> {
  const running = fleet.start(command);
  try {
    await running.idle();
    return [{ name, machine: running }];
  } catch (error) {
    console.error(`${name}: not measured: ${String(error)}`);
    return [];
  }
}

/** All machines sleep side by side: what counts is the time that they take, not what they leave of it to others. */
async function round(collector: Collector): Promise<void> {
  await using fleet = new Fleet();
  const sleepers: Sleeper[] = [];
  for (const { name, command } of sides) {
    sleepers.push(...(await startOne(fleet, name, command)));
  }
  const look = () => sleepers.map(({ machine: running }) => snapshotActivity(running.pids));
  const start = look();
  await sleep(SETTLE_SECONDS * 1000);
  const settled = look();
  const from = process.hrtime.bigint();
  await sleep(SECONDS * 1000);
  const end = look();
  const seconds = Number(process.hrtime.bigint() - from) / 1e9;
  sleepers.forEach(({ name }, index) => {
    const [first, second, third] = [start, settled, end].map((list) => list[index]);
    if (first === undefined || second === undefined || third?.size === 0 || third === undefined) {
      throw new Error(`${name} did not last`);
    }
    const asleep = activityBetween(second, third);
    collector.add(CPU, name, asleep.cpuMs / 10 / seconds);
    collector.add(WAKE_UPS, name, asleep.wakeUps / seconds);
    collector.add(SETTLING, name, activityBetween(first, second).cpuMs);
    for (const thread of asleep.threads.slice(0, THREADS_SHOWN)) {
      console.log(`${name}: ${thread}`);
    }
  });
  await fleet.stop();
}

const collector = new Collector();
for (let count = 0; count < ROUNDS; count++) {
  await round(collector);
}
publish(
  {
    name: 'idle',
    question: 'What does a machine with three devices cost while its guest sleeps?',
    unit: (figure) =>
      figure === CPU ? '% of a core' : figure === WAKE_UPS ? 'a second' : 'milliseconds',
    baseline: 'QEMU microvm',
    goals: [{ figure: CPU, side: JAILED, limit: 0.1, direction: 'at most' }],
  },
  collector.results(),
);
