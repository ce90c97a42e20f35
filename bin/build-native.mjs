#!/usr/bin/env node
/**
 * Builds the Node-API addon: native/*.cc -> native/build/crosvm_native.node.
 *
 *   node bin/build-native.mjs [--sanitize] [--force]
 *
 * One compiler call per source file, side by side, then one link; no node-gyp, no Python, no download: the
 * headers come from the packages node-api-headers and node-addon-api. Nothing is done, and no compiler looked
 * for, when the hash of sources, headers and flags is that of the last build. `CXX` chooses the compiler; another
 * one than last time builds again. `--sanitize`
 * builds the same file with the address and undefined-behaviour sanitizers; run Node with their library in
 * LD_PRELOAD then (`$CXX -print-file-name=libasan.so`), and build again without the flag afterwards.
 */
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  writeFileSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { availableParallelism } from 'node:os';
import { dirname, join } from 'node:path';

const PROJECT = dirname(import.meta.dirname);
const SOURCE_DIR = join(PROJECT, 'native');
const BUILD_DIR = join(SOURCE_DIR, 'build');
const require = createRequire(import.meta.url);

const COMPILE_FLAGS = [
  '-std=c++20',
  '-fPIC',
  '-fno-exceptions',
  '-fno-rtti',
  '-fvisibility=hidden',
  '-ffunction-sections',
  '-fstack-protector-strong',
  '-Wall',
  '-Wextra',
  '-Werror',
  '-DNAPI_VERSION=9',
  '-DNAPI_DISABLE_CPP_EXCEPTIONS',
  '-DNODE_ADDON_API_DISABLE_DEPRECATED',
];
const RELEASE_FLAGS = ['-O2', '-DNDEBUG', '-D_FORTIFY_SOURCE=2'];
const SANITIZE_FLAGS = ['-O1', '-g', '-fno-omit-frame-pointer', '-fsanitize=address,undefined'];
const LINK_FLAGS = ['-shared', '-Wl,-z,relro,-z,now', '-Wl,--gc-sections'];

class BuildError extends Error {}

/** The compiler and the line that names its version. */
function findCompiler() {
  const wanted = process.env.CXX;
  for (const compiler of wanted ? [wanted] : ['g++', 'clang++']) {
    const probe = spawnSync(compiler, ['--version'], { encoding: 'utf8' });
    if (probe.status === 0) {
      return { compiler, version: probe.stdout.split('\n')[0] };
    }
  }
  throw new BuildError(
    wanted
      ? `CXX=${wanted} cannot be run; set it to a C++20 compiler`
      : 'no C++ compiler found; install one (Debian, Ubuntu: apt-get install g++) or set CXX',
  );
}

function packageDir(name) {
  try {
    return dirname(require.resolve(`${name}/package.json`));
  } catch (error) {
    throw new BuildError(`the package ${name} is missing; run npm install (${error.code})`);
  }
}

function includeDirs() {
  return [join(packageDir('node-api-headers'), 'include'), packageDir('node-addon-api')];
}

function listSources() {
  return readdirSync(SOURCE_DIR)
    .filter((name) => /\.(cc|h)$/.test(name))
    .sort();
}

/** What a build is made of, in one number. The packages' headers are represented by their manifests. */
function fingerprint(sources, flags) {
  const hash = createHash('sha256');
  const packages = ['node-api-headers', 'node-addon-api'].map((name) =>
    readFileSync(join(packageDir(name), 'package.json'), 'utf8'),
  );
  hash.update(JSON.stringify({ flags, packages, arch: process.arch, cxx: process.env.CXX ?? '' }));
  for (const name of sources) {
    hash.update(`${name}\0`).update(readFileSync(join(SOURCE_DIR, name)));
  }
  return hash.digest('hex');
}

function run(command, args) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { stdio: 'inherit' });
    child.on('error', reject);
    child.on('exit', (code, signal) => {
      if (code === 0) {
        resolve();
      } else {
        reject(new BuildError(`${command} ${args.at(-1)} failed (${signal ?? code})`));
      }
    });
  });
}

async function compileAll(compiler, flags, sources, objectDir) {
  const queue = sources.filter((name) => name.endsWith('.cc'));
  const objects = queue.map((name) => join(objectDir, name.replace(/\.cc$/, '.o')));
  const includes = includeDirs().flatMap((dir) => ['-isystem', dir]);
  const worker = async () => {
    for (let name = queue.shift(); name !== undefined; name = queue.shift()) {
      const object = join(objectDir, name.replace(/\.cc$/, '.o'));
      await run(compiler, [...flags, ...includes, '-o', object, '-c', join(SOURCE_DIR, name)]);
    }
  };
  await Promise.all(Array.from({ length: availableParallelism() }, worker));
  return objects;
}

async function build({ sanitize, force }) {
  const output = join(BUILD_DIR, 'crosvm_native.node');
  const stamp = `${output}.hash`;
  const flags = [...COMPILE_FLAGS, ...(sanitize ? SANITIZE_FLAGS : RELEASE_FLAGS)];
  const sources = listSources();
  const hash = fingerprint(sources, [...flags, ...LINK_FLAGS]);
  const isCurrent = existsSync(output) && existsSync(stamp) && readFileSync(stamp, 'utf8') === hash;
  if (isCurrent && !force) {
    return;
  }
  const { compiler, version } = findCompiler();
  const objectDir = join(BUILD_DIR, sanitize ? 'obj-asan' : 'obj');
  mkdirSync(objectDir, { recursive: true });
  const objects = await compileAll(compiler, flags, sources, objectDir);
  // Linked beside its name and renamed: a process that has the old one mapped keeps it.
  const partial = `${output}.${process.pid}`;
  const linkFlags = sanitize ? [...LINK_FLAGS, '-fsanitize=address,undefined'] : LINK_FLAGS;
  await run(compiler, [...linkFlags, '-o', partial, ...objects]);
  renameSync(partial, output);
  writeFileSync(stamp, hash);
  console.log(`built native/build/crosvm_native.node with ${version}`);
}

try {
  await build({
    sanitize: process.argv.includes('--sanitize'),
    force: process.argv.includes('--force'),
  });
} catch (error) {
  if (!(error instanceof BuildError)) {
    throw error;
  }
  console.error(`build-native: ${error.message}`);
  process.exitCode = 1;
}
