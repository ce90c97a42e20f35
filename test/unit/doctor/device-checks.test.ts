import t from 'tap';
import { deviceNodeChecks, ioUringCheck } from '../../../src/doctor/device-checks.ts';
import { fakeHost } from '../../support/fake-host.ts';

const DISABLED = '/proc/sys/kernel/io_uring_disabled';

t.test('deviceNodeChecks tells absent nodes from forbidden ones', async (t) => {
  const host = fakeHost({ devices: { '/dev/net/tun': 'denied', '/dev/vhost-net': 'absent' } });
  t.match(deviceNodeChecks(host), [
    { name: 'tun', status: 'warn', detail: /may not be opened.*no network/, remedy: /udev rule/ },
    { name: 'vhost-net', status: 'warn', detail: /does not exist/, remedy: 'modprobe vhost_net' },
    { name: 'vhost-vsock', status: 'ok', remedy: '' },
  ]);
});

t.test('ioUringCheck reads the switch with the eyes of this user', async (t) => {
  const host = (value: string, isRoot: boolean) =>
    fakeHost({ files: { [DISABLED]: value }, isRoot });
  t.match(ioUringCheck(host('0\n', false), true), { status: 'ok' });
  t.match(ioUringCheck(host('1\n', true), true), { status: 'ok' });
  t.match(ioUringCheck(host('1\n', false), true), { status: 'warn', detail: /disabled is 1/ });
  t.match(ioUringCheck(host('2\n', true), true), {
    status: 'warn',
    remedy: 'sysctl -w kernel.io_uring_disabled=0',
  });
  t.match(ioUringCheck(fakeHost(), true), { status: 'ok' }, 'older kernels have no switch');
  t.match(ioUringCheck(fakeHost(), false), { status: 'warn', detail: /not in this kernel/ });
});
