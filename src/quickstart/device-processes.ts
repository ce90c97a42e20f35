/**
 * Looks at the jailed device processes of a running machine from outside, in /proc: what the kernel says of them, not
 * what this program asked for.
 */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';

/** Name of a namespace in /proc/PID/ns. */
export const NAMESPACES = ['user', 'pid', 'mnt', 'net', 'ipc', 'uts', 'cgroup'] as const;
export type Namespace = (typeof NAMESPACES)[number];

/** One device process. */
export interface DeviceProcess {
  readonly device: string;
  readonly pid: number;
  /** The namespaces that are not the observer's. */
  readonly ownNamespaces: readonly Namespace[];
  /** The union of its capability sets, as a bit mask in hexadecimal; all zeros for none. */
  readonly capabilities: string;
  readonly threads: number;
  /** Threads under a seccomp filter. */
  readonly filteredThreads: number;
  readonly noNewPrivileges: boolean;
  /** Memory that no other process maps, in KiB. */
  readonly privateKib: number;
}

const SECCOMP_MODE_FILTER = '2';
const CAPABILITY_SETS = ['CapInh', 'CapPrm', 'CapEff', 'CapBnd', 'CapAmb'] as const;
/** The script of every device process, bundled or not; its first argument is the kind of device. */
const DEVICE_ENTRY = /[/-]host\.c?js$/;

/**
 * The device processes among the children of a process, in the order of their ids. One that ends meanwhile is left
 * out.
 *
 * @param parent id of the `crosvm run` process.
 * @param proc the proc file system; another directory in tests.
 */
export function findDeviceProcesses(parent: number, proc = '/proc'): DeviceProcess[] {
  const pids = readdirSync(proc).map(Number).filter(Number.isInteger);
  return pids
    .sort((one, other) => one - other)
    .flatMap((pid) => {
      try {
        const found = inspect(pid, parent, proc);
        return found === undefined ? [] : [found];
      } catch {
        return [];
      }
    });
}

function inspect(pid: number, parent: number, proc: string): DeviceProcess | undefined {
  const directory = join(proc, String(pid));
  const status = readStatus(directory);
  if (status.get('PPid') !== String(parent)) {
    return undefined;
  }
  const device = deviceOf(readFileSync(join(directory, 'cmdline'), 'utf8').split('\0'));
  return device === undefined ? undefined : describe(device, pid, proc, status);
}

/** The argument after the entry script. */
function deviceOf(args: readonly string[]): string | undefined {
  const entry = args.findIndex((argument) => DEVICE_ENTRY.test(argument));
  return entry === -1 ? undefined : args[entry + 1];
}

function describe(
  device: string,
  pid: number,
  proc: string,
  status: ReadonlyMap<string, string>,
): DeviceProcess {
  const directory = join(proc, String(pid));
  const threads = readdirSync(join(directory, 'task')).map((thread) =>
    readStatus(join(directory, 'task', thread)),
  );
  return {
    device,
    pid,
    ownNamespaces: NAMESPACES.filter(
      (name) => readNamespace(directory, name) !== readNamespace(join(proc, 'self'), name),
    ),
    capabilities: unionOfCapabilities(threads),
    threads: threads.length,
    filteredThreads: threads.filter((thread) => thread.get('Seccomp') === SECCOMP_MODE_FILTER)
      .length,
    noNewPrivileges: status.get('NoNewPrivs') === '1',
    privateKib: readPrivateKib(directory),
  };
}

function readNamespace(directory: string, name: Namespace): string {
  return readlinkSync(join(directory, 'ns', name));
}

function unionOfCapabilities(threads: readonly ReadonlyMap<string, string>[]): string {
  let union = 0n;
  for (const status of threads) {
    for (const set of CAPABILITY_SETS) {
      union |= BigInt(`0x${status.get(set) ?? '0'}`);
    }
  }
  return union.toString(16).padStart(16, '0');
}

function readPrivateKib(directory: string): number {
  const rollup = readFields(join(directory, 'smaps_rollup'));
  const kib = (name: string): number => Number.parseInt(rollup.get(name) ?? '0', 10);
  return kib('Private_Clean') + kib('Private_Dirty');
}

function readStatus(directory: string): Map<string, string> {
  return readFields(join(directory, 'status'));
}

/** Lines of the form `Name: value`. */
function readFields(file: string): Map<string, string> {
  const fields = new Map<string, string>();
  for (const line of readFileSync(file, 'utf8').split('\n')) {
    const colon = line.indexOf(':');
    if (colon !== -1) {
      fields.set(line.slice(0, colon), line.slice(colon + 1).trim());
    }
  }
  return fields;
}
