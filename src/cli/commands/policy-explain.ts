/** `crosvm policy explain DEVICE|FILE SYSCALL [argN=VALUE…]`: why a call is carried out, or why not. */
import { describeAction } from '../../audit/action-text.ts';
import { parseArguments } from '../../audit/argument-value.ts';
import { describeCondition, formatCall } from '../../audit/condition-text.ts';
import { passCondition, type WayToPass } from '../../audit/pass-condition.ts';
import { ConfigError } from '../../base/errors.ts';
import { type CompiledPolicy, compilePolicyFile } from '../../seccomp/compile.ts';
import { explainCall } from '../../seccomp/explain.ts';
import type { Policy, Rule } from '../../seccomp/policy.ts';
import type { Target } from '../../seccomp/target.ts';
import { ExitCode } from '../exit-codes.ts';
import { parseInteger } from '../key-value.ts';
import { findTarget, type PolicyOptions } from '../policy-input.ts';
import { suggestion } from '../suggest.ts';

/** Explains to standard output. @returns the exit code. */
export async function explainCommand(
  name: string,
  syscall: string,
  argumentTexts: readonly string[],
  options: PolicyOptions,
): Promise<number> {
  const target = await findTarget(name, options);
  const compiled = compilePolicyFile(target.path, target.options);
  const call = findSyscall(compiled.policy.target, syscall);
  const args = parseArguments(argumentTexts, target.options.arch);
  const text =
    args === null ? explainAlways(compiled.policy, call) : explainOneCall(compiled, call, args);
  process.stdout.write(text);
  return ExitCode.Ok;
}

interface NamedSyscall {
  readonly name: string;
  readonly number: number;
}

function findSyscall(target: Target, text: string): NamedSyscall {
  const number = target.syscalls.get(text) ?? parseInteger(text);
  if (number === undefined || number > 0xffff_ffff) {
    const hint = suggestion(text, [...target.syscalls.keys()]);
    throw new ConfigError(
      'ERR_POLICY_SYSCALL',
      `${target.name} has no system call "${text}"${hint}`,
    );
  }
  return { name: target.syscallNames.get(number) ?? `syscall ${number}`, number };
}

function place({ span, comment, text }: Rule, syscall: string, indent: string): string {
  const reason = comment === '' ? '' : `${indent}  # ${comment}\n`;
  return `${indent}${span.file}:${span.line}: ${syscall}: ${text}\n${reason}`;
}

function explainOneCall(
  { policy, program }: CompiledPolicy,
  { name, number }: NamedSyscall,
  args: readonly bigint[],
): string {
  const found = explainCall(policy, number, args, program);
  if (found === null) {
    return '';
  }
  const { value, rule, path } = found;
  const isNamed = policy.syscalls.some((syscall) => syscall.number === number);
  const noRule = isNamed ? `no rule of ${name} holds` : `no rule names ${name}`;
  const reason =
    rule === null
      ? `  decided by the default action: ${noRule}\n`
      : `  decided by\n${place(rule, name, '    ')}    which holds ${whenOf(name, rule)}\n`;
  const steps = path.map((step) => `    ${step}\n`).join('');
  return (
    `${formatCall(name, args)}\n  ${describeAction(value)}\n${reason}` +
    `  ${path.length} of ${program.length / 8} instructions are executed\n${steps}`
  );
}

function whenOf(name: string, { expression }: Rule): string {
  return expression === null ? 'always' : `when ${describeCondition(name, expression)}`;
}

function explainAlways(policy: Policy, { name, number }: NamedSyscall): string {
  const { ways, refusals, otherwise, named } = passCondition(policy, name, number);
  const head =
    ways.length === 0
      ? `${name} never passes${named ? '' : ': no rule names it'}\n`
      : `${name} passes exactly when\n${ways.map((way, index) => wayText(name, way, index)).join('')}`;
  const refused = refusals
    .map(
      (rule) =>
        `  ${whenOf(name, rule)}: ${describeAction(rule.action)}\n${place(rule, name, '    ')}`,
    )
    .join('');
  const rest = otherwise === null ? '' : `otherwise\n  ${describeAction(otherwise)}\n`;
  return (
    head +
    (refused === '' ? '' : `refused by rules, tried in the order of the text\n${refused}`) +
    rest
  );
}

function wayText(name: string, { condition, unless, rule }: WayToPass, index: number): string {
  const exceptions = unless.map((text) => `    unless ${text}\n`).join('');
  const where = rule === null ? '    by the default action\n' : place(rule, name, '    ');
  return `  ${index === 0 ? '' : 'or '}${condition}\n${exceptions}${where}`;
}
