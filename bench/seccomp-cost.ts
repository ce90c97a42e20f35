/**
 * What does a device's seccomp filter add to a system call that it allows, in nanoseconds?
 *
 * The same policies by this compiler, by minijail's own (where the user has it, see `seccomp-support/minijail.ts`) and by
 * libseccomp. A small C program makes the calls: a process for each filter and one without, which take turns on one CPU.
 * What counts is the difference to the one without. Calls that are always allowed cost nothing where the kernel keeps them in a bitmap,
 * so calls whose arguments are looked at stand by themselves, and everything is measured with the bitmap defeated, too.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { INSTRUCTION_SIZE } from '../src/seccomp/bpf.ts';
import { compileProgram } from '../src/seccomp/compiler.ts';
import { loadPolicy } from '../src/seccomp/load.ts';
import { CallTimer, withoutBitmap } from './seccomp-support/call-cost.ts';
import { Libseccomp } from './seccomp-support/libseccomp.ts';
import { Minijail } from './seccomp-support/minijail.ts';
import { Collector } from './support/collector.ts';
import { QUICK } from './support/options.ts';
import { publish } from './support/report.ts';

const PROJECT = join(import.meta.dirname, '../..');
const POLICIES = join(PROJECT, 'seccomp/x86_64');
const SUPPORT = join(PROJECT, 'bench/seccomp-support');
/** 1,000,000 calls of each kind in all rounds. */
const COUNT = QUICK ? { chunks: 50, calls: 200 } : { chunks: 100, calls: 500 };
const ROUNDS = QUICK ? 2 : 20;

/** Calls that both policies always allow, and calls whose arguments they look at. */
const FREE = ['write', 'epoll_wait', 'getpid', 'gettid'];
const CHECKED = ['fcntl(F_GETFL)', 'mmap(read)', 'mprotect(read, write)', 'madvise(DONTNEED)'];
const DEVICES = [
  {
    name: 'block',
    free: ['pread64', ...FREE],
    checked: [...CHECKED, 'mprotect(all)', 'madvise(FREE)'],
  },
  { name: 'rng', free: ['getrandom', ...FREE], checked: [...CHECKED, 'madvise(FREE)'] },
];
type Device = (typeof DEVICES)[0];

const MEAN_CHECKED = 'argument-checked calls, mean';
const MEAN_FREE = 'always allowed calls, mean';
const MEAN_ALL = 'all calls without the bitmap, mean';
const RATIO = ', by minijail’s of the same round';

using timer = new CallTimer(join(SUPPORT, 'seccomp_cost.c'));
using minijail = new Minijail();
using libseccomp = new Libseccomp(join(SUPPORT, 'libseccomp_export.c'));

const policyOptions = {
  arch: 'x86_64',
  includeDirs: [POLICIES],
  defaultAction: 'trap',
} as const;

/** Compiles the policy of one file; what it returns in words is why it cannot. */
type Compile = (path: string) => Uint8Array | string;

function own(strategy: 'tree' | 'linear'): Compile {
  return (path) => compileProgram(loadPolicy(path, policyOptions).policy, strategy);
}

function byLibseccomp(layout: 'priority' | 'tree'): Compile {
  return (path) =>
    libseccomp.missing ?? libseccomp.compile(loadPolicy(path, policyOptions).policy, layout);
}

const OURS = 'this compiler';
const MINIJAIL = 'minijail';
/** Measured like a filter, against a run of the same kind: what remains is the noise. */
const BARE_SIDE = 'no filter';
const BARE = { plain: 'none', unmapped: 'none' };
const COMPILERS: readonly { readonly name: string; readonly compile: Compile }[] = [
  { name: OURS, compile: own('tree') },
  { name: `${OURS}, linear`, compile: own('linear') },
  { name: MINIJAIL, compile: (path) => minijail.compile(path, 'bst') },
  { name: `${MINIJAIL}, linear`, compile: (path) => minijail.compile(path, 'linear') },
  { name: 'libseccomp', compile: byLibseccomp('priority') },
  { name: 'libseccomp, binary tree', compile: byLibseccomp('tree') },
];

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** A program as it is, and without the kernel's bitmap. */
interface Programs {
  readonly plain: string;
  readonly unmapped: string;
}

/** One compiler's programs for all devices. */
interface Side {
  readonly name: string;
  readonly programs: ReadonlyMap<Device, Programs>;
}

/** A compiler that cannot compile every policy is left out, and said to be. */
function compiled(name: string, compile: Compile): readonly Side[] {
  const programs = new Map<Device, Programs>();
  for (const device of DEVICES) {
    const program = compile(join(POLICIES, `${device.name}_device.policy`));
    if (typeof program === 'string') {
      console.log(`left out: ${name}: ${device.name}: ${program}`);
      return [];
    }
    console.log(`${name}: ${device.name}: ${program.length / INSTRUCTION_SIZE} instructions`);
    programs.set(device, {
      plain: timer.keep(program),
      unmapped: timer.keep(withoutBitmap(program)),
    });
  }
  return [{ name, programs }];
}

/** What a program of one side adds to each call. */
interface Added {
  readonly plain: readonly number[];
  readonly unmapped: readonly number[];
}

function addFigures(collector: Collector, side: string, device: Device, added: Added): void {
  const { plain, unmapped } = added;
  const add = (figure: string, value: number): void => {
    collector.add(`${device.name}, ${figure}`, side, value);
  };
  device.checked.forEach((name, index) => {
    add(name, plain[device.free.length + index] ?? Number.NaN);
  });
  add(MEAN_FREE, mean(plain.slice(0, device.free.length)));
  add(MEAN_CHECKED, mean(plain.slice(device.free.length)));
  add(MEAN_ALL, mean(unmapped));
}

/** The same round on both sides of the ratio: what slows the machine down for a while slows both. */
function addRatios(collector: Collector, device: Device, bySide: ReadonlyMap<string, Added>): void {
  const peer = bySide.get(MINIJAIL);
  for (const [name, added] of bySide) {
    if (peer !== undefined && name !== BARE_SIDE) {
      const add = (figure: string, own: readonly number[], other: readonly number[]): void => {
        collector.add(`${device.name}, ${figure}${RATIO}`, name, mean(own) / mean(other));
      };
      const checked = device.free.length;
      add(MEAN_CHECKED, added.plain.slice(checked), peer.plain.slice(checked));
      add(MEAN_ALL, added.unmapped, peer.unmapped);
    }
  }
}

/** In an order of their own each time, as a process feels which one ran before it. */
function shuffled<T>(list: readonly T[]): readonly T[] {
  return list
    .map((item) => ({ item, key: Math.random() }))
    .sort((a, b) => a.key - b.key)
    .map(({ item }) => item);
}

/** One run of all programs for one device. */
function measure(collector: Collector, sides: readonly Side[], device: Device): void {
  const columns = shuffled([
    { side: BARE_SIDE, key: 'bare', file: 'none' },
    ...sides.flatMap(({ name, programs }) => {
      const { plain, unmapped } = programs.get(device) ?? BARE;
      return [
        { side: name, key: 'plain', file: plain },
        { side: name, key: 'unmapped', file: unmapped },
      ];
    }),
  ]);
  const names = [...device.free, ...device.checked];
  const times = timer.time(
    columns.map(({ file }) => file),
    names,
    COUNT,
  );
  const column = (side: string, key: string): readonly number[] => {
    const index = columns.findIndex((one) => one.side === side && one.key === key);
    return times.map((row) => row[index] ?? Number.NaN);
  };
  const bare = column(BARE_SIDE, 'bare');
  const addedBy = (side: string, key: string): readonly number[] =>
    column(side, key).map((time, index) => time - (bare[index] ?? Number.NaN));
  const bySide = new Map(
    sides.map(({ name }) => [
      name,
      { plain: addedBy(name, 'plain'), unmapped: addedBy(name, 'unmapped') },
    ]),
  );
  for (const [name, added] of bySide) {
    addFigures(collector, name, device, added);
  }
  addRatios(collector, device, bySide);
  collector.add(`${device.name}, a call itself, mean`, BARE_SIDE, mean(bare));
}

/** 1: machine code of the kernel's compiler; 0: its interpreter. */
function jit(): string {
  try {
    return readFileSync('/proc/sys/net/core/bpf_jit_enable', 'utf8').trim();
  } catch {
    return 'unknown';
  }
}

console.log(`net.core.bpf_jit_enable: ${jit()}`);
const sides = [
  ...COMPILERS.flatMap(({ name, compile }) => compiled(name, compile)),
  { name: BARE_SIDE, programs: new Map<Device, Programs>() },
];
const collector = new Collector();
for (let round = 0; round < ROUNDS; round++) {
  for (const device of DEVICES) {
    measure(collector, sides, device);
  }
}
publish(
  {
    name: 'seccomp-cost',
    question: 'What does a device’s seccomp filter add to a system call that it allows?',
    unit: (figure) => (figure.endsWith(RATIO) ? 'ratio' : 'nanoseconds'),
    baseline: MINIJAIL,
    charted: (figure) => figure.endsWith('mean'),
    goals: DEVICES.flatMap((device) =>
      [MEAN_CHECKED, MEAN_ALL].map((figure) => ({
        figure: `${device.name}, ${figure}${RATIO}`,
        side: OURS,
        limit: 1,
        direction: 'at most' as const,
      })),
    ),
  },
  collector.results(),
);
