import t from 'tap';
import { parseCollections } from '../../../bench/support/gc-trace.ts';

t.test('parseCollections takes V8’s lines and no others', (t) => {
  const text = [
    'crosvm: warn: something else -> 5.1 (6.2) MB',
    '[7:0x41b852d0]       97 ms: Scavenge 5.1 (5.2) -> 4.6 (6.2) MB, 7.29 / 0.01 ms  (average mu = 1.000) task; ',
    '[7:0x7fc980001030]     4711 ms: Mark-Compact 7.8 (10.2) -> 5 (10.7) MB, 7.96 / 0.02 ms  (+ 0.1 ms in 1 steps) GC',
  ].join('\n');
  t.strictSame(parseCollections(text), [
    { isolate: '0x41b852d0', seconds: 0.097, isFull: false, usedMib: 4.6 },
    { isolate: '0x7fc980001030', seconds: 4.711, isFull: true, usedMib: 5 },
  ]);
  t.end();
});
