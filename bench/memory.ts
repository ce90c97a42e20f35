/**
 * How much memory does a machine with three devices take beyond its guest's?
 *
 * Looked at while the guest sleeps. Guest memory is a memfd in every VMM here, so mappings of memfds are left out.
 */
import { crosvm, type Disk, qemuMicrovm, qemuQ35, reference } from './support/machines.ts';
import { type ProcessMemory, processMemory, processTree } from './support/process-memory.ts';
import { publish } from './support/report.ts';
import { type Figures, measureInTurns, type Side } from './support/rounds.ts';
import { type Command, run } from './support/run.ts';
import { Scratch } from './support/scratch.ts';
import { median } from './support/statistics.ts';

const KIB_PER_MIB = 1024;
const qemuDisk = { cache: 'writeback', aio: 'threads' } as const;
const TOTAL = 'all processes, PSS';
const CHILD_PRIVATE = 'a device process, private';
const CHILD_PSS = 'a device process, PSS';
const PARENT = 'first process, PSS';

using scratch = new Scratch();
const disks: Disk[] = ['a', 'b'].map((name) => ({
  path: scratch.disk(name, 16),
  writable: false,
}));
// The disks have served requests, so that lazily made state is there.
const words = `blk qd=8 count=2000 blk dev=1 qd=8 count=2000 rng idle`;

async function measure(command: Command): Promise<Figures> {
  let tree: ProcessMemory[] = [];
  const look = (pid: number): void => {
    tree = processTree(pid).map(processMemory);
  };
  await run(command, { stopAt: { word: 'idle', look } });
  const [parent, ...children] = tree;
  const sum = tree.reduce((total, { pssKib }) => total + pssKib, 0);
  const figures = new Map([
    [TOTAL, sum / KIB_PER_MIB],
    [PARENT, (parent?.pssKib ?? 0) / KIB_PER_MIB],
  ]);
  if (children.length > 0) {
    figures.set(CHILD_PSS, median(children.map(({ pssKib }) => pssKib)) / KIB_PER_MIB);
    figures.set(CHILD_PRIVATE, median(children.map(({ privateKib }) => privateKib)) / KIB_PER_MIB);
  }
  return figures;
}

const machine = { words, disks };
const sides: readonly Side[] = [
  {
    name: 'C reference (no devices)',
    measure: () => measure(reference({ words: 'idle' }, 'direct')),
  },
  { name: 'crosvm, jailed', measure: () => measure(crosvm(machine, { sandbox: true })) },
  {
    name: 'crosvm, --disable-sandbox',
    measure: () => measure(crosvm(machine, { sandbox: false })),
  },
  {
    name: 'QEMU microvm',
    measure: () => measure(qemuMicrovm({ ...machine, words: 'idle' }, qemuDisk)),
  },
  { name: 'QEMU q35', measure: () => measure(qemuQ35(machine, qemuDisk)) },
];
const JAILED = 'crosvm, jailed';

publish(
  {
    name: 'memory',
    question: 'How much memory does a machine with three devices take beyond its guest’s?',
    unit: () => 'MiB',
    baseline: 'QEMU q35',
    goals: [
      { figure: CHILD_PRIVATE, side: JAILED, limit: 8, direction: 'at most' },
      { figure: TOTAL, side: JAILED, limit: 60, direction: 'at most' },
    ],
  },
  await measureInTurns(sides, 5),
);
