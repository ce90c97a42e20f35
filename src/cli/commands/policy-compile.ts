/** `crosvm policy compile` and `crosvm policy check`. */
import { basename } from 'node:path';
import { compilePolicyFile } from '../../seccomp/compile.ts';
import { formatDiagnostic, PolicyError } from '../../seccomp/diagnostics.ts';
import { formatProgram, OUTPUT_FORMATS } from '../../seccomp/format.ts';
import { ExitCode } from '../exit-codes.ts';
import { writeOutput } from '../output-file.ts';
import { loadOptionsOf, type PolicyOptions } from '../policy-input.ts';

export interface CompileCommandOptions extends PolicyOptions {
  readonly output: string;
  readonly format: string;
}

/** Compiles one policy into a file. @returns the exit code. */
export function compileCommand(file: string, options: CompileCommandOptions): number {
  const { program, warnings } = compilePolicyFile(file, loadOptionsOf(options));
  for (const warning of warnings) {
    process.stderr.write(`${formatDiagnostic(warning)}\n`);
  }
  const format = OUTPUT_FORMATS.find((known) => known === options.format) ?? 'raw';
  const name = basename(file).replace(/\.policy$/, '');
  writeOutput('--output', options.output, formatProgram(program, format, { name }));
  return ExitCode.Ok;
}

/** Checks policies, all of them whatever is wrong with the first. @returns the exit code. */
export function checkCommand(files: readonly string[], options: PolicyOptions): number {
  const codes = files.map((file) => checkFile(file, options));
  // A file that is not there is a wrong argument, and says more than an error in another one.
  return Math.max(...codes);
}

function checkFile(file: string, options: PolicyOptions): number {
  try {
    const { warnings, policy, program } = compilePolicyFile(file, loadOptionsOf(options));
    const calls = `${count(policy.syscalls.length, 'system call')}, ${count(program.length / 8, 'instruction')}`;
    const summary = warnings.length === 0 ? 'ok' : count(warnings.length, 'warning');
    const lines = [...warnings.map(formatDiagnostic), `${file}: ${summary} (${calls})`];
    process.stdout.write(`${lines.join('\n')}\n`);
    return ExitCode.Ok;
  } catch (error) {
    if (!(error instanceof PolicyError) || error.code === 'ERR_POLICY_OPTION') {
      throw error;
    }
    const errors = count(error.diagnostics.length, 'error');
    process.stdout.write(`${error.message}\n${file}: ${errors}\n`);
    return error.code === 'ERR_POLICY_UNREADABLE' ? ExitCode.InvalidArguments : ExitCode.Failure;
  }
}

/** `1 error`, `2 errors`. */
function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`;
}
