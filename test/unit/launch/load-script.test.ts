import { spawnSync } from 'node:child_process';
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { loadScript } from '../../../src/launch/load-script.ts';

const SOURCE = `
const { sep } = require('node:path');
module.exports = { where: __dirname + sep, file: __filename, double: (n) => n * 2 };
`;

interface Sample {
  readonly where: string;
  readonly file: string;
  readonly double: (n: number) => number;
}

/** CAST: what SOURCE exports. */
function sample(exports: unknown): Sample {
  return exports as Sample;
}

t.test(
  'a script runs as a CommonJS module, with no cache, a new one, or one that is damaged',
  async (t) => {
    const directory = t.testdir({ 'sample.code.cjs': SOURCE });
    const first = loadScript({ directory, name: 'sample' });
    t.equal(sample(first.exports).double(21), 42);
    t.equal(sample(first.exports).where, `${directory}/`);
    t.equal(sample(first.exports).file, join(directory, 'sample.code.cjs'));
    first.saveCache();
    t.ok(statSync(join(directory, 'sample.cache')).size > 100);
    t.equal(sample(loadScript({ directory, name: 'sample' }).exports).double(21), 42);
    writeFileSync(join(directory, 'sample.cache'), 'no cache of any V8');
    t.equal(sample(loadScript({ directory, name: 'sample' }).exports).double(21), 42);
  },
);

t.test(
  'a variant has a cache of its own, and runFrom is where the script believes to be',
  async (t) => {
    const directory = t.testdir({ 'sample.code.cjs': SOURCE });
    const { exports, saveCache } = loadScript({
      directory,
      name: 'sample',
      variant: 'rng',
      runFrom: '/elsewhere',
    });
    t.equal(sample(exports).file, '/elsewhere/sample.code.cjs');
    saveCache();
    t.ok(readFileSync(join(directory, 'sample.rng.cache')).length > 100);
    t.throws(() => statSync(join(directory, 'sample.cache')), { code: 'ENOENT' });
  },
);

t.test('a script that is missing is named', async (t) => {
  const directory = t.testdir({});
  t.throws(() => loadScript({ directory, name: 'absent' }), { message: /absent\.code\.cjs/ });
});

t.test('training keeps a cache when the process ends', async (t) => {
  const directory = t.testdir({ 'sample.code.cjs': SOURCE });
  const module = new URL('../../../src/launch/load-script.js', import.meta.url).pathname;
  const script = `import(process.argv[1]).then((m) => m.loadScript({ directory: process.argv[2], name: 'sample', isTraining: true }))`;
  const run = spawnSync(process.execPath, ['-e', script, module, directory], { encoding: 'utf8' });
  t.equal(run.status, 0, run.stderr);
  t.ok(statSync(join(directory, 'sample.cache')).size > 100);
});
