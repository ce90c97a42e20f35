/** Runs pieces of JavaScript in a real jail: the addon's options for a jail that holds Node and nothing else. */
import { closeSync, openSync, readSync } from 'node:fs';
import { callerIdentity, chooseIdentity } from '../../src/jail/identity.ts';
import { namespaceFlags } from '../../src/jail/namespaces.ts';
import { JAIL_ENVIRONMENT, JAILED_NODE, ROOT_SIZE_BYTES, rootMounts } from '../../src/jail/root.ts';
import { namespaceObstacle, readNamespaceSettings } from '../../src/jail/userns.ts';
import { type NativeSpawnOptions, spawnJailed, waitPid } from '../../src/sys/native.ts';
import { createPipe } from '../../src/sys/pipe.ts';

/** Value for tap's `skip`: why this host cannot make jails, or false. */
export function skipWithoutJails(): string | false {
  return namespaceObstacle(readNamespaceSettings()) ?? false;
}

const ALL_NAMESPACES = ['user', 'pid', 'mount', 'net', 'ipc', 'uts', 'cgroup'] as const;

/** Options that run `script` by `node -e` with nothing but standard input, output and error. */
export function jailedNodeOptions(
  script: string,
  output: number,
  overrides: Partial<NativeSpawnOptions> = {},
): NativeSpawnOptions {
  const { uidMap, gidMap, denySetgroups, uid, gid } = chooseIdentity(callerIdentity(), 0);
  return {
    uidMap,
    gidMap,
    denySetgroups,
    uid,
    gid,
    namespaces: namespaceFlags(ALL_NAMESPACES),
    hostname: 'device',
    stagingDirectory: '/tmp',
    rootSizeBytes: ROOT_SIZE_BYTES,
    mounts: rootMounts({ entry: '', mounts: [] }),
    rlimits: [],
    fds: [0, 1, 2].map((to) => ({ from: output, to })),
    path: JAILED_NODE,
    argv: [JAILED_NODE, '-e', script],
    env: JAIL_ENVIRONMENT,
    ...overrides,
  };
}

/** Everything that can be read from a descriptor before its end. */
export function readToEnd(fd: number): string {
  const chunk = Buffer.alloc(65536);
  let text = '';
  for (let count = readSync(fd, chunk); count > 0; count = readSync(fd, chunk)) {
    text += chunk.toString('utf8', 0, count);
  }
  return text;
}

/** How a jailed script went. */
export interface JailedRun {
  readonly output: string;
  readonly state: string;
  readonly status: number;
}

/** Runs a script in a jail to its end and returns what it wrote. */
export function runJailed(script: string, overrides: Partial<NativeSpawnOptions> = {}): JailedRun {
  const pipe = createPipe();
  const options = jailedNodeOptions(script, pipe.writeEnd.raw, overrides);
  const { pid, pidfd } = spawnJailed(options);
  closeSync(pidfd);
  pipe.writeEnd.close();
  const output = readToEnd(pipe.readEnd.raw);
  pipe.readEnd.close();
  return { output, ...waitPid(pid, false) };
}

/** Process ids of the children of this process that exist now, zombies included. */
export function childPids(): string[] {
  const tasks = openSync('/proc/thread-self/children', 'r');
  try {
    return readToEnd(tasks)
      .trim()
      .split(' ')
      .filter((pid) => pid !== '');
  } finally {
    closeSync(tasks);
  }
}
