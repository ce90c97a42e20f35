/** The parent is killed at any moment, without a chance to clean up: everything else ends by itself. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import t from 'tap';
import tmp from 'tmp';
import { writePatternDisk } from '../guest/firmware/pattern.ts';
import { CROSVM, TIMEOUT_MS } from '../support/crosvm-process.ts';
import { findAlive, findHolders, listMounts, listProcesses } from '../support/process-tree.ts';
import { smallGuestImage, startSmallGuest } from '../support/small-guest.ts';
import { spawnOnTerminal, terminalUnavailable } from '../support/terminal-session.ts';
import { kvmUnavailable } from '../support/tiny-machine.ts';

const skip = kvmUnavailable() ?? false;
const KILLS = 50;
/** A machine is up after some 500 ms, on a busy host after 2000. */
const MOMENT_MAX_MS = 2000;
/** How long the rest may take to notice, on a busy host. */
const GRACE_MS = 20_000;
const DISK_BYTES = 1 << 20;

/** Waits until a condition holds; false when it does not within {@link GRACE_MS}. */
async function comesTrue(condition: () => boolean): Promise<boolean> {
  const deadline = performance.now() + GRACE_MS;
  while (!condition()) {
    if (performance.now() > deadline) {
      return false;
    }
    await sleep(10);
  }
  return true;
}

t.test(
  `${KILLS} machines are killed at random moments, and nothing is left`,
  { skip },
  async (t) => {
    const directory = tmp.dirSync({ unsafeCleanup: true });
    t.teardown(directory.removeCallback);
    const disk = join(directory.name, 'disk.img');
    writePatternDisk(disk, DISK_BYTES);
    const before = { files: readdirSync(directory.name), mounts: listMounts() };
    smallGuestImage();
    const moments = Array.from({ length: KILLS }, () => Math.random() * MOMENT_MAX_MS);
    const problems: string[] = [];
    let withDevices = 0;
    let running = 0;
    for (const moment of moments) {
      const args = ['--socket', directory.name, '--rwdisk', disk];
      const machine = startSmallGuest(t, { words: 'idle', args });
      await sleep(moment);
      // Stopped first, so that it starts no further process between the look at them and its end.
      machine.signal('SIGSTOP');
      await comesTrue(() => findAlive([machine.pid]).every(({ state }) => state === 'T'));
      const processes = machine.descendants();
      withDevices += processes.length > 0 ? 1 : 0;
      running += machine.stdout.includes('idle') ? 1 : 0;
      machine.signal('SIGKILL');
      const { code } = await machine.end();
      if (code !== 128 + 9) {
        problems.push(`at ${moment} ms: it ended before, with ${code}: ${machine.describe()}`);
      }
      const isGone = await comesTrue(() => findAlive(processes).length === 0);
      const isClean = await comesTrue(
        () => readdirSync(directory.name).length === before.files.length,
      );
      if (!isGone || !isClean) {
        const left = JSON.stringify([findAlive(processes), readdirSync(directory.name)]);
        problems.push(`at ${moment} ms: ${left}`);
      }
    }
    t.same(problems, []);
    t.ok(withDevices > KILLS / 4, `${withDevices} were killed with device processes`);
    t.ok(running > 0, `${running} were killed with their guests running`);
    t.same(findHolders(directory.name), [], 'no process holds a disk or a socket');
    t.same(readdirSync(directory.name), before.files);
    t.same(listMounts(), before.mounts);
  },
);

t.test(
  'the terminal of a killed machine is as it was',
  { skip: skip || (terminalUnavailable() ?? false) },
  async (t) => {
    const directory = tmp.dirSync({ unsafeCleanup: true });
    t.teardown(directory.removeCallback);
    const file = (name: string): string => join(directory.name, name);
    const run = `'${process.execPath}' '${CROSVM}' run --params idle '${smallGuestImage()}'`;
    const session = spawnOnTerminal(
      t,
      [
        `stty -g >${file('before')}`,
        run,
        `for i in 1 2 3 4 5 6 7 8 9 10; do`,
        `  stty -g >${file('after')}; cmp -s ${file('before')} ${file('after')} && break; sleep 1`,
        `done; echo the end`,
      ].join('\n'),
    );
    await session.waitFor('idle', TIMEOUT_MS);
    const machine = listProcesses().find(
      ({ parent, command }) => session.isShell(parent) && command.includes(CROSVM),
    );
    t.ok(machine, 'the machine is a child of the shell on the terminal');
    t.not(session.mode(), readFileSync(file('before'), 'utf8').trim(), 'raw while the guest runs');
    process.kill(machine?.pid ?? 0, 'SIGKILL');
    await session.waitFor('the end', GRACE_MS);
    t.ok(existsSync(file('after')));
    t.equal(readFileSync(file('after'), 'utf8'), readFileSync(file('before'), 'utf8'));
  },
);
