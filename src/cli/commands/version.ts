/** `crosvm version`. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Command } from 'commander';
import { PROJECT_DIRECTORY } from '../../vmm/project-files.ts';
import { ExitCode } from '../exit-codes.ts';
import type { Finish } from '../main.ts';

function packageVersion(): string {
  const text = readFileSync(join(PROJECT_DIRECTORY, 'package.json'), 'utf8');
  const parsed: unknown = JSON.parse(text);
  return typeof parsed === 'object' && parsed !== null && 'version' in parsed
    ? String(parsed.version)
    : 'unknown';
}

export function addVersionCommand(program: Command, finish: Finish): void {
  program
    .command('version')
    .description('Print the version of this program.')
    .action(() => {
      process.stdout.write(`crosvm-node ${packageVersion()}\n`);
      finish(ExitCode.Ok);
    });
}
