import { closeSync } from 'node:fs';
import { constants } from 'node:os';
import t from 'tap';
import { ESRCH } from '../../src/sys/errno.ts';
import { signalPidfd, spawnJailed, waitPid } from '../../src/sys/native.ts';
import { jailedNodeOptions, skipWithoutJails } from '../support/jailed-node.ts';

const skip = skipWithoutJails();
const STDERR = 2;
const { SIGKILL } = constants.signals;

t.test('waitPid tells a running process, and a killed one once', { skip }, async (t) => {
  const { pid, pidfd } = spawnJailed(jailedNodeOptions('setInterval(() => {}, 1000)', STDERR));
  t.strictSame(waitPid(pid, true), { state: 'running', status: 0 });
  signalPidfd(pidfd, 0);
  signalPidfd(pidfd, SIGKILL);
  t.strictSame(waitPid(pid, false), { state: 'signaled', status: SIGKILL });
  t.throws(() => waitPid(pid, false), {
    code: 'ERR_SYSCALL',
    message: `waitPid: waitid failed: ECHILD (process ${pid})`,
  });
  t.throws(
    () => {
      signalPidfd(pidfd, SIGKILL);
    },
    {
      errno: ESRCH,
      message: 'signalPidfd: pidfd_send_signal failed: ESRCH',
    },
  );
  closeSync(pidfd);
});

t.test('waitPid tells the exit code', { skip }, async (t) => {
  const { pid, pidfd } = spawnJailed(jailedNodeOptions('process.exit(3)', STDERR));
  t.strictSame(waitPid(pid, false), { state: 'exited', status: 3 });
  closeSync(pidfd);
});

t.test('waitPid refuses what is no process id', async (t) => {
  for (const pid of [0, -1, 1.5, 2 ** 31]) {
    t.throws(() => waitPid(pid, true), { name: 'TypeError', message: /takes a process id/ });
  }
});
