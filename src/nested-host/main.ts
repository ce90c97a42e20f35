/** Entry of bin/nested-host.mjs: reads its command line, runs the command, ends with its status. */
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { ConfigError, describeError } from '../base/errors.ts';
import { NESTED_CPUS, type NestedRun, runNested, STATUS_HOST_FAILED } from './nested-host.ts';

const USAGE = `Runs a command as root on an emulated host that has KVM, on top of this machine's files.

  nested-host [--mem MIB] [--cpus N] [--timeout SECONDS] [--out DIR] -- COMMAND [ARGUMENT...]

  --mem MIB          memory of that host; 4096 by default
  --cpus N           its processors; ${NESTED_CPUS} by default; with more, guests with several vCPUs crash now and then
  --timeout SECONDS  ends it after that time; 600 by default, 0 for never
  --out DIR          keeps what the command writes below /out; everything else that it writes is lost

On a terminal the command has it, for keyboard and screen. The exit status is the command's;
124 when the time ran out, 125 when the host did not come up.
`;

const OPTIONS = {
  mem: { type: 'string', default: '4096' },
  cpus: { type: 'string', default: String(NESTED_CPUS) },
  timeout: { type: 'string', default: '600' },
  out: { type: 'string' },
  help: { type: 'boolean', short: 'h', default: false },
} as const;

function log(line: string): void {
  process.stderr.write(`nested-host: ${line}\n`);
}

function parseCount(name: string, value: string, minimum: number): number {
  const count = /^\d+$/.test(value) ? Number(value) : Number.NaN;
  if (!(count >= minimum)) {
    throw new ConfigError(
      'ERR_NESTED_HOST_OPTION',
      `--${name} takes a number from ${minimum} up, not ${value}`,
    );
  }
  return count;
}

function parseRun(args: string[]): NestedRun | undefined {
  const { values, positionals } = parseArgs({ args, options: OPTIONS, allowPositionals: true });
  if (values.help) {
    return undefined;
  }
  if (positionals.length === 0) {
    throw new ConfigError('ERR_NESTED_HOST_OPTION', 'no command; --help shows how it is given');
  }
  return {
    command: positionals,
    memoryMib: parseCount('mem', values.mem, 256),
    cpus: parseCount('cpus', values.cpus, 1),
    timeoutSeconds: parseCount('timeout', values.timeout, 0),
    ...(values.out === undefined ? {} : { out: resolve(values.out) }),
    interactive: process.stdin.isTTY && process.stdout.isTTY,
    log,
  };
}

async function main(): Promise<number> {
  try {
    const run = parseRun(process.argv.slice(2));
    if (run === undefined) {
      process.stdout.write(USAGE);
      return 0;
    }
    return await runNested(run);
  } catch (error) {
    log(describeError(error));
    return STATUS_HOST_FAILED;
  }
}

process.exitCode = await main();
