import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { projectDir } from '../support/jailed-probe.ts';

const hasCompiler = ['g++', 'clang++', process.env['CXX'] ?? 'g++'].some(
  (name) => spawnSync(name, ['--version']).status === 0,
);
const skip = !hasCompiler && 'no C++ compiler is installed';

/** A project of one source file that compiles in a moment, with the real build script. */
function makeProject(dir: string): string {
  mkdirSync(join(dir, 'native'));
  mkdirSync(join(dir, 'bin'));
  cpSync(join(projectDir(), 'bin/build-native.mjs'), join(dir, 'bin/build-native.mjs'));
  symlinkSync(join(projectDir(), 'node_modules'), join(dir, 'node_modules'));
  writeFileSync(join(dir, 'native/empty.cc'), 'int answer() { return 42; }\n');
  return dir;
}

function build(dir: string, env: NodeJS.ProcessEnv = {}, args: readonly string[] = []) {
  const script = join(dir, 'bin/build-native.mjs');
  const options = { encoding: 'utf8' as const, env: { ...process.env, ...env }, timeout: 60_000 };
  return spawnSync(process.execPath, [script, ...args], options);
}

function builtAt(dir: string): number {
  return statSync(join(dir, 'native/build/crosvm_native.node')).mtimeMs;
}

t.test('build-native builds once, and again when a source changes', { skip }, async (t) => {
  const dir = makeProject(t.testdir({}));
  t.match(build(dir).stdout, /^built native\/build\/crosvm_native\.node with /);
  const first = builtAt(dir);
  t.match(build(dir), { status: 0, stdout: '' });
  t.equal(builtAt(dir), first);
  writeFileSync(join(dir, 'native/empty.cc'), 'int answer() { return 43; }\n');
  t.match(build(dir).stdout, /^built /);
  t.ok(builtAt(dir) > first);
});

t.test('build-native --sanitize builds with the sanitizers', { skip }, async (t) => {
  const dir = makeProject(t.testdir({}));
  t.match(build(dir, {}, ['--sanitize']), { status: 0 });
  const addon = readFileSync(join(dir, 'native/build/crosvm_native.node'));
  t.ok(addon.includes('asan'), 'it refers to the sanitizer’s library');
});

t.test('build-native needs no compiler for what is built already', { skip }, async (t) => {
  const dir = makeProject(t.testdir({}));
  build(dir);
  t.match(build(dir, { PATH: '/nonexistent' }), { status: 0, stderr: '' });
});

t.test('build-native names the package when there is no compiler', async (t) => {
  const dir = makeProject(t.testdir({}));
  t.match(build(dir, { PATH: '/nonexistent', CXX: '' }), {
    status: 1,
    stderr:
      'build-native: no C++ compiler found; install one (Debian, Ubuntu: apt-get install g++) or set CXX\n',
  });
});

t.test('build-native names a CXX that cannot be run', async (t) => {
  const dir = makeProject(t.testdir({}));
  t.match(build(dir, { CXX: '/no/such/compiler' }), {
    status: 1,
    stderr: 'build-native: CXX=/no/such/compiler cannot be run; set it to a C++20 compiler\n',
  });
});

t.test('build-native fails on a warning', { skip }, async (t) => {
  const dir = makeProject(t.testdir({}));
  writeFileSync(join(dir, 'native/empty.cc'), 'static int unused;\n');
  t.match(build(dir), { status: 1, stderr: /build-native: .*empty\.cc failed \(1\)\n$/ });
});
