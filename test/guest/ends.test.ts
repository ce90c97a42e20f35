/** The ways in which a guest ends its machine, and the exit codes of `crosvm` with and without --extended-status. */
import t from 'tap';
import { runCrosvm, SIGNS_OF_A_MISTAKE } from '../support/crosvm-process.ts';
import { describeRun, smallGuestImage } from '../support/small-guest.ts';
import { kvmUnavailable } from '../support/tiny-machine.ts';

const skip = kvmUnavailable() ?? false;
const ENDS = [
  { end: 'reset', extended: 32, message: 'the guest asked for a reset (i8042)' },
  { end: 'cf9', extended: 32, message: 'the guest asked for a reset (port 0xcf9)' },
  { end: 's5', extended: 0, message: 'the guest powered off' },
  { end: 'triple-fault', extended: 33, message: 'vCPU 0 ended in a triple fault' },
] as const;

for (const { end, extended, message } of ENDS) {
  t.test(`crosvm run: end=${end} has the exit code ${extended} or 0`, { skip }, async (t) => {
    const args = ['run', '--disable-sandbox', '-p', `end=${end} hello`, smallGuestImage()];
    const [plain, withStatus] = await Promise.all([
      runCrosvm(t, args),
      runCrosvm(t, ['--extended-status', ...args]),
    ]);
    t.equal(plain.code, 0, describeRun(plain));
    t.equal(withStatus.code, extended, describeRun(withStatus));
    for (const { stderr, stdout } of [plain, withStatus]) {
      t.ok(stderr.includes(message), stderr);
      t.ok(stdout.includes('done failures=0'), 'the console is complete');
      t.notMatch(stderr, SIGNS_OF_A_MISTAKE);
    }
  });
}
