#!/usr/bin/env node
// @ts-check
/**
 * `npm run bench [-- NAME... --OPTION...]`: runs the benchmarks of bench/, one question a file, all by default. Options
 * go to each of them.
 */
import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { PROJECT, runScript, SetupError } from './bootstrap.mjs';
import { buildProject } from './build.mjs';

await runScript(async () => {
  await buildProject();
  const directory = join(PROJECT, 'dist/bench');
  const all = readdirSync(directory)
    .filter((name) => name.endsWith('.js'))
    .sort();
  const options = process.argv.slice(2).filter((arg) => arg.startsWith('--'));
  const names = process.argv.slice(2).filter((arg) => !arg.startsWith('--'));
  const wanted = names.map((name) => `${name.replace(/\.[jt]s$/, '')}.js`);
  const unknown = wanted.find((name) => !all.includes(name));
  if (unknown !== undefined) {
    throw new SetupError(`no benchmark ${unknown}; there are: ${all.join(' ')}`);
  }
  for (const name of wanted.length > 0 ? wanted : all) {
    console.log(`--- bench/${name}`);
    const { status } = spawnSync(process.execPath, [join(directory, name), ...options], {
      stdio: 'inherit',
    });
    if (status !== 0) {
      return 1;
    }
  }
  return 0;
});
