import { setTimeout as sleep } from 'node:timers/promises';
import t from 'tap';
import {
  activityBetween,
  cpuNsOf,
  sleepsOf,
  snapshotActivity,
} from '../../../bench/support/activity.ts';

/** A process that is not there: above the kernel's highest process id. */
const GONE = 2 ** 22 + 1;

t.test('cpuNsOf and sleepsOf read what the kernel writes, and refuse what it does not', (t) => {
  t.equal(cpuNsOf('123456 789 10\n'), 123_456);
  t.throws(() => cpuNsOf(''), /no schedstat/);
  t.throws(() => cpuNsOf('on\n'), /no schedstat/);
  const status = 'Name:\tnode\nvoluntary_ctxt_switches:\t17\nnonvoluntary_ctxt_switches:\t4\n';
  t.equal(sleepsOf(status), 17);
  t.throws(() => sleepsOf('Name:\tnode\n'), /voluntary_ctxt_switches/);
  t.end();
});

t.test(
  'activityBetween counts threads that are new and leaves out threads that did nothing',
  (t) => {
    const before = new Map([
      ['1/1', { label: '1/1 quiet', cpuNs: 5e6, sleeps: 3 }],
      ['1/2', { label: '1/2 busy', cpuNs: 1e6, sleeps: 1 }],
    ]);
    const after = new Map([
      ['1/1', { label: '1/1 quiet', cpuNs: 5e6, sleeps: 3 }],
      ['1/2', { label: '1/2 busy', cpuNs: 4e6, sleeps: 2 }],
      ['1/3', { label: '1/3 new', cpuNs: 1e6, sleeps: 5 }],
    ]);
    t.strictSame(activityBetween(before, after), {
      cpuMs: 4,
      wakeUps: 6,
      threads: ['1/2 busy: 3.000 ms, 1 wake-ups', '1/3 new: 1.000 ms, 5 wake-ups'],
    });
    t.end();
  },
);

t.test(
  'snapshotActivity sees this process sleep and work, and nothing of one that is gone',
  async (t) => {
    const before = snapshotActivity([process.pid, GONE]);
    await sleep(20);
    const start = process.cpuUsage();
    let spentMicros = 0;
    while (spentMicros < 50_000) {
      const { user, system } = process.cpuUsage(start);
      spentMicros = user + system;
    }
    const { cpuMs, wakeUps } = activityBetween(before, snapshotActivity([process.pid]));
    t.ok(before.size > 1, 'Node has several threads');
    t.ok(cpuMs >= 40 && cpuMs < 2000, `${cpuMs} ms`);
    t.ok(wakeUps >= 1, `${wakeUps} wake-ups`);
  },
);
