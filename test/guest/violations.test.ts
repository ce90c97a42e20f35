/** Devices that meet a call which their policy does not allow, or die in another way: who is told, and what ends. */
import { cpSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { projectRoot } from '../../src/artifacts/sources.ts';
import { SIGNS_OF_A_MISTAKE } from '../support/crosvm-process.ts';
import { findAlive, listProcesses } from '../support/process-tree.ts';
import { describeRun, runSmallGuest, startSmallGuest } from '../support/small-guest.ts';
import { kvmUnavailable } from '../support/tiny-machine.ts';
import { writePatternDisk } from './firmware/pattern.ts';

const skip = kvmUnavailable() ?? false;
const POLICIES = join(projectRoot(import.meta.dirname), 'seccomp/x86_64');
const DISK_BYTES = 4 << 20;

interface TestDirectory {
  testdir(): string;
}

/** A copy of the policies in which these lines are missing. */
function policiesWithout(t: TestDirectory, file: string, lines: readonly RegExp[]): string {
  const directory = join(t.testdir(), 'policies');
  cpSync(POLICIES, directory, { recursive: true });
  const path = join(directory, file);
  let text = readFileSync(path, 'utf8');
  for (const line of lines) {
    if (!line.test(text)) {
      throw new Error(`${file} has no line ${String(line)}`);
    }
    text = text.replace(line, '');
  }
  writeFileSync(path, text);
  return directory;
}

t.test(
  'a disk without the calls for reading dies at the first read, and is named',
  { skip },
  async (t) => {
    const policies = policiesWithout(t, 'block_device.policy', [/^pread64: .*$/m, /^preadv: .*$/m]);
    const disk = join(t.testdirName, 'disk.img');
    writePatternDisk(disk, DISK_BYTES);
    const args = ['--seccomp-policy-dir', policies, '--disk', disk];
    const run = await runSmallGuest(t, { words: 'blk count=10', args });

    t.equal(run.code, 33, describeRun(run));
    t.match(run.stderr, /block vda tried pread(64|v)\(0x[0-9a-f]+, /, 'device, call and arguments');
    t.match(run.stderr, /block_device\.policy would have to say "pread(64|v): 1"/, 'file and line');
    t.notMatch(run.stderr, SIGNS_OF_A_MISTAKE);
  },
);

t.test('an entropy device without getrandom dies, and is named', { skip }, async (t) => {
  const policies = policiesWithout(t, 'rng_device.policy', [/^getrandom: .*$/m]);
  const run = await runSmallGuest(t, {
    words: 'rng bytes=64',
    args: ['--seccomp-policy-dir', policies],
  });
  t.equal(run.code, 33, describeRun(run));
  t.match(run.stderr, /rng tried getrandom\(.*rng_device\.policy would have to say "getrandom: 1"/);
  t.notMatch(run.stderr, SIGNS_OF_A_MISTAKE);
});

t.test(
  'without --extended-status a device that dies makes the exit code 1',
  { skip },
  async (t) => {
    const policies = policiesWithout(t, 'rng_device.policy', [/^getrandom: .*$/m]);
    const run = await runSmallGuest(t, {
      words: 'rng bytes=64',
      args: ['--seccomp-policy-dir', policies],
      extendedStatus: false,
    });
    t.equal(run.code, 1, describeRun(run));
  },
);

t.test('a device that may not wait for events starts no machine', { skip }, async (t) => {
  const policies = policiesWithout(t, 'common_device.policy', [
    /^epoll_wait: .*$/m,
    /^epoll_pwait: .*$/m,
  ]);
  const run = await runSmallGuest(t, {
    words: 'hello',
    args: ['--seccomp-policy-dir', policies],
  });
  t.not(run.code, 0, describeRun(run));
  t.not(run.code, 32, 'no guest ran to its end');
  t.match(run.stderr, /rng tried epoll_p?wait\(.*"epoll_p?wait: 1"/);
  t.notMatch(run.stdout, 'hello', 'no guest ran without its devices');
  t.notMatch(run.stderr, SIGNS_OF_A_MISTAKE);
});

t.test(
  'a policy that is missing or wrong is named, and no device runs without one',
  { skip },
  async (t) => {
    const missing = policiesWithout(t, 'rng_device.policy', []);
    rmSync(join(missing, 'rng_device.policy'));
    const wrong = `${missing}-wrong`;
    cpSync(POLICIES, wrong, { recursive: true });
    writeFileSync(join(wrong, 'rng_device.policy'), 'getrandom allow\n');
    for (const [policies, what] of [
      [missing, /rng_device\.policy/],
      [wrong, /rng_device\.policy\(1:11\)/],
    ] as const) {
      const run = await runSmallGuest(t, {
        words: 'hello',
        args: ['--seccomp-policy-dir', policies],
      });
      t.equal(run.code, 35, describeRun(run));
      t.match(run.stderr, what);
      t.notMatch(run.stdout, 'hello');
      t.notMatch(run.stderr, SIGNS_OF_A_MISTAKE);
    }
  },
);

t.test(
  'a device that is killed from outside ends its machine with a message',
  { skip },
  async (t) => {
    const machine = startSmallGuest(t, { words: 'idle' });
    await machine.waitFor('idle');
    const [device] = listProcesses().filter(
      ({ parent, command }) => parent === machine.pid && / rng$/.test(command),
    );
    const devices = machine.descendants();
    process.kill(device?.pid ?? 0, 'SIGKILL');
    const end = await machine.end();
    t.equal(end.code, 33, describeRun(end));
    t.match(end.stderr, new RegExp(`device rng \\(pid ${device?.pid}\\) was killed by signal 9`));
    t.same(findAlive(devices), [], 'no process is left');
  },
);
