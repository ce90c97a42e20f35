/** Fuzz target: kernel files of every kind (ELF, PVH notes, bzImage) against the loader. */
import fc from 'fast-check';
import t from 'tap';
import { bootHostileKernel, hostileKernel } from '../support/hostile-kernels.ts';

const seconds = Number(process.env['FUZZ_SECONDS'] ?? '5');

t.setTimeout((seconds + 60) * 1000);

t.test('loadKernel survives hostile kernel files', async (t) => {
  const outcomes = new Map<string, number>();
  const result = fc.check(
    fc.property(hostileKernel, (bytes) => {
      const outcome = bootHostileKernel(bytes);
      outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
    }),
    // Ended by the time limit; a failure reports its seed and its smallest file.
    { numRuns: 2 ** 31 - 1, interruptAfterTimeLimit: seconds * 1000 },
  );
  t.notOk(result.failed, fc.defaultReportMessage(result) ?? 'no failure');
  for (const [outcome, count] of [...outcomes].sort()) {
    t.comment(`${outcome}: ${count}`);
  }
  t.ok(outcomes.has('linux64') && outcomes.has('pvh32'), 'some files still load, either way');
});
