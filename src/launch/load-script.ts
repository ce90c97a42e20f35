/**
 * Runs a bundled script of this program with V8's code cache: what the script needed when the project was built, it
 * need not parse and compile again. Without a cache, or with one of another V8, it runs all the same, only later.
 *
 * The bundle of this module is the first thing that every process and thread of the program loads, so it imports next
 * to nothing.
 */
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { Script } from 'node:vm';

/** A script that has run. */
export interface LoadedScript {
  readonly exports: unknown;
  /** Keeps what V8 has compiled of it by now for later starts; for the build only. */
  readonly saveCache: () => void;
}

type ScriptFunction = (
  exports: unknown,
  require: NodeJS.Require,
  module: { exports: unknown },
  filename: string,
  dirname: string,
) => void;

/** A cache belongs to the V8 flags that it was made with: a script that runs with several has several. */
function cachePath(directory: string, name: string, variant: string): string {
  return join(directory, variant === '' ? `${name}.cache` : `${name}.${variant}.cache`);
}

function readCache(path: string): Buffer | undefined {
  try {
    return readFileSync(path);
  } catch {
    return undefined;
  }
}

/** Which script, and how. */
export interface ScriptOptions {
  /** Where the bundles are. */
  readonly directory: string;
  /** `NAME.code.cjs` is the script. */
  readonly name: string;
  /** Which of its caches to use. */
  readonly variant?: string;
  /** The folder that the script believes to lie in, if another. */
  readonly runFrom?: string;
  /** Keeps a new cache when this thread ends; for the build only. */
  readonly isTraining?: boolean;
}

/** Loads a script as Node loads a CommonJS module. */
export function loadScript(options: ScriptOptions): LoadedScript {
  const { directory, name, variant = '', runFrom = directory, isTraining = false } = options;
  // The bundler escapes what is not ASCII; V8 keeps one byte for each character then.
  const source = readFileSync(join(directory, `${name}.code.cjs`), 'latin1');
  const filename = join(runFrom, `${name}.code.cjs`);
  const cachedData = isTraining ? undefined : readCache(cachePath(directory, name, variant));
  const script = new Script(
    `(function (exports, require, module, __filename, __dirname) {${source}\n})`,
    { filename, ...(cachedData !== undefined && { cachedData }) },
  );
  // CAST: the text just above is a function of these parameters.
  const run = script.runInThisContext() as ScriptFunction;
  const module: { exports: unknown } = { exports: {} };
  const saveCache = () => {
    const path = cachePath(directory, name, variant);
    writeFileSync(`${path}.new`, script.createCachedData());
    renameSync(`${path}.new`, path);
  };
  if (isTraining) {
    // Now: the script of a thread returns when the thread is over.
    process.once('exit', saveCache);
  }
  run(module.exports, createRequire(filename), module, filename, runFrom);
  return { exports: module.exports, saveCache };
}
