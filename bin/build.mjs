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
import { bundleProgram, makeCodeCaches } from './bundle.mjs';

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
  const isNew = await compileTypeScript();
  await precompilePolicies();
  run(process.execPath, ['bin/build-native.mjs']);
  if (isNew) {
    await makeCodeCaches();
    writeFileSync(STAMP, sourceHash());
  }
}

function sourceHash() {
  return hashFiles([
    'package-lock.json',
    'tsconfig.json',
    'bin/bundle.mjs',
    ...profiles(),
    ...listFiles('.ts'),
  ]);
}

/** They hold the V8 flags that code caches belong to. */
function profiles() {
  return readdirSync(join(PROJECT, 'policy'))
    .filter((name) => name.endsWith('.json'))
    .map((name) => join('policy', name))
    .sort();
}

/** Returns whether there was anything to do; then everything that is made of the modules is to be made again. */
async function compileTypeScript() {
  const sources = listFiles('.ts');
  if (existsSync(STAMP) && readFileSync(STAMP, 'utf8') === sourceHash()) {
    return false;
  }
  say(`compiling ${sources.length} TypeScript files`);
  removeStaleOutput(sources);
  run(process.execPath, ['node_modules/typescript/bin/tsc']);
  await bundleProgram();
  // Another compiler may make other programs of the same policies.
  rmSync(PROGRAMS, { recursive: true, force: true });
  return true;
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
