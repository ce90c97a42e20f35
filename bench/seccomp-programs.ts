/**
 * How long are the seccomp programs of device policies, and how many instructions does an allowed call cost?
 *
 * The policies are those of seccomp/x86_64, or of the directory that CROSVM_BENCH_POLICIES names: crosvm's own
 * jail/seccomp/x86_64, for instance. Every side compiles the same rules with `trap` as the default, as crosvm does.
 * The peer is libseccomp, in both of its layouts; its programs are counted by the same emulator.
 */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { compileProgram } from '../src/seccomp/compiler.ts';
import { loadPolicy } from '../src/seccomp/load.ts';
import type { Policy } from '../src/seccomp/policy.ts';
import { Libseccomp } from './seccomp-support/libseccomp.ts';
import { costOf, type ProgramCost } from './seccomp-support/program-cost.ts';

const PROJECT = join(import.meta.dirname, '../..');
const directory = process.env['CROSVM_BENCH_POLICIES'] ?? join(PROJECT, 'seccomp/x86_64');

interface Side {
  readonly name: string;
  readonly compile: (policy: Policy) => Uint8Array | string;
}

function loadAll(): readonly Policy[] {
  const files = readdirSync(directory).filter((name) => name.endsWith('.policy'));
  const options = { arch: 'x86_64', includeDirs: [directory], defaultAction: 'trap' } as const;
  return files.sort().map((name) => loadPolicy(join(directory, name), options).policy);
}

function average(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

function printSide(name: string, costs: readonly ProgramCost[], total: number): void {
  const figures = [
    costs.reduce((sum, { length }) => sum + length, 0).toFixed(0),
    average(costs.map(({ mean }) => mean)).toFixed(2),
    average(costs.map(({ weightedMean }) => weightedMean)).toFixed(2),
    average(costs.map(({ worst }) => worst)).toFixed(1),
    Math.max(...costs.map(({ worst }) => worst)).toFixed(0),
  ];
  const cells = figures.map((figure) => figure.padStart(9)).join('');
  console.log(`${name.padEnd(26)}${cells}   ${costs.length} of ${total}`);
}

/** Sides are compared over the policies that all of them can compile. */
function compare(policies: readonly Policy[], sides: readonly Side[]): void {
  const compiled = policies.map((policy) => ({
    policy,
    programs: sides.map(({ compile }) => compile(policy)),
  }));
  for (const { policy, programs } of compiled) {
    const refusal = programs.find((program) => typeof program === 'string');
    if (refusal !== undefined) {
      console.log(`left out: ${policy.file}: ${refusal}`);
    }
  }
  const columns = ['length', 'mean', 'weighted', 'worst', 'max'];
  console.log(`${''.padEnd(26)}${columns.map((column) => column.padStart(9)).join('')}`);
  const shared = compiled.filter(({ programs }) =>
    programs.every((one) => typeof one !== 'string'),
  );
  for (const [index, { name }] of sides.entries()) {
    const costs = shared.flatMap(({ policy, programs }) => {
      const program = programs[index];
      return program instanceof Uint8Array ? [costOf(policy, program)] : [];
    });
    printSide(name, costs, policies.length);
  }
}

const policies = loadAll();
const own: readonly Side[] = [
  { name: 'this compiler', compile: (policy) => compileProgram(policy, 'tree') },
  { name: 'this compiler, plain', compile: (policy) => compileProgram(policy, 'linear') },
];
using libseccomp = new Libseccomp(join(PROJECT, 'bench/seccomp-support/libseccomp_export.c'));
console.log(
  'length: instructions of all programs; mean: executed for an allowed call, mean of the programs;',
);
console.log(
  'weighted: the same by @frequency; worst: executed for the worst call, mean; max: the worst of all',
);
console.log(`\nAll policies of ${directory}`);
compare(policies, own);
if (libseccomp.missing === null) {
  console.log('\nPolicies that libseccomp can express');
  compare(policies, [
    ...own,
    { name: 'libseccomp', compile: (policy) => libseccomp.compile(policy, 'priority') },
    { name: 'libseccomp, binary tree', compile: (policy) => libseccomp.compile(policy, 'tree') },
  ]);
} else {
  console.log(`\nNo comparison: ${libseccomp.missing}`);
}
