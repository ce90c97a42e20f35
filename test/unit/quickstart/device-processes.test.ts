import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { findDeviceProcesses, NAMESPACES } from '../../../src/quickstart/device-processes.ts';

interface FakeProcess {
  readonly parent: number;
  readonly command: readonly string[];
  readonly namespaceIds: string;
  readonly threads: readonly string[];
}

/** One process of a made-up /proc, to be passed to t.testdir. */
function fakeProcess(
  t: Tap,
  { parent, command, namespaceIds, threads }: FakeProcess,
): Record<string, unknown> {
  return {
    status: `Name:\tnode\nPPid:\t${parent}\nNoNewPrivs:\t1\n`,
    cmdline: `${command.join('\0')}\0`,
    smaps_rollup: 'Private_Clean:      100 kB\nPrivate_Dirty:     6044 kB\n',
    ns: Object.fromEntries(
      NAMESPACES.map((name) => [name, t.fixture('symlink', `${name}:[${namespaceIds}]`)]),
    ),
    task: Object.fromEntries(threads.map((status, index) => [String(index), { status }])),
  };
}

type Tap = Pick<Test, 'testdir' | 'fixture'>;
const JAILED = 'CapEff:\t0000000000000000\nCapBnd:\t0000000000000000\nSeccomp:\t2\n';
const UNJAILED = 'CapEff:\t0000000000000000\nCapBnd:\t00000000a80425fb\nSeccomp:\t0\n';
const BLOCK = ['/node', '--jitless', '/app/device-host.cjs', 'block'];

function fakeProc(t: Tap, processes: Record<string, FakeProcess>): string {
  const entries = Object.entries(processes).map(([pid, fake]) => [pid, fakeProcess(t, fake)]);
  const self = fakeProcess(t, { parent: 1, command: [], namespaceIds: '1', threads: [] });
  // CAST: the shape that t.testdir takes, built entry by entry.
  return t.testdir({ ...Object.fromEntries(entries), self } as Parameters<Tap['testdir']>[0]);
}

t.test('findDeviceProcesses describes the device processes of one parent', async (t) => {
  const proc = fakeProc(t, {
    20: { parent: 10, command: BLOCK, namespaceIds: '2', threads: [JAILED, JAILED] },
    21: { parent: 10, command: ['/bin/sh'], namespaceIds: '1', threads: [UNJAILED] },
    22: { parent: 11, command: BLOCK, namespaceIds: '2', threads: [JAILED] },
  });
  t.same(findDeviceProcesses(10, proc), [
    {
      device: 'block',
      pid: 20,
      ownNamespaces: NAMESPACES,
      capabilities: '0000000000000000',
      threads: 2,
      filteredThreads: 2,
      noNewPrivileges: true,
      privateKib: 6144,
    },
  ]);
});

t.test(
  'findDeviceProcesses shows a thread without a filter and a capability left over',
  async (t) => {
    const proc = fakeProc(t, {
      20: { parent: 10, command: BLOCK, namespaceIds: '1', threads: [JAILED, UNJAILED] },
    });
    t.match(findDeviceProcesses(10, proc), [
      { ownNamespaces: [], capabilities: '00000000a80425fb', threads: 2, filteredThreads: 1 },
    ]);
  },
);

t.test('findDeviceProcesses leaves out a process that has gone', async (t) => {
  const proc = t.testdir({ 20: {}, self: { ns: {} } });
  t.same(findDeviceProcesses(10, proc), []);
});

/** Starts a script in the place of a device process; it says when it is up. */
async function startEntry(directory: string): Promise<ChildProcess> {
  const child = spawn(process.execPath, [join(directory, 'host.js'), 'rng']);
  await once(child.stdout, 'data');
  return child;
}

t.test('findDeviceProcesses sees in the real /proc that a process has no jail', async (t) => {
  const script = "console.log('up'); setInterval(() => {}, 1000)";
  const child = await startEntry(t.testdir({ 'host.js': script }));
  t.teardown(() => child.kill());
  const [found, ...others] = findDeviceProcesses(process.pid);
  t.same(others, []);
  t.match(found, { device: 'rng', pid: child.pid, ownNamespaces: [], filteredThreads: 0 });
  t.ok(found !== undefined && found.threads > 1 && found.privateKib > 1024);
});
