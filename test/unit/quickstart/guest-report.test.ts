import { createHash } from 'node:crypto';
import { join } from 'node:path';
import t from 'tap';
import { GuestReport, hashStart } from '../../../src/quickstart/guest-report.ts';

const SUM = 'ab'.repeat(32);

function read(lines: readonly string[]): GuestReport {
  const report = new GuestReport();
  for (const line of lines) {
    report.readLine(line);
  }
  return report;
}

t.test('GuestReport keeps what stands between the marks', async (t) => {
  const report = read([
    'guest: too early',
    'guest: BEGIN report',
    '[    2.0] a line of the kernel',
    'guest: cpus 2',
    `guest: sha256 4 MiB of /dev/vda ${SUM}`,
    'guest: END report',
    'guest: too late',
  ]);
  t.ok(report.isComplete);
  t.same(report.facts, ['cpus 2', `sha256 4 MiB of /dev/vda ${SUM}`]);
  t.same(report.diskSum, { mib: 4, sha256: SUM });
});

t.test('GuestReport is not complete without its last mark', async (t) => {
  t.notOk(read(['guest: BEGIN report', 'guest: cpus 2']).isComplete);
  t.notOk(read(['guest: END report']).isComplete);
});

t.test('GuestReport.diskSum is undefined when the guest read no disk', async (t) => {
  t.equal(read(['guest: BEGIN report', 'guest: END report']).diskSum, undefined);
});

t.test('hashStart reads no more than it is told, and no more than there is', async (t) => {
  const directory = t.testdir({ disk: 'x'.repeat(3 * 1024 * 1024) });
  const sum = (mib: number): string =>
    createHash('sha256')
      .update('x'.repeat(mib * 1024 * 1024))
      .digest('hex');
  t.equal(hashStart(join(directory, 'disk'), 2), sum(2));
  t.equal(hashStart(join(directory, 'disk'), 4), sum(3));
});
