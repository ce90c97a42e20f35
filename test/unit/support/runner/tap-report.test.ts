import t from 'tap';
import { TapReader, type TapReport } from '../../../support/runner/tap-report.ts';

function read(tap: string): TapReport {
  const reader = new TapReader();
  for (const line of tap.split('\n')) {
    reader.readLine(line);
  }
  return reader.report();
}

t.test('TapReader counts a subtest once, whatever number of assertions it has', async (t) => {
  const report = read(`TAP version 14
# Subtest: a
    ok 1 - should be equal
    ok 2 - should be equal
    1..2
ok 1 - a # time=1ms

1..1`);
  t.match(report, { passed: 1, failed: 0, skipped: [] });
});

t.test('TapReader counts the innermost subtests only', async (t) => {
  const report = read(`# Subtest: outer
    # Subtest: one
        ok 1 - x
        1..1
    ok 1 - one
    # Subtest: two
        not ok 1 - x
        1..1
    not ok 2 - two
    1..2
not ok 1 - outer`);
  t.match(report, { passed: 1, failed: 1, skipped: [] });
});

t.test('TapReader counts a failure of an outer subtest whose own subtests passed', async (t) => {
  const report = read(`not ok 1 - an earlier one
# Subtest: outer
    # Subtest: one
        ok 1 - x
        1..1
    ok 1 - one
    not ok 2 - timeout!
    1..2
not ok 2 - outer`);
  t.match(report, { passed: 1, failed: 2 });
});

t.test('TapReader gives the reason of a skipped subtest', async (t) => {
  const report = read('ok 2 - boots # SKIP no /dev/kvm');
  t.same(report, { passed: 0, failed: 0, skipped: [{ title: 'boots', reason: 'no /dev/kvm' }] });
});

t.test('TapReader takes a subtest that only skipped for skipped, not for passed', async (t) => {
  const report = read(`# Subtest: boots
    ok 1 - no /dev/kvm # SKIP
    1..1
ok 1 - boots # time=1ms`);
  t.match(report, { passed: 0, skipped: [{ title: 'no /dev/kvm' }] });
});

t.test('TapReader takes a file that skips as a whole for one skipped test', async (t) => {
  t.match(read('TAP version 14\n1..0 # SKIP not root'), { skipped: [{ reason: 'not root' }] });
});

t.test('TapReader reads subtests in braces', async (t) => {
  const report = read(`ok 1 - outer # time=2ms {
    ok 1 - inner # time=1ms {
        ok 1 - x
        1..1
    }

    1..1
}

not ok 2 - bad # time=2ms {
    not ok 1 - x
    1..1
}`);
  t.match(report, { passed: 1, failed: 1 });
});

t.test('TapReader does not look into diagnostics', async (t) => {
  const report = read(`not ok 1 - x
  ---
  diff: |
    ok 1 - this is quoted
not ok 2 - and so is this
  ...
1..1`);
  t.match(report, { passed: 0, failed: 1 });
});

t.test('TapReader counts assertions outside of subtests as tests', async (t) => {
  t.match(read('ok 1 - x\nnot ok 2 - y\n1..2'), { passed: 1, failed: 1 });
});
