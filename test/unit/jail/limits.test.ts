import t from 'tap';
import { NAMESPACE_FLAGS, namespaceFlags } from '../../../src/jail/namespaces.ts';
import { nativeRlimits } from '../../../src/jail/rlimits.ts';

t.test('namespaceFlags joins the flags of clone(2) to a positive integer', async (t) => {
  t.equal(namespaceFlags([]), 0);
  t.equal(namespaceFlags(['user', 'mount']), 0x1002_0000);
  t.equal(namespaceFlags(['user', 'pid', 'mount', 'net', 'ipc', 'uts', 'cgroup']), 0x7e02_0000);
  t.equal(Object.keys(NAMESPACE_FLAGS).length, 7);
});

t.test('nativeRlimits leaves no room between soft and hard limit', async (t) => {
  t.strictSame(
    nativeRlimits([
      { resource: 'nofile', limit: 64 },
      { resource: 'core', limit: 0 },
    ]),
    [
      { resource: 7, soft: 64, hard: 64 },
      { resource: 4, soft: 0, hard: 0 },
    ],
  );
});
