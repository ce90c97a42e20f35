/** From what commander found on the command line of `crosvm run` to a checked {@link VmConfig}. */
import { statSync } from 'node:fs';
import { ConfigError } from '../base/errors.ts';
import { MIB } from '../memory/layout.ts';
import {
  type DeviceConfig,
  diskName,
  MEMORY_MIB_MAX,
  MEMORY_MIB_MIN,
  VCPU_COUNT_MAX,
  type VmConfig,
} from '../vmm/config.ts';
import { parseInteger, parseKeyValues } from './key-value.ts';
import { parseSerials } from './serial-option.ts';

/** One disk option, in the order of the command line. */
export interface DiskArgument {
  /** The option as it was written, `--rwdisk` for example. */
  readonly option: string;
  readonly value: string;
}

/** The options of `crosvm run` as text. */
export interface RunArguments {
  readonly kernel: string;
  readonly cpus?: string;
  readonly mem?: string;
  readonly params: readonly string[];
  readonly initrd?: string;
  readonly disks: readonly DiskArgument[];
  readonly serial: readonly string[];
  readonly socket?: string;
  readonly rng: boolean;
  readonly sandbox: boolean;
  readonly seccompPolicyDir?: string;
}

const BLOCK_KEYS = {
  path: 'text',
  ro: 'flag',
  root: 'flag',
  sparse: 'flag',
  'block-size': 'integer',
  id: 'text',
  direct: 'flag',
  lock: 'flag',
  queues: 'integer',
} as const;

/** What the options that crosvm has had since 2019 mean in terms of `--block`. */
const DISK_OPTIONS: Readonly<Record<string, { readonly ro: boolean; readonly root: boolean }>> = {
  '--root': { ro: true, root: true },
  '--rwroot': { ro: false, root: true },
  '--disk': { ro: true, root: false },
  '--rwdisk': { ro: false, root: false },
};

function requireFile(option: string, path: string, what: string): void {
  const stat = statSync(path, { throwIfNoEntry: false });
  if (stat === undefined) {
    throw new ConfigError(
      'ERR_FILE_MISSING',
      `${option} ${path}: this ${what} path does not exist`,
    );
  }
  if (stat.isDirectory()) {
    throw new ConfigError(
      'ERR_FILE_KIND',
      `${option} ${path}: this is a directory; ${what} must be a file`,
    );
  }
}

function requireDirectory(option: string, path: string): void {
  if (statSync(path, { throwIfNoEntry: false })?.isDirectory() !== true) {
    throw new ConfigError('ERR_FILE_MISSING', `${option} ${path}: there is no such directory`);
  }
}

function parseCount(
  option: string,
  name: string,
  text: string,
  range: { readonly min: number; readonly max: number; readonly unit: string },
): number {
  // crosvm also takes the value under its key: `--mem size=512`.
  const bare = text.startsWith(`${name}=`) ? text.slice(name.length + 1) : text;
  const value = parseInteger(bare);
  if (value === undefined || value < range.min || value > range.max) {
    throw new ConfigError(
      'ERR_OPTION_VALUE',
      `${option} ${text}: must be a whole number of ${range.unit} from ${range.min} to ${range.max}`,
    );
  }
  return value;
}

interface Disk {
  readonly option: string;
  readonly root: boolean;
  readonly readOnly: boolean;
  readonly options: Readonly<Record<string, unknown>>;
}

function parseDisk({ option, value }: DiskArgument): Disk {
  const legacy = DISK_OPTIONS[option];
  const keys = legacy === undefined ? parseKeyValues(option, value, BLOCK_KEYS) : { path: value };
  const path = keys.path;
  if (path === undefined) {
    throw new ConfigError('ERR_OPTION_VALUE', `${option} ${value}: missing field "path"`);
  }
  requireFile(option, path, 'disk');
  const readOnly = legacy?.ro ?? keys.ro ?? false;
  return {
    option: `${option} ${value}`,
    root: legacy?.root ?? keys.root ?? false,
    readOnly,
    options: {
      path,
      readOnly,
      ...(keys.sparse !== undefined && { sparse: keys.sparse }),
      ...(keys['block-size'] !== undefined && { blockSize: keys['block-size'] }),
      ...(keys.id !== undefined && { id: keys.id }),
      ...(keys.direct !== undefined && { direct: keys.direct }),
      ...(keys.lock !== undefined && { lock: keys.lock }),
      ...(keys.queues !== undefined && { queues: keys.queues }),
    },
  };
}

function parseDisks(args: readonly DiskArgument[]): Pick<VmConfig, 'devices' | 'root'> {
  const disks = args.map(parseDisk);
  const roots = disks.flatMap((disk, index) => (disk.root ? [{ disk, index }] : []));
  const second = roots[1];
  if (second !== undefined) {
    throw new ConfigError(
      'ERR_OPTION_CONFLICT',
      `${second.disk.option}: only one root disk can be specified`,
    );
  }
  const devices = disks.map(
    (disk, index): DeviceConfig => ({
      kind: 'block',
      label: diskName(index),
      options: disk.options,
    }),
  );
  const first = roots[0];
  return {
    devices,
    ...(first && {
      root: { device: `/dev/${diskName(first.index)}`, readOnly: first.disk.readOnly },
    }),
  };
}

/**
 * Checks everything that can be checked without starting anything.
 *
 * @throws ConfigError naming the option or file, what was wrong and what would be right.
 */
export function parseRunArguments(args: RunArguments): VmConfig {
  requireFile('KERNEL', args.kernel, 'kernel');
  if (args.initrd !== undefined) {
    requireFile('--initrd', args.initrd, 'initrd');
  }
  if (args.seccompPolicyDir !== undefined) {
    requireDirectory('--seccomp-policy-dir', args.seccompPolicyDir);
  }
  const vcpus = { min: 1, max: VCPU_COUNT_MAX, unit: 'vCPUs' };
  const mebibytes = { min: MEMORY_MIB_MIN, max: MEMORY_MIB_MAX, unit: 'MiB' };
  const { devices, root } = parseDisks(args.disks);
  return {
    kernelPath: args.kernel,
    ...(args.initrd !== undefined && { initrdPath: args.initrd }),
    params: args.params,
    vcpuCount: parseCount('--cpus', 'num-cores', args.cpus ?? '1', vcpus),
    memoryBytes: parseCount('--mem', 'size', args.mem ?? '256', mebibytes) * MIB,
    devices: args.rng ? [...devices, { kind: 'rng', label: 'rng', options: {} }] : devices,
    ...(root && { root }),
    serial: parseSerials(args.serial),
    ...(args.socket !== undefined && { socketPath: args.socket }),
    sandbox: args.sandbox,
    ...(args.seccompPolicyDir !== undefined && { seccompPolicyDirectory: args.seccompPolicyDir }),
  };
}
