import t from 'tap';
import { type DeviceProcess, NAMESPACES } from '../../../src/quickstart/device-processes.ts';
import { formatDeviceTable } from '../../../src/quickstart/device-table.ts';

const JAILED: DeviceProcess = {
  device: 'block',
  pid: 20,
  ownNamespaces: NAMESPACES,
  capabilities: '0000000000000000',
  threads: 7,
  filteredThreads: 7,
  noNewPrivileges: true,
  privateKib: 6144,
};

t.test('formatDeviceTable shows a jailed device', async (t) => {
  const profiles = t.testdir({ 'block.json': '{"seccompPolicy":"block_device.policy"}' });
  const [, row] = formatDeviceTable([JAILED], profiles);
  t.same(row?.split(/ {2,}/), [
    'block',
    '20',
    'all 7 of 7',
    'none',
    'filter on all 7 threads',
    'block_device.policy',
    '6.0 MiB',
  ]);
});

t.test('formatDeviceTable does not gloss over what a jail lacks', async (t) => {
  const leaky = {
    ...JAILED,
    ownNamespaces: ['net'] as const,
    capabilities: '0000000000200000',
    filteredThreads: 1,
    noNewPrivileges: false,
  };
  const [, row] = formatDeviceTable([leaky], t.testdir({}));
  t.same(row?.split(/ {2,}/), [
    'block',
    '20',
    '1 of 7: net',
    '0000000000200000',
    'filter on 1 of 7 threads, may gain privileges',
    'unknown',
    '6.0 MiB',
  ]);
});

t.test('formatDeviceTable aligns its columns', async (t) => {
  const [heading, row] = formatDeviceTable([JAILED], t.testdir({}));
  t.equal(heading?.indexOf('pid'), row?.indexOf('20'));
});
