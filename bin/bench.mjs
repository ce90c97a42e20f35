#!/usr/bin/env node
// @ts-check
/**
 * `npm run bench [-- NAME... --OPTION...]`: runs the benchmarks of bench/, one question a file, all by default. Options
 * go to each of them. With `--keep` what they found goes into bench/results/, for the repository.
 */
import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { PROJECT, runScript, SetupError } from './bootstrap.mjs';
import { buildProject } from './build.mjs';

const RESULTS = join(PROJECT, 'dist/bench-results');
const KEPT = join(PROJECT, 'bench/results');

/** Copies charts and tables, and writes the page that shows them. */
function keepResults() {
  mkdirSync(KEPT, { recursive: true });
  for (const name of readdirSync(RESULTS).filter((file) => /\.(svg|txt)$/.test(file))) {
    copyFileSync(join(RESULTS, name), join(KEPT, name));
  }
  const sections = readdirSync(KEPT)
    .filter((file) => file.endsWith('.txt'))
    .map((file) => {
      const name = file.replace(/\.txt$/, '');
      const text = readFileSync(join(KEPT, file), 'utf8').trimEnd();
      return `## ${name}\n\n![${text.split('\n')[0]}](${name}.svg)\n\n\`\`\`\n${text}\n\`\`\`\n`;
    });
  const head = 'Made by `npm run bench -- --keep`. How to read it: [../README.md](../README.md).';
  writeFileSync(join(KEPT, 'README.md'), `# Last results\n\n${head}\n\n${sections.join('\n')}`);
}

await runScript(async () => {
  await buildProject();
  const directory = join(PROJECT, 'dist/bench');
  const all = readdirSync(directory)
    .filter((name) => name.endsWith('.js'))
    .sort();
  const isKept = process.argv.includes('--keep');
  const options = process.argv.slice(2).filter((arg) => arg.startsWith('--') && arg !== '--keep');
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
  if (isKept) {
    keepResults();
  }
  return 0;
});
