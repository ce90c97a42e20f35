import t from 'tap';
import { findInProfile } from '../../../src/audit/profile-findings.ts';
import { policyOf, shortFindings, soundProfile } from './audit-subject.ts';

const PLAIN = 'mmap: arg2 in ~PROT_EXEC';
const EXECUTABLE = 'mprotect: arg2 == PROT_READ|PROT_EXEC';

function findingsOf(changes: Readonly<Record<string, unknown>>, policy = PLAIN): readonly string[] {
  return shortFindings(findInProfile(soundProfile(changes), policyOf(policy)));
}

t.test('findInProfile has nothing to say about a sound profile', async (t) => {
  t.same(findingsOf({}), []);
});

t.test('findInProfile finds missing namespaces', async (t) => {
  t.same(findingsOf({ namespaces: ['user', 'mount', 'ipc'] }).toSorted(), [
    'high namespace net',
    'high namespace pid',
    'low namespace cgroup',
    'low namespace uts',
  ]);
});

t.test('findInProfile finds limits that are missing or too high', async (t) => {
  const rlimits = [
    { resource: 'core', limit: 1 },
    { resource: 'nice', limit: 0 },
    { resource: 'rtprio', limit: 0 },
    { resource: 'msgqueue', limit: 0 },
  ];
  t.same(findingsOf({ rlimits }), ['medium rlimit core', 'low rlimit nofile']);
});

t.test('findInProfile ranks mounts by what may be done with them', async (t) => {
  const mounts = [
    [true, true],
    [true, false],
    [false, true],
    [false, false],
  ].map(([writable, executable], index) => ({
    source: '/srv',
    target: `/t${index}`,
    directory: true,
    executable,
    writable,
  }));
  t.same(findingsOf({ mounts }), [
    'critical mount /t0',
    'high mount /t1',
    'medium mount /t2',
    'info mount /t3',
  ]);
});

t.test('findInProfile finds V8 flags that do not fit the policy', async (t) => {
  t.same(findingsOf({ v8Flags: [] }), ['medium compiler-without-memory --jitless']);
  t.same(findingsOf({}, EXECUTABLE), ['medium unused-executable-memory --jitless']);
  t.same(findingsOf({ v8Flags: [] }, EXECUTABLE), []);
});
