/**
 * How much output does a serial console take, for a second and for a second of CPU time of all processes?
 *
 * The guest prints to COM1 as drivers do: looking at the line status before each byte, as early consoles do; once for
 * each FIFO; and as Linux's interrupt handler. The CPU time of a run that prints nothing is taken off, which leaves
 * out the start. What has been printed is compared byte for byte.
 */
import { rmSync } from 'node:fs';
import { linesOf, numberField } from '../test/guest/firmware/output.ts';
import { firstDifference } from '../test/guest/firmware/printed-text.ts';
import type { Goal } from './support/goals.ts';
import { crosvm, type Machine, qemuMicrovm, qemuQ35 } from './support/machines.ts';
import { CROSVM_BEFORE } from './support/paths.ts';
import { publish } from './support/report.ts';
import { type Figures, measureInTurns, type Side } from './support/rounds.ts';
import { type Command, run } from './support/run.ts';
import { Scratch } from './support/scratch.ts';

/** Enough for some tenths of a second of CPU time, which the kernel counts in steps of 10 ms. */
const STYLES = [
  { style: 'poll', kib: 32, what: 'status before each byte' },
  { style: 'burst', kib: 128, what: 'status before each FIFO' },
  { style: 'source', kib: 64, what: 'interrupt handler' },
];

using scratch = new Scratch();
const consolePath = scratch.path('console');

type Start = (machine: Machine) => Command;

async function print(start: Start, style: string, sizeBytes: number) {
  // We append to it.
  rmSync(consolePath, { force: true });
  const words = `print style=${style} bytes=${sizeBytes}`;
  const { output, lines, cpuMs } = await run(start({ words, consolePath }));
  const difference = firstDifference(output, sizeBytes);
  if (difference >= 0) {
    throw new Error(`${words}: byte ${difference} is not what the guest printed`);
  }
  const [printed] = linesOf(lines, 'printed');
  return { cpuMs, ns: printed === undefined ? Number.NaN : numberField(printed, 'ns') };
}

async function measure(start: Start): Promise<Figures> {
  const figures = new Map<string, number>();
  const idle = await print(start, 'poll', 0);
  for (const { style, kib, what } of STYLES) {
    const { cpuMs, ns } = await print(start, style, kib << 10);
    figures.set(`${what}, for each CPU second`, (kib * 1000) / (cpuMs - idle.cpuMs));
    figures.set(`${what}, for each second`, (kib * 1e9) / ns);
  }
  return figures;
}

const disk = { cache: 'writeback', aio: 'threads' } as const;
const BEFORE = 'crosvm, the other build';
const QEMU = 'QEMU q35';
const sides: Side[] = [
  { name: 'crosvm', measure: () => measure((machine) => crosvm(machine, { sandbox: true })) },
  { name: QEMU, measure: () => measure((machine) => qemuQ35(machine, disk)) },
  { name: 'QEMU microvm', measure: () => measure((machine) => qemuMicrovm(machine, disk)) },
];
if (CROSVM_BEFORE !== undefined) {
  const program = CROSVM_BEFORE;
  const start: Start = (machine) => crosvm(machine, { sandbox: true, program });
  sides.push({ name: BEFORE, measure: () => measure(start) });
}

const figures = STYLES.map(({ what }) => `${what}, for each CPU second`);
publish(
  {
    name: 'serial',
    question: 'How much output does a serial console take?',
    unit: () => 'KiB',
    baseline: CROSVM_BEFORE === undefined ? QEMU : BEFORE,
    goals: figures.flatMap((figure): Goal[] => {
      const goal = { figure, side: 'crosvm', direction: 'at least' } as const;
      const peers: Goal[] = [{ ...goal, limit: { ratio: 1, ofBest: 'QEMU' } }];
      return CROSVM_BEFORE === undefined
        ? peers
        : [...peers, { ...goal, limit: { ratio: 3, of: BEFORE } }];
    }),
  },
  await measureInTurns(sides),
);
