/**
 * Files out of Debian packages that are downloaded and unpacked, not installed: no privilege, no change to the host.
 *
 * apt checks signatures and checksums of what it downloads; nothing here repeats that.
 */
import { mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describeError, HostError } from '../base/errors.ts';
import { runTool } from './run-tool.ts';

/** A package that apt can download. */
export interface DebianPackage {
  readonly name: string;
  readonly version: string;
  /** Size of the download in bytes. */
  readonly sizeBytes: number;
}

/** Where progress goes, a line at a time. */
export type ProgressLog = (line: string) => void;

const MIB = 1024 * 1024;

/**
 * Finds the candidate version of a package, or of the newest real package that a metapackage depends on.
 *
 * @param name package or metapackage.
 * @param dependency picks, out of a metapackage, the dependency that is meant; without it `name` itself is.
 * @throws ERR_PACKAGE_UNAVAILABLE when apt does not know it.
 */
export async function findPackage(name: string, dependency?: RegExp): Promise<DebianPackage> {
  const record = await showPackage(name);
  if (dependency === undefined) {
    return {
      name,
      version: fieldOf(record, 'Version'),
      sizeBytes: Number(fieldOf(record, 'Size')),
    };
  }
  const depends = fieldOf(record, 'Depends').split(',');
  const wanted = depends
    .map((entry) => entry.trim().replace(/ .*/, ''))
    .find((entry) => dependency.test(entry));
  if (wanted === undefined) {
    throw new HostError(
      'ERR_PACKAGE_UNAVAILABLE',
      `Debian package ${name} depends on nothing like ${dependency.source}`,
    );
  }
  return findPackage(wanted);
}

async function showPackage(name: string): Promise<string> {
  try {
    return (await runTool('apt-cache', ['show', '--no-all-versions', name])).toString('utf8');
  } catch (first) {
    if (process.getuid?.() === 0) {
      // A fresh machine has no package lists yet.
      await updatePackageLists();
      return (await runTool('apt-cache', ['show', '--no-all-versions', name])).toString('utf8');
    }
    throw unavailable(name, first);
  }
}

let listsUpdated = false;

async function updatePackageLists(): Promise<void> {
  if (!listsUpdated) {
    await runTool('apt-get', ['update', '-qq']);
    listsUpdated = true;
  }
}

function fieldOf(record: string, field: string): string {
  const line = record.split('\n').find((candidate) => candidate.startsWith(`${field}: `));
  return line === undefined ? '' : line.slice(field.length + 2);
}

/**
 * Downloads a package and unpacks it below `directory`.
 *
 * @param directory an existing directory of the caller's; the archive itself is left in it, too.
 * @returns the directory that is the root of the package's files.
 * @throws ERR_PACKAGE_UNAVAILABLE when it cannot be had, saying what to do.
 */
export async function unpackPackage(
  wanted: DebianPackage,
  directory: string,
  log: ProgressLog,
): Promise<string> {
  log(`downloading ${wanted.name} ${wanted.version} (${(wanted.sizeBytes / MIB).toFixed(1)} MiB)`);
  await download(wanted, directory);
  const archive = readdirSync(directory).find(
    (file) => file.startsWith(`${wanted.name}_`) && file.endsWith('.deb'),
  );
  if (archive === undefined) {
    throw unavailable(wanted.name, 'apt-get download left no archive');
  }
  const root = join(directory, `${wanted.name}.root`);
  mkdirSync(root);
  await runTool('dpkg', ['-x', join(directory, archive), root]);
  return root;
}

async function download(wanted: DebianPackage, directory: string): Promise<void> {
  // The sandbox user of apt could not write into a private directory; as root, apt would only warn about it.
  const args = ['download', '-o', 'APT::Sandbox::User=root', `${wanted.name}=${wanted.version}`];
  const options = { cwd: directory, showOutput: process.stderr.isTTY };
  try {
    await runTool('apt-get', args, options);
  } catch (first) {
    if (process.getuid?.() !== 0) {
      throw unavailable(wanted.name, first);
    }
    // The mirror may have moved on since the lists were fetched.
    await updatePackageLists();
    await runTool(
      'apt-get',
      ['download', '-o', 'APT::Sandbox::User=root', wanted.name],
      options,
    ).catch((second: unknown) => {
      throw unavailable(wanted.name, second);
    });
  }
}

function unavailable(name: string, cause: unknown): HostError {
  const remedy = 'run `apt-get update` as root and see that a Debian mirror can be reached';
  return new HostError(
    'ERR_PACKAGE_UNAVAILABLE',
    `the Debian package ${name} cannot be had; ${remedy} (${describeError(cause)})`,
  );
}
