#!/usr/bin/env node
// @ts-check
/** `npm test [-- STAGE|FILE...]`: makes everything ready and runs the tests. */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import {
  BUILD_TOOLS,
  ensureTools,
  IMAGE_TOOLS,
  nestedHostTools,
  PROJECT,
  runScript,
} from './bootstrap.mjs';
import { buildProject } from './build.mjs';

await runScript(async () => {
  ensureTools([...BUILD_TOOLS, ...IMAGE_TOOLS, ...nestedHostTools()]);
  await buildProject();
  const runner = join(PROJECT, 'dist/test/support/runner/main.js');
  const options = { stdio: /** @type {const} */ ('inherit') };
  return spawnSync(process.execPath, [runner, ...process.argv.slice(2)], options).status ?? 1;
});
