#!/usr/bin/env node
// @ts-check
/**
 * Builds the project: TypeScript to dist/, the addon to native/build/. A part whose sources are those of the last build
 * is left alone.
 */
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  BUILD_TOOLS,
  checkPlatform,
  ensureNodeModules,
  ensureTools,
  PROJECT,
  run,
  runScript,
  say,
} from './bootstrap.mjs';

const SOURCE_FOLDERS = ['src', 'test', 'bench'];
const OUTPUT = join(PROJECT, 'dist');
const STAMP = join(OUTPUT, '.built-from');
/** Seccomp programs of the devices; src/vmm/devices/program-store.ts reads them. */
const PROGRAMS = join(OUTPUT, 'seccomp');

/** Makes everything that is run, of everything that is in the repository. */
export async function buildProject() {
  checkPlatform();
  ensureTools(BUILD_TOOLS);
  ensureNodeModules();
  await compileTypeScript();
  await precompilePolicies();
  run(process.execPath, ['bin/build-native.mjs']);
}

async function compileTypeScript() {
  const sources = listFiles('.ts');
  const hash = hashFiles(['package-lock.json', 'tsconfig.json', ...sources]);
  if (existsSync(STAMP) && readFileSync(STAMP, 'utf8') === hash) {
    return;
  }
  say(`compiling ${sources.length} TypeScript files`);
  removeStaleOutput(sources);
  run(process.execPath, ['node_modules/typescript/bin/tsc']);
  await bundleProgram();
  // Another compiler may make other programs of the same policies.
  rmSync(PROGRAMS, { recursive: true, force: true });
  writeFileSync(STAMP, hash);
}

/**
 * The program starts from a few files: Node reads a bundle in a fraction of the time that it takes to look up a hundred
 * modules, and the jail has one file to show. Native code stays outside.
 */
async function bundleProgram() {
  const { build } = await import('esbuild');
  const common = {
    outdir: join(OUTPUT, 'bundle'),
    outExtension: { '.js': '.mjs' },
    bundle: true,
    platform: /** @type {const} */ ('node'),
    format: /** @type {const} */ ('esm'),
    target: 'node20',
    minifySyntax: true,
    minifyWhitespace: true,
    external: ['@koromix/*'],
    // koffi loads its shared object by require, which an ES module does not have by itself; under a name of its own,
    // because bundled modules import createRequire, too.
    banner: {
      js: "import { createRequire as makeRequire } from 'node:module'; const require = makeRequire(import.meta.url);",
    },
    logLevel: /** @type {const} */ ('warning'),
  };
  const compiled = (/** @type {string} */ module) => join(OUTPUT, 'src', module);
  // The parent's entries share what they have in common; a jail shows one file, so the device host is one.
  await build({
    ...common,
    splitting: true,
    entryPoints: {
      crosvm: compiled('cli/main.js'),
      'machine-thread': compiled('vmm/machine/thread.js'),
      'vcpu-worker': compiled('vcpu/worker.js'),
      'device-host-worker': compiled('devices/host-worker.js'),
    },
  });
  await build({ ...common, entryPoints: { 'device-host': compiled('devices/host.js') } });
}

/** Machines start from programs that were compiled here; a policy that is edited later is compiled at every start. */
async function precompilePolicies() {
  const module = await import(join(OUTPUT, 'src/vmm/devices/precompile.js'));
  module.precompilePolicies(join(PROJECT, 'seccomp/x86_64'), PROGRAMS);
}

/**
 * Files of the source folders, relative to the project.
 *
 * @param {string} suffix
 */
function listFiles(suffix, root = PROJECT) {
  return SOURCE_FOLDERS.filter((folder) => existsSync(join(root, folder))).flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith(suffix))
      .map((name) => join(folder, name))
      .sort(),
  );
}

/** @param {readonly string[]} files */
function hashFiles(files) {
  const hash = createHash('sha256');
  for (const file of files) {
    const content = readFileSync(join(PROJECT, file));
    hash.update(`${file}\0${content.length}\0`).update(content);
  }
  return hash.digest('hex');
}

/**
 * What was compiled from a file that is gone would still be imported, or run as a test.
 *
 * @param {readonly string[]} sources
 */
function removeStaleOutput(sources) {
  const expected = new Set(sources.map((source) => source.replace(/\.ts$/, '.js')));
  mkdirSync(OUTPUT, { recursive: true });
  for (const compiled of listFiles('.js', OUTPUT)) {
    if (!expected.has(compiled)) {
      rmSync(join(OUTPUT, compiled));
    }
  }
}

if (import.meta.filename === process.argv[1]) {
  await runScript(buildProject);
}
