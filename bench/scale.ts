/**
 * What do many machines take on one host: to start, in memory, while they sleep, to stop?
 *
 * N machines (`CROSVM_BENCH_MACHINES`, 50, or 8 with `--quick`) with two disks and an entropy device each; their guests
 * sleep from the first instruction on. One disk is read-only and everybody's, the other a machine's own. The sides take
 * turns, one fleet at a time. `--markdown` measures nothing: it prints the tables of docs/scale.md, from the JSON of the
 * last run and for a host of `CROSVM_BENCH_HOST_CORES` and `CROSVM_BENCH_HOST_GIB`.
 */
import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { activityBetween, snapshotActivity } from './support/activity.ts';
import { Collector } from './support/collector.ts';
import { Fleet } from './support/fleet.ts';
import { crosvm, type Disk, MEMORY_MIB, qemuMicrovm, qemuQ35 } from './support/machines.ts';
import { hasOption, numberFromEnvironment, QUICK } from './support/options.ts';
import { RESULTS } from './support/paths.ts';
import { processesCpuMs } from './support/process-cpu.ts';
import { processMemory } from './support/process-memory.ts';
import { availableMib, kernelMib, resourcesOf } from './support/process-resources.ts';
import { publish } from './support/report.ts';
import type { Command } from './support/run.ts';
import * as figure from './support/scale-figures.ts';
import { parseKept, scaleMarkdown } from './support/scale-model.ts';
import { Scratch } from './support/scratch.ts';

const MACHINES = numberFromEnvironment('CROSVM_BENCH_MACHINES', QUICK ? 8 : 50);
/** Starts at a time: enough to keep every core busy, no more, or all of them wait for each other. */
const PARALLEL = numberFromEnvironment('CROSVM_BENCH_PARALLEL', 2 * availableParallelism());
const ROUNDS = numberFromEnvironment('CROSVM_BENCH_ROUNDS', QUICK ? 1 : 3);
/** V8 collects garbage some seconds after a machine has fallen asleep, later where many do so at once. */
const SETTLE_SECONDS = 30;
const IDLE_SECONDS = QUICK ? 5 : 20;
const DISK_MIB = 16;
const KIB_PER_MIB = 1024;

interface Side {
  readonly name: string;
  readonly command: (disks: readonly Disk[]) => Command;
}

const qemuDisk = { cache: 'writeback', aio: 'threads' } as const;
const words = 'idle';
const [microvm, q35] = figure.QEMU_SIDES;
const SIDES: readonly Side[] = [
  { name: figure.CROSVM_SIDE, command: (disks) => crosvm({ words, disks }, { sandbox: true }) },
  { name: microvm, command: (disks) => qemuMicrovm({ words, disks }, qemuDisk) },
  { name: q35, command: (disks) => qemuQ35({ words, disks }, qemuDisk) },
];

type Add = (figure: string, value: number) => void;

async function measureStart(fleet: Fleet, commands: readonly Command[], add: Add): Promise<void> {
  const start = performance.now();
  await fleet.startAll(commands, PARALLEL);
  const seconds = (performance.now() - start) / 1000;
  const count = commands.length;
  add(figure.MACHINES, count);
  add(figure.START_RATE, count / seconds);
  add(figure.START_RATE_PER_CORE, count / seconds / availableParallelism());
  add(figure.START_CPU, processesCpuMs(fleet.pids) / count);
}

/** Of the whole host, MiB. */
interface HostMemory {
  readonly available: number;
  readonly kernel: number;
}

function hostMemory(): HostMemory {
  return { available: availableMib(), kernel: kernelMib() };
}

function measureMemory(fleet: Fleet, before: HostMemory, add: Add): void {
  const { pids } = fleet;
  const count = fleet.machines.length;
  const now = hostMemory();
  const memory = pids.map(processMemory);
  const sum = (pick: (one: (typeof memory)[0]) => number): number =>
    memory.reduce((total, one) => total + pick(one), 0) / KIB_PER_MIB / count;
  const guest = sum(({ memfdPssKib }) => memfdPssKib);
  add(
    figure.PSS,
    sum(({ pssKib }) => pssKib),
  );
  add(figure.GUEST_MEMORY, guest);
  add(figure.HOST_MEMORY, (before.available - now.available) / count - guest);
  add(figure.KERNEL_MEMORY, (now.kernel - before.kernel) / count);
  const resources = resourcesOf(pids);
  add(figure.PAGE_TABLES, resources.pageTablesKib / KIB_PER_MIB / count);
  add(figure.PROCESSES, resources.processes / count);
  add(figure.THREADS, resources.threads / count);
  add(figure.DESCRIPTORS, resources.descriptors / count);
  add(figure.DESCRIPTORS_MAX, resources.descriptorsMax);
  add(figure.PIPES, resources.pipes / count);
  add(figure.MAPPINGS_MAX, resources.mappingsMax);
  add(figure.USER_NAMESPACES, resources.userNamespaces / count);
  add(figure.NET_NAMESPACES, resources.netNamespaces / count);
}

async function measureIdle(fleet: Fleet, add: Add): Promise<void> {
  const { pids, machines } = fleet;
  const before = snapshotActivity(pids);
  const start = performance.now();
  await sleep(IDLE_SECONDS * 1000);
  const { cpuMs, wakeUps } = activityBetween(before, snapshotActivity(pids));
  const ms = performance.now() - start;
  add(figure.IDLE_CPU, (cpuMs / ms / machines.length) * 100);
  add(figure.IDLE_WAKE_UPS, (wakeUps / ms / machines.length) * 1000);
}

async function measureFleet(commands: readonly Command[], add: Add): Promise<void> {
  await using fleet = new Fleet();
  const before = hostMemory();
  await measureStart(fleet, commands, add);
  await sleep(SETTLE_SECONDS * 1000);
  measureMemory(fleet, before, add);
  await measureIdle(fleet, add);
  add(figure.STOP, await fleet.stop());
}

async function measure(): Promise<void> {
  using scratch = new Scratch();
  const shared = { path: scratch.disk('shared', DISK_MIB), writable: false };
  const own = Array.from({ length: MACHINES }, (_, index) => ({
    path: scratch.emptyDisk(`own-${index}`, DISK_MIB),
    writable: true,
  }));
  const collector = new Collector();
  const failed = new Set<string>();
  for (let round = 0; round < ROUNDS; round++) {
    for (const { name, command } of SIDES.filter((side) => !failed.has(side.name))) {
      // Figures of a fleet that did not get through count for nothing.
      const values: (readonly [string, number])[] = [];
      try {
        const commands = own.map((disk) => command([shared, disk]));
        await measureFleet(commands, (what, value) => values.push([what, value]));
        for (const [what, value] of values) {
          collector.add(what, name, value);
        }
      } catch (error) {
        failed.add(name);
        console.error(`${name}: not measured: ${String(error)}`);
      }
    }
  }
  publish(
    {
      name: 'scale',
      question: `What do ${MACHINES} machines with three devices each take?`,
      unit: figure.scaleUnit,
      baseline: figure.QEMU_SIDES[1],
      goals: [
        { figure: figure.PSS, side: figure.CROSVM_SIDE, limit: 100, direction: 'at most' },
        { figure: figure.IDLE_CPU, side: figure.CROSVM_SIDE, limit: 0.1, direction: 'at most' },
      ],
    },
    collector.results(),
  );
}

if (hasOption('--markdown')) {
  const kept = parseKept(readFileSync(join(RESULTS, 'scale.json'), 'utf8'));
  const host = {
    cores: numberFromEnvironment('CROSVM_BENCH_HOST_CORES', 128),
    memoryGib: numberFromEnvironment('CROSVM_BENCH_HOST_GIB', 1024),
    guestMib: MEMORY_MIB,
  };
  console.log(scaleMarkdown(kept, host));
} else {
  await measure();
}
