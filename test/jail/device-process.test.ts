import { constants } from 'node:os';
import t from 'tap';
import { skipWithoutJails } from '../support/jailed-node.ts';
import { JailedProbe } from '../support/jailed-probe.ts';

const skip = skipWithoutJails();
const SIGKILL = { kind: 'signaled', signal: constants.signals.SIGKILL };

t.test(
  'DeviceProcess.wait tells the exit code of a process that ends by itself',
  { skip },
  async (t) => {
    using probe = new JailedProbe('rng');
    probe.confine();
    t.equal(probe.device.poll(), undefined);
    // The probe ends when its channel does.
    probe.channel.close();
    t.strictSame(await probe.device.wait(), { kind: 'exited', code: 0 });
  },
);

t.test('DeviceProcess.wait may be awaited twice, and tells the same', { skip }, async (t) => {
  using probe = new JailedProbe('rng');
  const first = probe.device.wait();
  const second = probe.device.wait();
  probe.device.kill();
  t.strictSame(await Promise.all([first, second]), [SIGKILL, SIGKILL]);
});

t.test('DeviceProcess.kill of a process that has ended does nothing', { skip }, async (t) => {
  using probe = new JailedProbe('rng');
  probe.device.kill();
  probe.device.kill();
  t.strictSame(await probe.device.wait(), SIGKILL);
  probe.device.kill();
  t.strictSame(probe.device.poll(), SIGKILL);
});

t.test('disposing of a DeviceProcess leaves neither process nor listener', { skip }, async (t) => {
  const listeners = process.listenerCount('SIGCHLD');
  const probe = new JailedProbe('rng');
  const end = probe.device.wait();
  const { pid } = probe.device;
  probe[Symbol.dispose]();
  t.throws(() => process.kill(pid, 0), { code: 'ESRCH' });
  t.strictSame(await end, SIGKILL);
  t.equal(process.listenerCount('SIGCHLD'), listeners);
});
