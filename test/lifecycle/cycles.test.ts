/** Machines are started and stopped many times over: nothing of them stays, and none is slower for those before it. */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import tmp from 'tmp';
import { writePatternDisk } from '../guest/firmware/pattern.ts';
import { runCrosvm, SIGNS_OF_A_MISTAKE } from '../support/crosvm-process.ts';
import { findAlive, findHolders, listMounts } from '../support/process-tree.ts';
import { describeRun, startSmallGuest } from '../support/small-guest.ts';
import { kvmUnavailable } from '../support/tiny-machine.ts';

const skip = kvmUnavailable() ?? false;
const CYCLES = 200;
/** Machines at a time; one `crosvm stop` ends them all. */
const TOGETHER = 4;
const DISK_BYTES = 1 << 20;

t.test(`${CYCLES} machines are started and stopped, and nothing is left`, { skip }, async (t) => {
  const directory = tmp.dirSync({ unsafeCleanup: true });
  t.teardown(directory.removeCallback);
  const disks = Array.from({ length: TOGETHER }, (_, index) => {
    const path = join(directory.name, `disk${index}.img`);
    writePatternDisk(path, DISK_BYTES);
    return path;
  });
  const before = { files: readdirSync(directory.name), mounts: listMounts() };
  const leftovers: unknown[] = [];
  for (let cycle = 0; cycle < CYCLES; cycle += TOGETHER) {
    // The same disks every time: a machine that still held its lock would keep the next one from starting.
    const machines = disks.map((disk) =>
      startSmallGuest(t, { words: 'idle', args: ['--socket', directory.name, '--rwdisk', disk] }),
    );
    await Promise.all(machines.map((machine) => machine.waitFor('idle')));
    const processes = machines.flatMap((machine) => machine.descendants());
    if (processes.length < 2 * TOGETHER) {
      throw new Error(`${processes.length} device processes of ${TOGETHER} machines`);
    }
    const sockets = machines.map(({ pid }) => join(directory.name, `crosvm-${pid}.sock`));
    const stop = await runCrosvm(t, ['stop', ...sockets]);
    const ends = await Promise.all(machines.map((machine) => machine.end()));
    for (const end of [stop, ...ends]) {
      if (end.code !== 0 || SIGNS_OF_A_MISTAKE.test(end.stderr)) {
        throw new Error(`cycle ${cycle}: ${describeRun(end)}`);
      }
    }
    leftovers.push(...findAlive(processes));
  }
  t.same(leftovers, [], 'no process outlives its machine');
  t.same(findHolders(directory.name), [], 'no process holds a disk or a socket');
  t.same(readdirSync(directory.name), before.files, 'no socket file');
  t.same(listMounts(), before.mounts, 'no mount');
});
