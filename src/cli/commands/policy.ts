/**
 * `crosvm policy …`: compiles, checks, explains, audits and compares seccomp policies. Needs no root, no KVM, no addon
 * and no network. What the commands do is loaded when one is used, because `crosvm run` has no use for it.
 */
import { type Command, Option } from 'commander';
import type { Finish } from '../main.ts';
import type { PolicyOptions } from '../policy-input.ts';
import type { AuditCommandOptions } from './policy-audit.ts';
import type { CompileCommandOptions } from './policy-compile.ts';

const ARCHITECTURES = ['x86_64', 'aarch64', 'arm64'];

function collect(value: string, previous: readonly string[]): readonly string[] {
  return [...previous, value];
}

/** Options that change what a policy means. */
function addMeaning(command: Command): Command {
  return command
    .addOption(
      new Option('--arch <ARCH>', 'architecture of the program')
        .choices(ARCHITECTURES)
        .default('x86_64'),
    )
    .option(
      '--include-dir <DIR>',
      'stands for /usr/share/policy/crosvm in includes; repeatable',
      collect,
      [],
    )
    .option('--default-action <ACTION>', 'overrides every @default; may be permissive')
    .option('--use-kill-process', 'kill means kill-process')
    .option('--use-ret-log', 'log instead of killing or failing a call')
    .option('--denylist', 'the policies are denylists');
}

/** Runs a command whose code is loaded on demand. */
async function run(finish: Finish, command: () => Promise<number>): Promise<void> {
  const { runPolicyCommand } = await import('../policy-input.ts');
  finish(await runPolicyCommand(command));
}

export function addPolicyCommand(program: Command, finish: Finish): void {
  const policy = program
    .command('policy')
    .description('Compile, check, explain, audit and compare seccomp policies.')
    .helpCommand(false);
  addCompile(policy, finish);
  addCheck(policy, finish);
  addExplain(policy, finish);
  addAudit(policy, finish);
  addDiff(policy, finish);
}

function addCompile(policy: Command, finish: Finish): void {
  addMeaning(policy.command('compile'))
    .description('Compile a policy to a seccomp program.')
    .argument('<FILE>', 'policy file')
    .requiredOption('-o, --output <FILE>', 'where the program goes; - is standard output')
    .addOption(
      new Option('--format <FORMAT>', 'raw is struct sock_filter[], little-endian')
        .choices(['raw', 'json', 'asm', 'c'])
        .default('raw'),
    )
    .action((file: string, options: CompileCommandOptions) =>
      run(finish, async () => (await import('./policy-compile.ts')).compileCommand(file, options)),
    );
}

function addCheck(policy: Command, finish: Finish): void {
  addMeaning(policy.command('check'))
    .description('Check policies: every error and warning of every file.')
    .argument('<FILE...>', 'policy files')
    .action((files: string[], options: PolicyOptions) =>
      run(finish, async () => (await import('./policy-compile.ts')).checkCommand(files, options)),
    );
}

function addExplain(policy: Command, finish: Finish): void {
  addMeaning(policy.command('explain'))
    .description('Explain what happens to a system call, and which line decides it.')
    .argument('<DEVICE|FILE>', 'device kind or policy file')
    .argument('<SYSCALL>', 'name or number')
    .argument('[ARG...]', 'arg0=VALUE … arg5=VALUE, by number or constants: arg2=PROT_READ')
    .action((name: string, syscall: string, args: string[], options: PolicyOptions) =>
      run(finish, async () =>
        (await import('./policy-explain.ts')).explainCommand(name, syscall, args, options),
      ),
    );
}

function addAudit(policy: Command, finish: Finish): void {
  policy
    .command('audit')
    .description('Audit what devices may do; fails when that grew beyond the baseline.')
    .argument('[DEVICE...]', 'device kinds (default: all)')
    .addOption(
      new Option('--format <FORMAT>', 'form of the report')
        .choices(['table', 'json', 'html'])
        .default('table'),
    )
    .option('-o, --output <FILE>', 'where the report goes; - is standard output', '-')
    .option('--baseline <FILE>', 'what was accepted (default: policy/audit-baseline.json)')
    .option('--accept', 'write what there is now to the baseline')
    .option('--seccomp-policy-dir <DIR>', 'take the devices’ policies from DIR')
    .action((devices: string[], options: AuditCommandOptions) =>
      run(finish, async () => (await import('./policy-audit.ts')).auditCommand(devices, options)),
    );
}

function addDiff(policy: Command, finish: Finish): void {
  addMeaning(policy.command('diff'))
    .description('Show how two policies differ in meaning; equal ones exit with 0.')
    .argument('<A>', 'device kind or policy file: before')
    .argument('<B>', 'device kind or policy file: after')
    .action((before: string, after: string, options: PolicyOptions) =>
      run(finish, async () =>
        (await import('./policy-diff.ts')).diffCommand(before, after, options),
      ),
    );
}
