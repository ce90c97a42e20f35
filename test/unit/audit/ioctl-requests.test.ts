import t from 'tap';
import { ioctlRequests } from '../../../src/audit/ioctl-requests.ts';
import { policyOf } from './audit-subject.ts';

t.test('ioctlRequests names requests and their drivers, as far as they pass', async (t) => {
  const policy = policyOf(
    'ioctl: { arg1 == TIOCSTI; return EPERM, arg1 == 0x400454d0 || arg1 == TCGETS, arg1 == 0xae80 }',
  );
  t.same(
    ioctlRequests(policy).map(({ name, driver }) => `${name} ${driver}`),
    ['0x400454d0 tun/tap', 'TCGETS terminal', '0xae80 KVM'],
  );
});

t.test('ioctlRequests gives the letter of a driver that it does not know', async (t) => {
  const [request] = ioctlRequests(policyOf('ioctl: arg1 == 0x7701'));
  t.equal(request?.driver, 'driver of type 0x77');
});
