import { existsSync } from 'node:fs';
import t from 'tap';
import { Fleet } from '../../../bench/support/fleet.ts';
import type { Command } from '../../../bench/support/run.ts';

/** Says what the guest says, and sleeps on; long enough for a test that waits to fail. */
const SLEEPER: Command = { program: '/bin/sh', args: ['-c', 'echo; echo idle; exec sleep 50'] };
const FAILING: Command = { program: '/bin/sh', args: ['-c', 'echo no luck; exit 3'] };

function alive(pids: readonly number[]): readonly number[] {
  return pids.filter((pid) => existsSync(`/proc/${pid}`));
}

t.test('Fleet.startAll returns when all sleep, and Fleet.stop leaves none of them', async (t) => {
  await using fleet = new Fleet();
  await fleet.startAll([SLEEPER, SLEEPER, SLEEPER], 2);
  const { pids, machines } = fleet;
  t.equal(machines.length, 3);
  t.equal(alive(pids).length, 3);
  t.ok(
    machines.every(({ firstByteMs }) => firstByteMs > 0),
    'each has told when it began',
  );
  const ms = await fleet.stop();
  t.ok(ms > 0 && ms < 30_000, `${ms} ms`);
  t.same(alive(pids), []);
});

t.test('Fleet.startAll tells what a machine said that ended, and starts no more', async (t) => {
  let pids: readonly number[] = [];
  {
    await using fleet = new Fleet();
    await t.rejects(fleet.startAll([SLEEPER, FAILING, SLEEPER, SLEEPER], 1), /no luck/);
    t.equal(fleet.machines.length, 2);
    pids = fleet.pids;
    t.equal(alive(pids).length, 1);
  }
  t.same(alive(pids), [], 'the end of the block has ended what still ran');
});

t.test('Fleet takes its listeners with it', async (t) => {
  const count = (): number => process.listenerCount('exit') + process.listenerCount('SIGTERM');
  const before = count();
  {
    await using fleet = new Fleet();
    t.equal(count(), before + 2);
    t.same(fleet.pids, []);
  }
  t.equal(count(), before);
});
