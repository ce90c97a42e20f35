/**
 * What does an exit cost that the VMM answers: a port read and an MMIO read where no device is?
 *
 * The guest times them itself, in ring 3. Beside us: a C program that answers in the vCPU's thread, which is what the
 * host's KVM costs, and the same with a second thread that answers over a pair of pipes, which is our own way in C.
 */
import { linesOf, numberField } from '../test/guest/firmware/output.ts';
import { crosvm, qemuQ35, reference } from './support/machines.ts';
import { publish } from './support/report.ts';
import { type Figures, measureInTurns, type Side } from './support/rounds.ts';
import { type Command, run } from './support/run.ts';

const COUNT = 5000;
/** Nothing answers there in any of the machines. */
const HOLE = '0xfe000000';
const machine = {
  words: `exits count=${COUNT} port=0x64 exits count=${COUNT} mmio=${HOLE} exits count=${COUNT} out=0x80`,
};
const FIGURES = ['port read', 'MMIO read', 'port write'];

async function measure(command: Command): Promise<Figures> {
  const { lines } = await run(command);
  const figures = new Map<string, number>();
  linesOf(lines, 'exits').forEach((line, index) => {
    figures.set(`${FIGURES[index] ?? ''}, median`, numberField(line, 'p50_ns') / 1000);
    figures.set(`${FIGURES[index] ?? ''}, p99`, numberField(line, 'p99_ns') / 1000);
  });
  return figures;
}

const qemuDisk = { cache: 'writeback', aio: 'threads' } as const;
const PIPES = 'C, second thread over pipes';
const sides: readonly Side[] = [
  { name: 'C, vCPU thread', measure: () => measure(reference(machine, 'direct')) },
  { name: PIPES, measure: () => measure(reference(machine, 'pipe')) },
  { name: 'crosvm', measure: () => measure(crosvm(machine, { sandbox: true })) },
  { name: 'QEMU q35', measure: () => measure(qemuQ35(machine, qemuDisk)) },
];

publish(
  {
    name: 'exit-round-trip',
    question: 'What does an exit to the VMM and back cost?',
    unit: () => 'microseconds',
    baseline: PIPES,
    goals: ['port read', 'MMIO read'].map((figure) => ({
      figure: `${figure}, median`,
      side: 'crosvm',
      limit: { ratio: 1.1, of: PIPES },
      direction: 'at most',
    })),
  },
  await measureInTurns(sides),
);
