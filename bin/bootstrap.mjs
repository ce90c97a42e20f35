// @ts-check
/**
 * Makes a fresh clone ready: checks Node, installs the Debian packages and the npm packages that are missing. Each step
 * says what it does, and does nothing when there is nothing to do.
 *
 * Plain JavaScript on Node's own modules, because it runs before anything is installed or built.
 */
import { spawnSync } from 'node:child_process';
import { accessSync, constants, existsSync, readFileSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';

export const PROJECT = dirname(import.meta.dirname);

/** Which Debian package brings a tool, and what for. */
const TOOLS = {
  gcc: 'gcc',
  'g++': 'g++',
  lz4: 'lz4',
  mksquashfs: 'squashfs-tools',
  'mkfs.ext4': 'e2fsprogs',
  'qemu-system-x86_64': 'qemu-system-x86',
};

/** More than any of the commands here writes. */
const OUTPUT_LIMIT_BYTES = 64 * 1024 * 1024;

/** What building the project takes. */
export const BUILD_TOOLS = /** @type {const} */ (['gcc', 'g++']);
/** What making the guest's disks takes. */
export const IMAGE_TOOLS = /** @type {const} */ (['lz4', 'mksquashfs', 'mkfs.ext4']);
/** What emulating a host takes. */
const NESTED_HOST_TOOLS = /** @type {const} */ (['qemu-system-x86_64']);

/**
 * What a machine takes that cannot run Linux on its own KVM, as far as that can be told before anything is built:
 * whoever has to ask an administrator shall have to ask only once.
 */
export function nestedHostTools() {
  const isHardwareKvm = ['kvm_intel', 'kvm_amd'].some((name) => existsSync(`/sys/module/${name}`));
  return isHardwareKvm && mayOpenKvm() ? [] : NESTED_HOST_TOOLS;
}

function mayOpenKvm() {
  try {
    accessSync('/dev/kvm', constants.R_OK | constants.W_OK);
    return true;
  } catch {
    return false;
  }
}

/** A reason to end that the user can do something about; shown without a stack. */
export class SetupError extends Error {}

/** @param {string} line */
export function say(line) {
  process.stderr.write(`setup: ${line}\n`);
}

/**
 * Runs a command in the project. On a terminal its output shows, as progress; elsewhere only that of a failure does.
 *
 * @param {string} command
 * @param {readonly string[]} args
 */
export function run(command, args) {
  const output = process.stderr.isTTY ? 2 : 'pipe';
  const { status, error, signal, stdout, stderr } = spawnSync(command, args, {
    cwd: PROJECT,
    stdio: ['ignore', output, output],
    encoding: 'utf8',
    maxBuffer: OUTPUT_LIMIT_BYTES,
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
  });
  if (status !== 0) {
    process.stderr.write(`${stdout ?? ''}${stderr ?? ''}`);
    const reason = error?.message ?? signal ?? `status ${status}`;
    throw new SetupError(`${command} ${args.join(' ')} failed (${reason})`);
  }
}

/** @throws {SetupError} when this is not a machine that the project runs on. */
export function checkPlatform() {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  if (major < 20 || (major === 20 && minor < 19)) {
    throw new SetupError(`Node 20.19 or later is needed; this is ${process.version}`);
  }
  if (process.platform !== 'linux' || process.arch !== 'x64') {
    throw new SetupError(
      `Linux on x86-64 is needed; this is ${process.platform} on ${process.arch}`,
    );
  }
}

/** @param {string} tool */
function isInstalled(tool) {
  const path = `${process.env.PATH ?? ''}:/usr/sbin:/sbin`;
  return path.split(delimiter).some((directory) => existsSync(join(directory, tool)));
}

/**
 * Installs the Debian packages of the tools that are missing.
 *
 * @param {readonly (keyof typeof TOOLS)[]} tools
 * @throws {SetupError} naming the command that does it, when this user may not.
 */
export function ensureTools(tools) {
  const packages = tools.filter((tool) => !isInstalled(tool)).map((tool) => TOOLS[tool]);
  if (packages.length === 0) {
    return;
  }
  const install = ['install', '--yes', '--no-install-recommends', ...packages];
  if (process.getuid?.() !== 0) {
    const command = `apt-get update && apt-get ${install.join(' ')}`;
    throw new SetupError(`missing here: ${packages.join(', ')}. As root, run: ${command}`);
  }
  say(`installing the Debian packages ${packages.join(', ')}`);
  run('apt-get', ['update', '-qq']);
  run('apt-get', [...install, '-qq']);
}

/** Installs the npm packages when those in node_modules are not the ones of the lock file. */
export function ensureNodeModules() {
  if (!areNodeModulesCurrent()) {
    say('installing the npm packages (npm ci)');
    run('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error']);
  }
}

function areNodeModulesCurrent() {
  const installed = readLock(join(PROJECT, 'node_modules/.package-lock.json'));
  const wanted = readLock(join(PROJECT, 'package-lock.json'));
  return Object.entries(wanted).every(([path, entry]) => {
    // The project itself; packages for other systems are left out by npm.
    const isLeftOut = path === '' || entry.optional === true;
    return isLeftOut || installed[path]?.version === entry.version;
  });
}

/**
 * @param {string} file
 * @returns {Record<string, {version?: string, optional?: boolean}>}
 */
function readLock(file) {
  return existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')).packages : {};
}

/**
 * Runs a script of bin/: its result is the exit status, and a {@link SetupError} is told in one line.
 *
 * @param {() => Promise<number | void>} main
 */
export async function runScript(main) {
  try {
    process.exitCode = (await main()) ?? process.exitCode ?? 0;
  } catch (error) {
    if (!(error instanceof SetupError)) {
      throw error;
    }
    say(error.message);
    process.exitCode = 1;
  }
}
