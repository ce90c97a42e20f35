/** Runs Debian's tools as child processes; knows which package brings which tool. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { HostError } from '../base/errors.ts';

/** Which Debian package brings a tool that this project runs. */
const PACKAGE_OF_TOOL: Readonly<Record<string, string>> = {
  'apt-cache': 'apt',
  'apt-get': 'apt',
  dpkg: 'dpkg',
  lz4: 'lz4',
  mksquashfs: 'squashfs-tools',
  'mkfs.ext4': 'e2fsprogs',
  'qemu-system-x86_64': 'qemu-system-x86',
  setpriv: 'util-linux',
  xz: 'xz-utils',
  zstd: 'zstd',
};

/** How to run a tool. */
export interface RunToolOptions {
  /** Working directory; the caller's by default. */
  readonly cwd?: string;
  /** Bytes for its standard input, which is empty by default. */
  readonly input?: Uint8Array;
  /** Shows its standard output on our standard error instead of returning it: progress for a user. */
  readonly showOutput?: boolean;
}

/**
 * Runs a tool to its end and returns what it wrote to standard output.
 *
 * @throws ERR_TOOL_MISSING when it is not installed, naming the Debian package that brings it.
 * @throws ERR_TOOL_FAILED when it ends with anything but 0, with the end of what it said.
 */
export async function runTool(
  tool: string,
  args: readonly string[],
  options: RunToolOptions = {},
): Promise<Buffer> {
  const child = spawn(tool, args, {
    cwd: options.cwd,
    // Tools of the administrator (mkfs) are not on every user's path; messages stay in one language.
    env: { ...process.env, PATH: `${process.env['PATH'] ?? ''}:/usr/sbin:/sbin`, LC_ALL: 'C' },
    stdio: ['pipe', options.showOutput === true ? 2 : 'pipe', 'pipe'],
  });
  const output: Buffer[] = [];
  const complaints: Buffer[] = [];
  child.stdout?.on('data', (chunk: Buffer) => output.push(chunk));
  child.stderr?.on('data', (chunk: Buffer) => complaints.push(chunk));
  // A tool that ends before it has read everything tells why by its exit status.
  child.stdin?.on('error', () => undefined);
  child.stdin?.end(options.input);
  await waitForEnd(tool, child, complaints);
  return Buffer.concat(output);
}

async function waitForEnd(
  tool: string,
  child: ReturnType<typeof spawn>,
  complaints: readonly Buffer[],
): Promise<void> {
  try {
    await once(child, 'close');
  } catch (cause) {
    const owner = PACKAGE_OF_TOOL[tool] ?? tool;
    throw new HostError(
      'ERR_TOOL_MISSING',
      `${tool} cannot be run; install it with: apt-get install ${owner}`,
      { cause },
    );
  }
  if (child.exitCode !== 0) {
    const reason = Buffer.concat(complaints)
      .toString('utf8')
      .trim()
      .split('\n')
      .slice(-5)
      .join('\n');
    const ending = child.signalCode ?? `status ${child.exitCode ?? -1}`;
    throw new HostError('ERR_TOOL_FAILED', `${tool} ended with ${ending}: ${reason}`);
  }
}
