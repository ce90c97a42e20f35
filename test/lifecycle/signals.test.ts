/** Signals end a machine in order, whatever it is doing. */
import { readdirSync } from 'node:fs';
import { constants } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import t from 'tap';
import tmp from 'tmp';
import { SIGNS_OF_A_MISTAKE } from '../support/crosvm-process.ts';
import { findAlive, listMounts } from '../support/process-tree.ts';
import { describeRun, SANDBOX_MODES, startSmallGuest } from '../support/small-guest.ts';
import { kvmUnavailable } from '../support/tiny-machine.ts';

const skip = kvmUnavailable() ?? false;
const SIGNALS = ['SIGTERM', 'SIGINT', 'SIGHUP', 'SIGQUIT'] as const;
const INTERRUPTIONS = 12;
const START_MAX_MS = 1200;

function makeDirectory(t: { teardown(action: () => void): void }): string {
  const directory = tmp.dirSync({ unsafeCleanup: true });
  t.teardown(directory.removeCallback);
  return directory.name;
}

for (const { name, args } of SANDBOX_MODES) {
  t.test(
    `a running machine ${name} ends by a signal with 128 + its number`,
    { skip },
    async (t) => {
      const directory = makeDirectory(t);
      await Promise.all(
        SIGNALS.map(async (signal) => {
          const machine = startSmallGuest(t, {
            words: 'idle',
            args: [...args, '--socket', directory],
          });
          await machine.waitFor('idle');
          const processes = machine.descendants();
          machine.signal(signal);
          const end = await machine.end();
          t.equal(end.code, 128 + constants.signals[signal], describeRun(end));
          t.match(end.stderr, `ended by ${signal}`);
          t.notMatch(end.stderr, SIGNS_OF_A_MISTAKE);
          t.same(findAlive(processes), [], 'no process is left');
        }),
      );
      t.same(readdirSync(directory), [], 'no socket is left');
    },
  );
}

t.test(
  'a machine that is being started ends by a signal, and nothing is left',
  { skip },
  async (t) => {
    const directory = makeDirectory(t);
    const mounts = listMounts();
    const problems: string[] = [];
    for (let count = 0; count < INTERRUPTIONS; count++) {
      const machine = startSmallGuest(t, { words: 'idle', args: ['--socket', directory] });
      await sleep((START_MAX_MS * count) / INTERRUPTIONS);
      const processes = machine.descendants();
      machine.signal('SIGTERM');
      const end = await machine.end();
      const left = [...findAlive(processes), ...readdirSync(directory)];
      if (end.code !== 143 || left.length > 0 || SIGNS_OF_A_MISTAKE.test(end.stderr)) {
        problems.push(`${JSON.stringify(left)} ${describeRun(end)}`);
      }
    }
    t.same(problems, []);
    t.same(listMounts(), mounts);
  },
);

t.test('a second signal does not end it out of order', { skip }, async (t) => {
  const directory = makeDirectory(t);
  const machine = startSmallGuest(t, { words: 'idle', args: ['--socket', directory] });
  await machine.waitFor('idle');
  const processes = machine.descendants();
  machine.signal('SIGTERM');
  machine.signal('SIGINT');
  const end = await machine.end();
  t.ok([130, 143].includes(end.code), describeRun(end));
  t.same(findAlive(processes), []);
  t.same(readdirSync(directory), []);
});
