#!/usr/bin/env node
// @ts-check
/**
 * `npm run fuzz [-- --seconds N] [TARGET...]`: runs the fuzz targets of test/fuzz/, all by default, each for N seconds
 * (60 by default). A target is a test that goes on until FUZZ_SECONDS are over.
 */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { PROJECT, runScript } from './bootstrap.mjs';
import { buildProject } from './build.mjs';

await runScript(async () => {
  const { values, positionals } = parseArgs({
    options: { seconds: { type: 'string', default: '60' } },
    allowPositionals: true,
  });
  await buildProject();
  const targets = positionals.map((name) => `test/fuzz/${name}.fuzz.ts`);
  const runner = join(PROJECT, 'dist/test/support/runner/main.js');
  const args = [runner, ...(targets.length > 0 ? targets : ['fuzz'])];
  const env = { ...process.env, FUZZ_SECONDS: values.seconds };
  return spawnSync(process.execPath, args, { cwd: PROJECT, stdio: 'inherit', env }).status ?? 1;
});
