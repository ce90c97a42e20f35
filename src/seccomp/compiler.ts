/** A policy to a program: architecture, then the system call number by a search tree, then its arguments. */
import {
  ARCH_OFFSET,
  encodeProgram,
  type Instruction,
  NR_OFFSET,
  PROGRAM_LENGTH_MAX,
} from './bpf.ts';
import { type PolicyDiagnostic, PolicyError } from './diagnostics.ts';
import { formulaOf } from './formula.ts';
import { type Aim, FormulaCompiler } from './formula-compiler.ts';
import { DecisionGraph, type NodeId } from './graph.ts';
import { layOut } from './layout.ts';
import { addLinear } from './linear-compiler.ts';
import type { Policy, SyscallPolicy } from './policy.ts';
import { addSearchTree, type WeightedRange } from './search-tree.ts';

/** `tree` is short and fast; `linear` follows the text, and never changes a verdict. */
export type Strategy = 'tree' | 'linear';

/** Share of all calls that one more instruction in the number tree has to make a step faster. */
const NODE_COST = 0.007;
/** Weight of all unnamed calls against all named ones: enough to keep the way to a refusal short. */
const UNNAMED_SHARE = 0.02;
/** Weight that every named call has beside its frequency, as a share of the average one. */
const SMOOTHING = 0.05;

/** Ranges of numbers that are searched exactly: more than any policy here has. */
const EXACT_MAX = 160;

const NUMBER_MAX = 0xffff_ffff;

/**
 * Compiles a policy.
 *
 * @returns raw `struct sock_filter[]`.
 * @throws PolicyError ERR_POLICY_TOO_LARGE when the program would be longer than the kernel takes.
 */
export function compileProgram(policy: Policy, strategy: Strategy = 'tree'): Uint8Array {
  const layouts: readonly AddNumbers[] =
    strategy === 'linear' ? [addNumberChain] : [addFastNumberTree, addShortNumberTree];
  let length = 0;
  for (const addNumbers of layouts) {
    const instructions = assemble(policy, addNumbers);
    if (instructions.length <= PROGRAM_LENGTH_MAX) {
      return encodeProgram(instructions);
    }
    length = instructions.length;
  }
  throw tooLarge(policy, length);
}

/** Adds what is to be done with a number that was loaded. */
type AddNumbers = (graph: DecisionGraph, policy: Policy) => NodeId;

const addFastNumberTree: AddNumbers = (graph, policy) => addNumberTree(graph, policy, 'fast');
const addShortNumberTree: AddNumbers = (graph, policy) => addNumberTree(graph, policy, 'short');

/** The whole program: the architecture, then the number. */
function assemble(policy: Policy, addNumbers: AddNumbers): readonly Instruction[] {
  const graph = new DecisionGraph();
  const numbers = addNumbers(graph, policy);
  const mismatch = graph.addReturn(policy.archMismatchReturn);
  const dispatch = graph.addLoad(NR_OFFSET, numbers);
  const { auditArch } = policy.target;
  const root = graph.addLoad(ARCH_OFFSET, graph.addTest('eq', auditArch, dispatch, mismatch));
  return layOut(graph, root);
}

function tooLarge(policy: Policy, length: number): PolicyError {
  const diagnostic: PolicyDiagnostic = {
    severity: 'error',
    span: { file: policy.file, line: 1, column: 1, length: 1, text: '' },
    message: `policy compiles to ${length} instructions, the kernel takes ${PROGRAM_LENGTH_MAX}`,
    expected: 'fewer or simpler rules',
  };
  return new PolicyError('ERR_POLICY_TOO_LARGE', [diagnostic]);
}

function addNumberTree(graph: DecisionGraph, policy: Policy, aim: Aim): NodeId {
  const compiler = new FormulaCompiler(graph, aim);
  const unnamed = graph.addReturn(policy.unnamedReturn);
  const weights = numberWeights(policy.syscalls);
  const ranges: WeightedRange[] = [];
  let next = 0;
  for (const syscall of [...policy.syscalls].sort((a, b) => a.number - b.number)) {
    const { number } = syscall;
    if (number > next) {
      ranges.push({ min: next, max: number - 1, target: unnamed, weight: weights.gap });
    }
    const target = compiler.compile(formulaOf(syscall.rules, policy.defaultReturn));
    ranges.push({ min: number, max: number, target, weight: weights.of(syscall) });
    next = number + 1;
  }
  ranges.push({ min: next, max: NUMBER_MAX, target: unnamed, weight: weights.gap });
  return addSearchTree(graph, ranges, {
    nodeCost: NODE_COST,
    exactMax: EXACT_MAX,
  });
}

function numberWeights(syscalls: readonly SyscallPolicy[]): {
  readonly gap: number;
  readonly of: (syscall: SyscallPolicy) => number;
} {
  const count = Math.max(1, syscalls.length);
  const total = syscalls.reduce((sum, { frequency }) => sum + frequency, 0);
  const average = total === 0 ? 1 : total / count;
  return {
    gap: (UNNAMED_SHARE * average * count) / (count + 1),
    of: ({ frequency }) => frequency + SMOOTHING * average,
  };
}

function addNumberChain(graph: DecisionGraph, policy: Policy): NodeId {
  let root = graph.addReturn(policy.unnamedReturn);
  for (const { number, rules } of [...policy.syscalls].reverse()) {
    const entry = addLinear(graph, formulaOf(rules, policy.defaultReturn));
    root = graph.addTest('eq', number, entry, root);
  }
  return root;
}
