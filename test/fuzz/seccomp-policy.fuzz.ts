/** Fuzz target: policy files against lexer, parser and compiler. A result or a PolicyError, never anything else. */
import fc from 'fast-check';
import t from 'tap';
import { compileHostilePolicy, hostilePolicy } from '../support/hostile-policies.ts';

const seconds = Number(process.env['FUZZ_SECONDS'] ?? '5');

t.setTimeout((seconds + 60) * 1000);

t.test('compilePolicyFile answers hostile policies with a program or a PolicyError', async (t) => {
  const outcomes = new Map<string, number>();
  const result = fc.check(
    fc.property(hostilePolicy, (bytes) => {
      const outcome = compileHostilePolicy(bytes);
      outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
    }),
    // Ended by the time limit; a failure reports its seed and its smallest file.
    { numRuns: 2 ** 31 - 1, interruptAfterTimeLimit: seconds * 1000 },
  );
  t.notOk(result.failed, fc.defaultReportMessage(result) ?? 'no failure');
  for (const [outcome, count] of [...outcomes].sort()) {
    t.comment(`${outcome}: ${count}`);
  }
  t.ok(outcomes.has('compiled') && outcomes.has('ERR_POLICY_SYNTAX'), 'some compile, some do not');
});
