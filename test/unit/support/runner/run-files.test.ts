import { join } from 'node:path';
import t from 'tap';
import { runFiles, type Totals } from '../../../support/runner/run-files.ts';

/** Runs programs that print TAP; returns the totals and what was shown. */
async function runPrograms(
  directory: string,
  names: readonly string[],
  timeoutSeconds = 20,
): Promise<{ totals: Totals; shown: string }> {
  const lines: string[] = [];
  const totals = await runFiles(
    names.map((name) => join(directory, name)),
    { jobs: 2, timeoutSeconds, directory, log: (line) => lines.push(line) },
  );
  return { totals, shown: lines.join('\n') };
}

t.test('runFiles adds up the files and shows the reasons of skips', async (t) => {
  const directory = t.testdir({
    'a.mjs': "console.log('ok 1 - x\\n1..1')",
    'b.mjs': "console.log('ok 1 - boots # SKIP no kvm\\n1..1')",
  });
  const { totals, shown } = await runPrograms(directory, ['a.mjs', 'b.mjs']);
  t.same(totals, { passed: 1, failed: 0, skipped: 1 });
  t.match(shown, 'skipped: boots: no kvm');
});

t.test('runFiles fails a file that ends with an error after tests that passed', async (t) => {
  const directory = t.testdir({ 'a.mjs': "console.log('ok 1 - x'); process.exitCode = 3" });
  const { totals, shown } = await runPrograms(directory, ['a.mjs']);
  t.same(totals, { passed: 1, failed: 1, skipped: 0 });
  t.match(shown, /FAILED a\.mjs .*ended with 3/);
});

t.test('runFiles fails a file that holds no test', async (t) => {
  const directory = t.testdir({ 'a.mjs': '' });
  const { totals, shown } = await runPrograms(directory, ['a.mjs']);
  t.equal(totals.failed, 1);
  t.match(shown, 'holds no test');
});

t.test('runFiles shows what a failed file wrote, on both streams', async (t) => {
  const directory = t.testdir({
    'a.mjs': "console.log('not ok 1 - x'); console.error('because'); process.exitCode = 1",
  });
  const { totals, shown } = await runPrograms(directory, ['a.mjs']);
  t.same(totals, { passed: 0, failed: 1, skipped: 0 });
  t.match(shown, 'because');
});

t.test('runFiles names the signal that ended a file', async (t) => {
  const directory = t.testdir({ 'a.mjs': "process.kill(process.pid, 'SIGKILL')" });
  const { totals, shown } = await runPrograms(directory, ['a.mjs']);
  t.equal(totals.failed, 1);
  t.match(shown, 'ended by SIGKILL');
});

t.test('runFiles ends a file that does not end by itself', async (t) => {
  const directory = t.testdir({ 'a.mjs': 'setInterval(() => {}, 1000)' });
  const { totals, shown } = await runPrograms(directory, ['a.mjs'], 1);
  t.equal(totals.failed, 1);
  t.match(shown, 'ran out of time');
});
