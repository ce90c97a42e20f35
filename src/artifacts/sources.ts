/** Finds the project's files from a compiled one, and what a set of artifacts is built by. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { assert } from '../base/assert.ts';

/** The project's root: the nearest directory above `from` with a package.json. */
export function projectRoot(from: string): string {
  let directory = from;
  while (!existsSync(join(directory, 'package.json'))) {
    const parent = dirname(directory);
    assert(parent !== directory, `no package.json above ${from}`);
    directory = parent;
  }
  return directory;
}

/** A directory of the project that holds no TypeScript, named from its root. */
export function sourceDirectory(from: string, path: string): string {
  return join(projectRoot(from), path);
}

/**
 * Contents of the compiled modules that build a set of artifacts, and of those in this directory: a change in them is
 * a new builder.
 *
 * @param directory the caller's.
 * @param modules names in it, without their suffix.
 */
export function builderSources(directory: string, modules: readonly string[]): Buffer[] {
  const shared = readdirSync(import.meta.dirname)
    .filter((name) => name.endsWith('.js'))
    .sort();
  return [
    ...modules.map((name) => join(directory, `${name}.js`)),
    ...shared.map((name) => join(import.meta.dirname, name)),
  ].map((file) => readFileSync(file));
}
