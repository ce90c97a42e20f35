import { execFileSync, spawnSync } from 'node:child_process';
import t from 'tap';
import { commandScript, quote } from '../../../src/nested-host/command-script.ts';

function runScript(script: string): string {
  return execFileSync('bash', [], {
    input: script,
    encoding: 'utf8',
    env: { PATH: '/usr/bin:/bin' },
  });
}

t.test('commandScript passes arguments on byte by byte', async (t) => {
  const words = ["it's", 'two words', '$HOME', '`id`', '\\', '*', '', 'line\nbreak', '!'];
  const script = commandScript(['printf', '%s|', ...words], '/', { PATH: '/usr/bin:/bin' });
  t.equal(runScript(script), words.map((word) => `${word}|`).join(''));
});

t.test('commandScript runs the command in the given directory', async (t) => {
  const directory = t.testdir({ "a 'quoted' name": {} });
  const script = commandScript(['pwd'], `${directory}/a 'quoted' name`, { PATH: '/usr/bin:/bin' });
  t.equal(runScript(script), `${directory}/a 'quoted' name\n`);
});

t.test('commandScript ends with 125 where the directory is missing', async (t) => {
  const script = commandScript(['true'], '/no/such/directory', { PATH: '/usr/bin:/bin' });
  t.equal(spawnSync('bash', [], { input: script }).status, 125);
});

t.test('commandScript passes the variables that matter and no others', async (t) => {
  const script = commandScript(['env'], '/', {
    PATH: '/usr/bin:/bin',
    CI: 'true',
    SECRET_TOKEN: 'x',
  });
  const output = runScript(script);
  t.match(output, /^CI=true$/m);
  t.match(output, /^CROSVM_NESTED_HOST=1$/m);
  t.notMatch(output, /SECRET_TOKEN/);
});

t.test('quote keeps a single quote', async (t) => {
  t.equal(quote("a'b"), "'a'\\''b'");
});
