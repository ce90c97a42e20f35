/**
 * Device policies that the build has compiled, in `dist/seccomp/`: starting a machine reads a program instead of loading
 * the compiler and running it.
 *
 * `index.json` names, for each policy, the files that it was compiled from and a digest of their content: a policy that
 * was edited since is not found here, and is compiled. Whoever may write to `dist/` decides what runs as the parent, so
 * the programs themselves are trusted as far as the code beside them is; their digest only finds damage.
 *
 * Loads nothing of the compiler but the verifier; `precompile.ts` writes what is read here.
 */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Check, list, literal, record, text } from '../../ipc/schema.ts';
import { verifyProgram } from '../../seccomp/verifier.ts';

/** Part of the key: raise it when programs are compiled with other options. */
const FORMAT_VERSION = 1;
const NAME_LENGTH_MAX = 256;
const DIGEST_LENGTH = 64;

const storedPolicy = record({
  /** File name of the policy. */
  policy: text(NAME_LENGTH_MAX),
  /** What was read to compile it, relative to its directory: the policy, then its includes. */
  inputs: list(text(NAME_LENGTH_MAX), 1000),
  /** {@link inputsKey} of those files. */
  key: text(DIGEST_LENGTH),
  /** File name of the program, and its SHA-256. */
  program: text(NAME_LENGTH_MAX),
  digest: text(DIGEST_LENGTH),
});
/** One entry of the index. */
export type StoredPolicy = ReturnType<typeof storedPolicy>;

/** The index: `index.json`. */
export interface StoredPrograms {
  readonly version: typeof FORMAT_VERSION;
  readonly policies: readonly StoredPolicy[];
}

const storedPrograms: Check<StoredPrograms> = record({
  version: literal(FORMAT_VERSION),
  policies: list(storedPolicy, 1000),
});

export const INDEX_FILE = 'index.json';

/** SHA-256 in lower-case hexadecimal. */
export function digestOf(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/** Where the programs of this build are: beside the bundles, or in the tree that tsc made. */
export const PROGRAM_DIRECTORY = import.meta.filename.endsWith('.cjs')
  ? join(import.meta.dirname, '../seccomp')
  : join(import.meta.dirname, '../../../seccomp');

/** Digest of the files that a program is made of, by their names and contents. @param read gives the content. */
export function inputsKey(inputs: readonly string[], read: (input: string) => Uint8Array): string {
  const hash = createHash('sha256').update(JSON.stringify([FORMAT_VERSION, inputs.length]));
  for (const input of inputs) {
    const bytes = read(input);
    // Lengths first, so that no two lists of files make the same stream of bytes.
    hash.update(JSON.stringify([input, bytes.length])).update(bytes);
  }
  return hash.digest('hex');
}

/** An index of this version. */
export function indexOf(policies: readonly StoredPolicy[]): StoredPrograms {
  return { version: FORMAT_VERSION, policies };
}

/**
 * Reads the program of a policy that is still what it was compiled from.
 *
 * @param store directory of the programs.
 * @param directory of the policies.
 * @param policy file name, `block_device.policy` for example.
 * @returns null where there is none, it is stale or damaged.
 */
export function readStoredProgram(
  store: string,
  directory: string,
  policy: string,
): Uint8Array | null {
  try {
    const value: unknown = JSON.parse(readFileSync(join(store, INDEX_FILE), 'utf8'));
    const entry = storedPrograms(value, INDEX_FILE).policies.find((one) => one.policy === policy);
    const read = (input: string): Uint8Array => readFileSync(join(directory, input));
    if (entry === undefined || inputsKey(entry.inputs, read) !== entry.key) {
      return null;
    }
    const program = readFileSync(join(store, entry.program));
    const isWhole = digestOf(program) === entry.digest && verifyProgram(program) === null;
    return isWhole ? program : null;
  } catch {
    // Not built, half built, or from another version: compiling says what is wrong, if anything is.
    return null;
  }
}
