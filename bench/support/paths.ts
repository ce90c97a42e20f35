/** Where benchmarks find what they run and leave what they measured. */
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';

const PROJECT = join(import.meta.dirname, '../../..');
/** The tree that this benchmark was built into, dist/ as a rule. */
const BUILT = join(import.meta.dirname, '../..');

/** CROSVM names another launcher, so that two builds can be compared. */
export const CROSVM = process.env['CROSVM'] ?? join(PROJECT, 'bin/crosvm');
/** CROSVM_BEFORE names a third one, for benchmarks that measure two builds in turns. */
export const CROSVM_BEFORE = process.env['CROSVM_BEFORE'];
export const RESULTS = join(BUILT, 'bench-results');

function build(script: string, output: string): string {
  const printed = execFileSync(process.execPath, [join(PROJECT, script), output], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  return printed.trim();
}

/** Builds the small guest if need be; returns the path of its image. */
export function guestImage(): string {
  return build('test/guest/firmware/build.mjs', join(BUILT, 'guest'));
}

/** Builds the C reference if need be; returns its path. */
export function referenceProgram(): string {
  return build('bench/reference/build.mjs', join(BUILT, 'bench-reference'));
}
