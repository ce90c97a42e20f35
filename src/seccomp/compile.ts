/**
 * The policy compiler's front door: a minijail policy file in, a seccomp program out. Pure TypeScript: no root, no
 * libseccomp, no native code; any architecture on any host.
 *
 *     const { program, warnings, rules } = compilePolicyFile('seccomp/x86_64/block_device.policy', { arch: 'x86_64' });
 *     // program: raw struct sock_filter[] (8 bytes each, little-endian), already verified; hand it to seccomp(2)
 *     const { value } = emulate(program, { nr: 0, arch: AUDIT_ARCH_X86_64, args: [] });
 *
 * Options are those of {@link LoadOptions}; for the install-time special case of a user-notification default pass
 * `defaultReturn: SECCOMP_RET_USER_NOTIF`. Errors are {@link PolicyError}: `message` is ready to print, `diagnostics`
 * has the parts.
 */
import { assert } from '../base/assert.ts';
import { describeReturn } from './actions.ts';
import { compileProgram, type Strategy } from './compiler.ts';
import type { PolicyDiagnostic } from './diagnostics.ts';
import { type LoadOptions, loadPolicy } from './load.ts';
import type { Policy } from './policy.ts';
import { memoryReader, type PolicyReader } from './source.ts';
import { verifyProgram } from './verifier.ts';
import { findWarnings } from './warnings.ts';

/** What may be chosen about a compilation. */
export interface CompileOptions extends LoadOptions {
  /** `tree` unless given. Never changes a verdict. */
  readonly strategy?: Strategy;
}

/** One filter of one system call, flat, for audits. */
export interface CompiledRule {
  /** Name and number of the system call. */
  readonly syscall: string;
  readonly number: number;
  /** The filter as written: `arg0 == 1; return EPERM`, `allow`. */
  readonly text: string;
  /** Seccomp return value, and the same in the words of the language. */
  readonly action: number;
  readonly actionName: string;
  readonly file: string;
  readonly line: number;
  /** Comment beside the rule, else at the head of its paragraph; may be empty. */
  readonly comment: string;
}

/** A compiled policy. */
export interface CompiledPolicy {
  /** Raw `struct sock_filter[]`, 8 bytes each, little-endian; the kernel's checks were made. */
  readonly program: Uint8Array;
  readonly warnings: readonly PolicyDiagnostic[];
  /** In the order of evaluation, by system call in the order of the text. */
  readonly rules: readonly CompiledRule[];
  readonly policy: Policy;
}

/**
 * Compiles a policy file and everything it includes.
 *
 * @param path of the policy file.
 * @throws PolicyError ERR_POLICY_SYNTAX (every error of every file), ERR_POLICY_UNREADABLE, ERR_POLICY_OPTION,
 *   ERR_POLICY_TOO_LARGE.
 */
export function compilePolicyFile(path: string, options: CompileOptions): CompiledPolicy {
  const { policy, warnings } = loadPolicy(path, options);
  const program = compileProgram(policy, options.strategy);
  const fault = verifyProgram(program);
  assert(
    fault === null,
    `the compiled filter is invalid: ${fault?.message ?? ''} (${fault?.index ?? -1})`,
  );
  return {
    program,
    warnings: [...warnings, ...findWarnings(policy)],
    rules: flattenRules(policy),
    policy,
  };
}

/**
 * Compiles a policy that is held as text.
 *
 * @param text of the policy; its includes are read through `options.reader`, and there are none without one.
 * @param name that stands for the file in messages.
 */
export function compilePolicyText(
  text: string,
  options: CompileOptions,
  name = 'policy',
): CompiledPolicy {
  const own = memoryReader(new Map([[name, text]]));
  const reader: PolicyReader = {
    read: (path) => own.read(path) ?? options.reader?.read(path) ?? null,
  };
  return compilePolicyFile(name, { ...options, reader });
}

function flattenRules(policy: Policy): readonly CompiledRule[] {
  return policy.syscalls.flatMap(({ name, number, rules }) =>
    rules.map(({ text, action, span, comment }) => ({
      syscall: name,
      number,
      text,
      action,
      actionName: describeReturn(action),
      file: span.file,
      line: span.line,
      comment,
    })),
  );
}

export { formatDiagnostic, PolicyError } from './diagnostics.ts';
export { emulate } from './emulator.ts';
export { AUDIT_ARCH_AARCH64, AUDIT_ARCH_X86_64 } from './target.ts';
export { verifyProgram } from './verifier.ts';
