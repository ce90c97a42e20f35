/** The build's half of `program-store.ts`: compiles every policy of a directory as devices install it. */
import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { fileReader, type PolicyReader } from '../../seccomp/source.ts';
import { compileDevicePolicy } from './device-compiler.ts';
import {
  digestOf,
  INDEX_FILE,
  indexOf,
  inputsKey,
  readStoredProgram,
  type StoredPolicy,
} from './program-store.ts';

/**
 * Compiles the policies of a directory into a store, unless it has them all as they are. To be called after the
 * compiler itself has changed with a store that is empty.
 *
 * @returns the number of policies that were compiled.
 * @throws PolicyError for the first policy with errors; the store is then empty.
 */
export function precompilePolicies(directory: string, store: string): number {
  const policies = readdirSync(directory)
    .filter((name) => name.endsWith('.policy'))
    .sort();
  if (policies.every((policy) => readStoredProgram(store, directory, policy) !== null)) {
    return 0;
  }
  rmSync(store, { recursive: true, force: true });
  const compiled = policies.map((policy) => compileForStore(directory, policy));
  mkdirSync(store, { recursive: true });
  for (const { entry, program } of compiled) {
    writeFileSync(join(store, entry.program), program);
  }
  // ORDER: last, so that an index never names a program that is not there yet.
  const index = indexOf(compiled.map(({ entry }) => entry));
  writeFileSync(join(store, INDEX_FILE), `${JSON.stringify(index, null, 2)}\n`);
  return policies.length;
}

function compileForStore(
  directory: string,
  policy: string,
): { readonly entry: StoredPolicy; readonly program: Uint8Array } {
  const contents = new Map<string, Uint8Array>();
  const compiled = compileDevicePolicy(directory, policy, recordingReader(directory, contents));
  const entry = {
    policy,
    inputs: [...contents.keys()],
    // Of what was compiled, not of what the files hold by now.
    key: inputsKey([...contents.keys()], (input) => contents.get(input) ?? new Uint8Array()),
    program: policy.replace(/\.policy$/, '.bpf'),
    digest: digestOf(compiled.program),
  };
  return { entry, program: compiled.program };
}

/** Keeps what is read, by its path relative to the directory. */
function recordingReader(directory: string, contents: Map<string, Uint8Array>): PolicyReader {
  return {
    read(path: string): Uint8Array | null {
      const bytes = contents.get(relative(directory, path)) ?? fileReader.read(path);
      if (bytes !== null) {
        contents.set(relative(directory, path), bytes);
      }
      return bytes;
    },
  };
}
