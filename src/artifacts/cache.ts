/**
 * Files that are built once and kept outside the work tree: each set in a directory of its own, whose name carries a
 * digest of what it was built from, with a manifest of checksums.
 *
 * A set is built in a private directory and renamed into place, so that a build that was cut short is never taken for
 * a whole one and two builds at a time do not mix.
 */
import { createHash } from 'node:crypto';
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';

/** A set of files to keep. */
export interface ArtifactSet<Name extends string> {
  /** First part of the directory's name. */
  readonly name: string;
  /** Everything that the contents depend on and that is known beforehand: sources of the builder, parameters. */
  readonly inputs: readonly (string | Uint8Array)[];
  readonly files: readonly Name[];
  /**
   * Makes the files in an empty directory.
   *
   * @returns versions of what went in and is known only afterwards, for the manifest.
   */
  build(directory: string): Promise<Readonly<Record<string, string>>>;
}

interface ManifestFile {
  readonly sizeBytes: number;
  readonly modifiedMs: number;
  readonly sha256: string;
}

interface Manifest {
  readonly versions: Readonly<Record<string, string>>;
  readonly files: Readonly<Record<string, ManifestFile>>;
}

const MANIFEST = 'manifest.json';
/** Another work tree, or another branch of this one, may come back to a set. */
const UNUSED_LIMIT_DAYS = 14;

/** Where the sets are kept: $CROSVM_NODE_CACHE, else crosvm-node below the user's cache directory. */
export function cacheDirectory(environment: NodeJS.ProcessEnv = process.env): string {
  const own = environment['CROSVM_NODE_CACHE'];
  if (own !== undefined && own !== '') {
    return own;
  }
  const users = environment['XDG_CACHE_HOME'];
  return join(
    users !== undefined && users !== '' ? users : join(homedir(), '.cache'),
    'crosvm-node',
  );
}

/**
 * Returns the paths of a set's files, building the set when it is missing, was made of other inputs or was damaged.
 *
 * @param cache directory of all sets; made when missing.
 */
export async function ensureArtifacts<Name extends string>(
  set: ArtifactSet<Name>,
  cache: string = cacheDirectory(),
): Promise<Record<Name, string>> {
  const directory = join(cache, `${set.name}-${digest(set.inputs).slice(0, 16)}`);
  if (isIntact(directory, set.files)) {
    markUsed(directory);
  } else {
    await buildInto(directory, set, cache);
    removeUnused(cache, set.name);
  }
  const paths = set.files.map((file) => [file, join(directory, file)]);
  // CAST: one entry for each name of the set.
  return Object.fromEntries(paths) as Record<Name, string>;
}

async function buildInto(
  directory: string,
  set: ArtifactSet<string>,
  cache: string,
): Promise<void> {
  mkdirSync(cache, { recursive: true });
  const stage = mkdtempSync(join(cache, `.${set.name}-`));
  try {
    const versions = await set.build(stage);
    const files = Object.fromEntries(
      set.files.map((file) => [file, describeFile(join(stage, file))]),
    );
    const manifest: Manifest = { versions, files };
    writeFileSync(join(stage, MANIFEST), `${JSON.stringify(manifest, null, 2)}\n`);
    // The stage is private; the finished set is for every user who may reach the cache.
    chmodSync(stage, 0o755);
    // Somebody else may have put the same set there meanwhile, and be using it.
    if (!isIntact(directory, set.files)) {
      rmSync(directory, { recursive: true, force: true });
      renameSync(stage, directory);
    }
  } finally {
    rmSync(stage, { recursive: true, force: true });
  }
}

/** The time of a set's last use is that of its directory. */
function markUsed(directory: string): void {
  try {
    const now = new Date();
    utimesSync(directory, now, now);
  } catch {
    // Somebody else's cache, which may be read but not changed.
  }
}

/** Removes sets of the same name, and stages of builds that were cut short, that nobody has used for long. */
function removeUnused(cache: string, name: string): void {
  const limit = Date.now() - UNUSED_LIMIT_DAYS * 24 * 3600 * 1000;
  const ours = readdirSync(cache).filter((entry) =>
    entry.replace(/^\./, '').startsWith(`${name}-`),
  );
  for (const directory of ours.map((entry) => join(cache, entry))) {
    const stat = statSync(directory, { throwIfNoEntry: false });
    if (stat !== undefined && stat.mtimeMs < limit) {
      rmSync(directory, { recursive: true, force: true });
    }
  }
}

function describeFile(path: string): ManifestFile {
  const { size, mtimeMs } = statSync(path);
  return { sizeBytes: size, modifiedMs: mtimeMs, sha256: sha256(readFileSync(path)) };
}

/**
 * Whether every file is as the manifest says. The checksum is computed only where the modification time differs,
 * which keeps a second start quick.
 */
function isIntact(directory: string, files: readonly string[]): boolean {
  const manifest = readManifest(directory);
  return (
    manifest !== undefined &&
    files.every((file) => isFileIntact(join(directory, file), manifest.files[file]))
  );
}

function isFileIntact(path: string, expected: ManifestFile | undefined): boolean {
  const stat = statSync(path, { throwIfNoEntry: false });
  if (expected === undefined || stat?.size !== expected.sizeBytes) {
    return false;
  }
  return stat.mtimeMs === expected.modifiedMs || sha256(readFileSync(path)) === expected.sha256;
}

function readManifest(directory: string): Manifest | undefined {
  try {
    const manifest: unknown = JSON.parse(readFileSync(join(directory, MANIFEST), 'utf8'));
    return isManifest(manifest) ? manifest : undefined;
  } catch {
    return undefined;
  }
}

function isManifest(value: unknown): value is Manifest {
  return (
    typeof value === 'object' &&
    value !== null &&
    'files' in value &&
    typeof value.files === 'object' &&
    value.files !== null
  );
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/** SHA-256 over the parts, each after its length, so that no two lists of parts look alike. */
export function digest(parts: readonly (string | Uint8Array)[]): string {
  const hash = createHash('sha256');
  for (const part of parts) {
    const bytes = Buffer.from(part);
    hash.update(`${bytes.length}:`).update(bytes);
  }
  return hash.digest('hex');
}
