import t from 'tap';
import {
  landlockCheck,
  seccompCheck,
  seccompKnowsFlags,
  userNamespaceCheck,
} from '../../../src/doctor/sandbox-checks.ts';
import { fakeHost } from '../../support/fake-host.ts';

const MAX = '/proc/sys/user/max_user_namespaces';
const CLONE = '/proc/sys/kernel/unprivileged_userns_clone';
const APPARMOR = '/proc/sys/kernel/apparmor_restrict_unprivileged_userns';
const ACTIONS = '/proc/sys/kernel/seccomp/actions_avail';

t.test('userNamespaceCheck is content when one was made', async (t) => {
  const host = fakeHost({ files: { [MAX]: '15000\n', [CLONE]: '1\n', [APPARMOR]: '0\n' } });
  t.match(
    userNamespaceCheck(host, () => 'ok'),
    { status: 'ok', remedy: '' },
  );
});

t.test('userNamespaceCheck names the switch that forbids them and how to turn it', async (t) => {
  const verdict = (files: Record<string, string>) =>
    userNamespaceCheck(fakeHost({ files }), () => 'ok');
  t.match(verdict({ [MAX]: '0\n' }), {
    status: 'missing',
    remedy: 'sysctl -w user.max_user_namespaces=15000',
  });
  t.match(verdict({ [CLONE]: '0\n' }), {
    status: 'missing',
    remedy: /^sysctl -w kernel\.unprivileged_userns_clone=1,/,
  });
  t.match(verdict({ [APPARMOR]: '1\n' }), {
    status: 'missing',
    detail: /only root may make them: device processes cannot be jailed/,
    remedy: /^sysctl -w kernel\.apparmor_restrict_unprivileged_userns=0,/,
  });
});

t.test(
  'userNamespaceCheck holds the switches for ordinary users against root no more',
  async (t) => {
    const files = { [CLONE]: '0\n', [APPARMOR]: '1\n' };
    t.match(
      userNamespaceCheck(fakeHost({ files, isRoot: true }), () => 'ok'),
      { status: 'ok' },
    );
  },
);

t.test('userNamespaceCheck tells a failed try from one that could not be made', async (t) => {
  t.match(
    userNamespaceCheck(fakeHost(), () => ({ failed: 'unshare failed: EPERM' })),
    { status: 'missing', detail: /making one failed \(unshare failed: EPERM\)/ },
  );
  t.match(
    userNamespaceCheck(fakeHost(), () => 'untried'),
    {
      status: 'warn',
      remedy: 'install util-linux',
    },
  );
});

t.test('seccompCheck asks for TSYNC first and for user notification next', async (t) => {
  const host = fakeHost({
    files: { [ACTIONS]: 'kill_process kill_thread trap errno user_notif\n' },
  });
  t.match(
    seccompCheck(host, () => true),
    { status: 'ok' },
  );
  t.match(
    seccompCheck(host, () => false),
    { status: 'missing', detail: /TSYNC/ },
  );
  t.match(
    seccompCheck(host, (flags) => flags === 1),
    { status: 'warn', detail: /killed without naming the system call/ },
  );
  t.match(
    seccompCheck(fakeHost(), () => true),
    { status: 'warn' },
  );
});

t.test('seccompKnowsFlags tells real flags from invented ones', async (t) => {
  t.ok(seccompKnowsFlags(1), 'TSYNC, which every supported kernel has');
  t.notOk(seccompKnowsFlags(2 ** 30));
});

t.test('landlockCheck shows the ABI or the errno', async (t) => {
  t.match(landlockCheck(4), { status: 'ok', detail: 'ABI 4' });
  t.match(landlockCheck('ENOSYS'), { status: 'warn', detail: /not available \(ENOSYS\)/ });
});
