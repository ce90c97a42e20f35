/**
 * How long from starting the program to the guest's first instruction, with one and with five devices?
 *
 * Beside it stands the CPU time of the whole short run, which a busy host does not stretch.
 *
 * The guest's first instruction writes a byte to COM1. On a host that emulates ring 0, firmware is slow: QEMU's time
 * is then mostly its firmware's, and the C reference is the fairer floor.
 */
import { crosvm, type Disk, qemuMicrovm, qemuQ35, reference } from './support/machines.ts';
import { publish } from './support/report.ts';
import { type Figures, measureInTurns, type Side } from './support/rounds.ts';
import { type Command, run } from './support/run.ts';
import { Scratch } from './support/scratch.ts';

const words = 'hello';
const qemuDisk = { cache: 'writeback', aio: 'threads' } as const;

using scratch = new Scratch();
const disks: Disk[] = ['a', 'b', 'c', 'd'].map((name) => ({
  path: scratch.disk(name, 16),
  writable: false,
}));
const devices = [
  { figure: '1 device (rng)', machine: { words } },
  { figure: '5 devices (rng, 4 disks)', machine: { words, disks } },
];

function side(name: string, command: (machine: (typeof devices)[0]['machine']) => Command): Side {
  const measure = async (): Promise<Figures> => {
    const figures = new Map<string, number>();
    for (const { figure, machine } of devices) {
      const { firstByteMs, cpuMs } = await run(command(machine));
      figures.set(figure, firstByteMs);
      figures.set(`${figure}, CPU time to the end`, cpuMs);
    }
    return figures;
  };
  return { name, measure };
}

publish(
  {
    name: 'start',
    question: 'How long from the start of the program to the first guest instruction?',
    unit: () => 'milliseconds',
    baseline: 'QEMU microvm',
    goals: [
      {
        figure: '5 devices (rng, 4 disks)',
        side: 'crosvm, jailed',
        limit: 150,
        direction: 'at most',
      },
      {
        figure: '1 device (rng)',
        side: 'crosvm, jailed',
        limit: { ratio: 1, of: 'QEMU q35' },
        direction: 'at most',
      },
    ],
  },
  await measureInTurns([
    side('C reference (no devices)', (machine) => reference(machine, 'direct')),
    side('crosvm, jailed', (machine) => crosvm(machine, { sandbox: true })),
    side('crosvm, --disable-sandbox', (machine) => crosvm(machine, { sandbox: false })),
    side('QEMU microvm', (machine) => qemuMicrovm(machine, qemuDisk)),
    side('QEMU q35', (machine) => qemuQ35(machine, qemuDisk)),
  ]),
);
