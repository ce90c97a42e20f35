import t from 'tap';
import { type Goal, judge } from '../../../bench/support/goals.ts';
import type { Results } from '../../../bench/support/rounds.ts';
import { summarize } from '../../../bench/support/statistics.ts';

const RESULTS: Results = new Map([
  [
    'latency',
    new Map([
      ['crosvm', summarize([9, 9, 9])],
      ['QEMU, a', summarize([10, 10, 10])],
      ['QEMU, b', summarize([12, 12, 12])],
      ['other', summarize([1, 1, 1])],
    ]),
  ],
  [
    'rate',
    new Map([
      ['crosvm', summarize([100])],
      ['QEMU, a', summarize([80])],
      ['QEMU, b', summarize([95])],
      ['other', summarize([1000])],
    ]),
  ],
]);

function goal(part: Partial<Goal>): Goal {
  return { figure: 'latency', side: 'crosvm', limit: 1, direction: 'at most', ...part };
}

t.test(
  'judge takes the lowest of the best for "at most", and meets a bound that is reached',
  (t) => {
    t.strictSame(judge(goal({ limit: { ratio: 0.9, ofBest: 'QEMU' } }), RESULTS), {
      figure: 'latency',
      text: 'crosvm: latency at most 9.00 (0.9 x QEMU, a, the best): 9.00, 0.90x',
      bound: 9,
      met: true,
    });
    t.end();
  },
);

t.test('judge takes the highest of the best for "at least"', (t) => {
  const rate = goal({ figure: 'rate', direction: 'at least', limit: { ratio: 1, ofBest: 'QEMU' } });
  t.strictSame(judge(rate, RESULTS), {
    figure: 'rate',
    text: 'crosvm: rate at least 95.0 (1 x QEMU, b, the best): 100, 1.05x',
    bound: 95,
    met: true,
  });
  t.equal(judge({ ...rate, limit: { ratio: 1.1, ofBest: 'QEMU' } }, RESULTS).met, false);
  t.end();
});

t.test('judge compares with one side, and with a number', (t) => {
  t.match(judge(goal({ limit: { ratio: 2, of: 'other' } }), RESULTS), {
    text: 'crosvm: latency at most 2.00 (2 x other): 9.00, 9.00x',
    met: false,
  });
  t.match(judge(goal({ limit: 9.5 }), RESULTS), {
    text: 'crosvm: latency at most 9.50: 9.00',
    met: true,
  });
  t.end();
});

for (const { name, part } of [
  { name: 'no peer', part: { limit: { ratio: 1, ofBest: 'Xen' } } },
  { name: 'not that side', part: { side: 'crosvm, other' } },
  { name: 'not that figure', part: { figure: 'power' } },
]) {
  t.test(`judge leaves a goal open where there is ${name}`, (t) => {
    const judgement = judge(goal(part), RESULTS);
    t.equal(judgement.met, undefined);
    t.match(judgement.text, /: not measured$/);
    t.end();
  });
}
