/**
 * Compiled programs by content: the key is a digest of everything that goes into one, so a stale entry cannot be
 * found, and nobody has to compare times of files.
 */
import { createHash, randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type CompileOptions, compilePolicyFile } from './compile.ts';
import { loadPolicy } from './load.ts';
import { fileReader, type PolicyReader } from './source.ts';
import { verifyProgram } from './verifier.ts';

/** Part of every key: raise it whenever the same policy may come out as another program. */
export const COMPILER_VERSION = 1;

/** Where programs are kept. A storage that loses entries costs time, nothing else. */
export interface ProgramStorage {
  get(key: string): Uint8Array | null;
  put(key: string, program: Uint8Array): void;
}

/** An input of a compilation: a file that was read, and its content. */
export interface PolicyInput {
  readonly path: string;
  readonly bytes: Uint8Array;
}

/**
 * The key of a compilation.
 *
 * @param inputs every file that the compiler reads, in the order of reading; a file missing here would let a change of
 *   it go unnoticed.
 * @returns sha256 in lower-case hexadecimal.
 */
export function cacheKey(inputs: readonly PolicyInput[], options: CompileOptions): string {
  const hash = createHash('sha256');
  const {
    arch,
    defaultAction,
    defaultReturn,
    useKillProcess,
    useRetLog,
    denylist,
    strategy,
    includeDirs,
  } = options;
  const flags = [useKillProcess === true, useRetLog === true, denylist === true];
  const header = [COMPILER_VERSION, arch, defaultAction ?? null, defaultReturn ?? null, flags];
  hash.update(JSON.stringify([...header, strategy ?? 'tree', includeDirs ?? [], inputs.length]));
  for (const { path, bytes } of inputs) {
    // Lengths first, so that no two lists of inputs make the same stream of bytes.
    hash.update(JSON.stringify([path, bytes.length]));
    hash.update(bytes);
  }
  return hash.digest('hex');
}

/**
 * The program of a policy file, from the storage if it is there. Includes are followed in either case, so errors are
 * found; only the search for a short program is saved.
 *
 * @throws PolicyError as `compilePolicyFile` does.
 */
export function compileCached(
  path: string,
  options: CompileOptions,
  storage: ProgramStorage,
): Uint8Array {
  const inputs: PolicyInput[] = [];
  const reader = recordingReader(options.reader ?? fileReader, inputs);
  loadPolicy(path, { ...options, reader });
  const key = cacheKey(inputs, options);
  const kept = storage.get(key);
  if (kept !== null && verifyProgram(kept) === null) {
    return kept;
  }
  const { program } = compilePolicyFile(path, { ...options, reader: replayingReader(inputs) });
  storage.put(key, program);
  return program;
}

function recordingReader(reader: PolicyReader, inputs: PolicyInput[]): PolicyReader {
  return {
    read(path: string): Uint8Array | null {
      const bytes = reader.read(path);
      if (bytes !== null) {
        inputs.push({ path, bytes });
      }
      return bytes;
    },
  };
}

/** Compiles from what the key was made of: a file that changes in between must not get the old key. */
function replayingReader(inputs: readonly PolicyInput[]): PolicyReader {
  const files = new Map(inputs.map(({ path, bytes }) => [path, bytes]));
  return { read: (path) => files.get(path) ?? null };
}

/**
 * Keeps programs in a directory, one file each, readable by its owner only. Whoever may write there decides what
 * devices may do: keep it out of reach of everybody else.
 */
export function directoryStorage(directory: string): ProgramStorage {
  const fileOf = (key: string): string => join(directory, `${key}.bpf`);
  return {
    get(key: string): Uint8Array | null {
      try {
        return readFileSync(fileOf(key));
      } catch {
        return null;
      }
    },
    put(key: string, program: Uint8Array): void {
      const temporary = `${fileOf(key)}.${randomBytes(6).toString('hex')}`;
      try {
        mkdirSync(directory, { recursive: true, mode: 0o700 });
        writeFileSync(temporary, program, { mode: 0o600, flag: 'wx' });
        renameSync(temporary, fileOf(key));
      } catch {
        // A cache that cannot be written is no cache; the program is there all the same.
        removeQuietly(temporary);
      }
    },
  };
}

function removeQuietly(path: string): void {
  try {
    rmSync(path, { force: true });
  } catch {
    // It was never made.
  }
}
