/** Runs `crosvm policy …` to its end, as the program that was compiled with the tests. */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const MAIN = fileURLToPath(new URL('./crosvm-main.js', import.meta.url));

/** How a command went. */
export interface CommandRun {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** @param directory working directory: paths in messages are relative to it. */
export function runPolicy(directory: string, ...args: readonly string[]): CommandRun {
  const { status, stdout, stderr } = spawnSync(process.execPath, [MAIN, 'policy', ...args], {
    cwd: directory,
    encoding: 'utf8',
    timeout: 60_000,
  });
  return { code: status, stdout, stderr };
}
