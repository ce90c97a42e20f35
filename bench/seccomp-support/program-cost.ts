/** What a filter costs: its length, and the instructions that calls make the kernel execute. */
import { isPermissive } from '../../src/seccomp/actions.ts';
import { decodeProgram } from '../../src/seccomp/bpf.ts';
import { emulate } from '../../src/seccomp/emulator.ts';
import { exploreCases } from '../../src/seccomp/explore.ts';
import { formulaOf, formulaOfAlternatives } from '../../src/seccomp/formula.ts';
import type { Policy, SyscallPolicy } from '../../src/seccomp/policy.ts';

/** Costs of one program, in instructions. */
export interface ProgramCost {
  readonly length: number;
  /** Executed for an allowed call: mean over system calls, of the mean over their alternatives. */
  readonly mean: number;
  /** The same, weighted by the policy's @frequency. */
  readonly weightedMean: number;
  /** Executed for the most expensive call, allowed or not. */
  readonly worst: number;
}

/** Numbers that no statement names are tried up to here, past the end of every table. */
const NUMBERS_TRIED = 512;

/** Measures a program of a policy. */
export function costOf(policy: Policy, program: Uint8Array): ProgramCost {
  const instructions = decodeProgram(program);
  const stepsOf = (nr: number, args: readonly bigint[]): number =>
    emulate(instructions, { nr, arch: policy.target.auditArch, args }).steps;
  let sum = 0;
  let count = 0;
  let weightedSum = 0;
  let weight = 0;
  let worst = 0;
  for (const syscall of policy.syscalls) {
    const steps = allowedExamples(syscall).map((args) => stepsOf(syscall.number, args));
    if (steps.length > 0) {
      const mean = steps.reduce((total, value) => total + value, 0) / steps.length;
      sum += mean;
      count++;
      weightedSum += syscall.frequency * mean;
      weight += syscall.frequency;
    }
    exploreCases([formulaOf(syscall.rules, policy.defaultReturn)], ({ args }) => {
      worst = Math.max(worst, stepsOf(syscall.number, args));
    });
  }
  for (const nr of [...Array(NUMBERS_TRIED).keys(), 0x4000_0000, 0xffff_ffff]) {
    worst = Math.max(worst, stepsOf(nr, []));
  }
  return {
    length: instructions.length,
    mean: sum / count,
    weightedMean: weightedSum / weight,
    worst,
  };
}

/** One call for each alternative under which the system call is allowed. */
function allowedExamples({ rules }: SyscallPolicy): readonly (readonly bigint[])[] {
  const examples: (readonly bigint[])[] = [];
  for (const { expression, action } of rules) {
    for (const clause of isPermissive(action) ? (expression ?? [[]]) : []) {
      const formula = formulaOfAlternatives([{ expression: [clause], verdict: 1 }], 0);
      const found: (readonly bigint[])[] = [];
      exploreCases([formula], ({ verdicts, args }) => {
        if (verdicts[0] === 1) {
          found.push(args);
        }
      });
      examples.push(...found.slice(0, 1));
    }
  }
  return examples;
}
