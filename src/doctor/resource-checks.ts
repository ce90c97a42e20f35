/** Memory, limits and the runtime. */
import { type Check, type HostView, missing, ok, warn } from './check.ts';

const MIB_PER_KIB = 1 / 1024;
const MEMORY_WANTED_MIB = 1024;
const NODE_WANTED = [20, 19] as const;
const SHMEM_ENABLED = '/sys/kernel/mm/transparent_hugepage/shmem_enabled';

interface Limit {
  readonly name: string;
  /** As `/proc/self/limits` calls it. */
  readonly row: string;
  readonly wanted: number;
  readonly flag: string;
  readonly loss: string;
}

const LIMITS: readonly Limit[] = [
  {
    name: 'nofile',
    row: 'Max open files',
    wanted: 1024,
    flag: '-n',
    loss: 'machines with many devices and queues run out of descriptors',
  },
  {
    name: 'memlock',
    row: 'Max locked memory',
    wanted: 64 * 1024,
    flag: '-l',
    loss: 'io_uring cannot lock its rings on Linux before 5.12',
  },
  {
    name: 'nproc',
    row: 'Max processes',
    wanted: 512,
    flag: '-u',
    loss: 'device processes and their threads cannot be started',
  },
];

/** Memory that is free for guests. */
export function memoryCheck(host: HostView): Check {
  const text = host.read('/proc/meminfo') ?? '';
  const available = /^MemAvailable:\s+(\d+) kB/m.exec(text)?.[1];
  if (available === undefined) {
    return warn('memory', 'cannot be read from /proc/meminfo', 'mount /proc');
  }
  const mib = Math.floor(Number(available) * MIB_PER_KIB);
  return mib >= MEMORY_WANTED_MIB
    ? ok('memory', `${mib} MiB available`)
    : warn('memory', `only ${mib} MiB available: guests have to be small`, 'end other programs');
}

/** Huge pages for guest memory, which is shared memory. */
export function hugePageCheck(host: HostView): Check {
  const name = 'huge pages';
  const mode = /\[(\w+)\]/.exec(host.read(SHMEM_ENABLED) ?? '')?.[1];
  return mode === undefined || mode === 'never' || mode === 'deny'
    ? warn(
        name,
        'not for shared memory: the first touch of each page of a guest is slower',
        `echo advise > ${SHMEM_ENABLED}`,
      )
    : ok(name, `for shared memory: ${mode}`);
}

/** Soft limits of this process, which the machine's processes inherit. */
export function limitChecks(host: HostView): Check[] {
  const text = host.read('/proc/self/limits') ?? '';
  return LIMITS.map(({ name, row, wanted, flag, loss }) => {
    const soft = new RegExp(`^${row}\\s+(\\S+)`, 'm').exec(text)?.[1];
    const label = `limit ${name}`;
    if (soft === undefined) {
      return warn(label, 'cannot be read from /proc/self/limits', 'mount /proc');
    }
    return soft === 'unlimited' || Number(soft) >= wanted
      ? ok(label, soft)
      : warn(
          label,
          `${soft}, less than ${wanted}: ${loss}`,
          `ulimit ${flag} ${ulimitUnits(name, wanted)}`,
        );
  });
}

/** ulimit counts locked memory in KiB. */
function ulimitUnits(name: string, wanted: number): number {
  return name === 'memlock' ? wanted / 1024 : wanted;
}

/** @param version of `process.versions.node`. */
export function nodeCheck(version: string): Check {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const [wantedMajor, wantedMinor] = NODE_WANTED;
  const isEnough = major > wantedMajor || (major === wantedMajor && minor >= wantedMinor);
  const wanted = NODE_WANTED.join('.');
  return isEnough
    ? ok('node', version)
    : missing(
        'node',
        `${version}, older than ${wanted}: nothing is tested on it`,
        `install Node.js ${wanted} or later`,
      );
}
