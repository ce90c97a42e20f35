/** Fuzz target: programs of random policies, plain and optimised, against the direct meaning of the policies. */
import fc from 'fast-check';
import t from 'tap';
import { compilesToItsMeaning, policyText } from '../unit/seccomp/policy-generator.ts';

const seconds = Number(process.env['FUZZ_SECONDS'] ?? '5');

t.setTimeout((seconds + 60) * 1000);

t.test('compileProgram means what the policy means', async (t) => {
  const result = fc.check(fc.property(policyText, fc.nat(), compilesToItsMeaning), {
    // Ended by the time limit; a failure reports its seed and its smallest policy.
    numRuns: 2 ** 31 - 1,
    interruptAfterTimeLimit: seconds * 1000,
  });
  t.notOk(result.failed, fc.defaultReportMessage(result) ?? 'no failure');
  t.ok(result.numRuns > 0, `${result.numRuns} policies`);
});
