import fc from 'fast-check';
import t from 'tap';
import { compilePolicyText, emulate } from '../../../src/seccomp/compile.ts';
import { compilesToItsMeaning, policyText } from './policy-generator.ts';

t.test(
  'compileProgram agrees with the meaning of random policies, plain and optimised',
  async (t) => {
    const outcome = fc.check(fc.property(policyText, fc.nat(), compilesToItsMeaning), {
      numRuns: 200,
    });
    t.notOk(outcome.failed, fc.defaultReportMessage(outcome) ?? '');
  },
);

t.test('compileProgram refuses every call of another architecture', async (t) => {
  const { program } = compilePolicyText('@default trap\nread: 1', { arch: 'x86_64' });
  const outcome = emulate(program, { nr: 0, arch: 0x4000_0003, args: [] });
  t.equal(outcome.value, 0, 'kill-thread, not the default action');
});
