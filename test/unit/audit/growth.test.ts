import fc from 'fast-check';
import t from 'tap';
import {
  acceptDevice,
  acceptedPolicy,
  type Baseline,
  formatBaseline,
  readBaseline,
  updateBaseline,
} from '../../../src/audit/baseline.ts';
import { auditDevice } from '../../../src/audit/device-audit.ts';
import { compareWithBaseline } from '../../../src/audit/growth.ts';
import { diffPolicies } from '../../../src/seccomp/diff.ts';
import { policyText } from '../seccomp/policy-generator.ts';
import { policyOf, subjectOf } from './audit-subject.ts';

type Changes = Readonly<Record<string, unknown>>;

/** A device: its policy, and what is changed in its profile. */
type Device = readonly [policy: string, profile?: Changes];

function baselineOf([text, changes]: Device): Baseline {
  const subject = subjectOf(text, changes);
  return { version: 1, devices: [acceptDevice(subject, auditDevice(subject))] };
}

/** `kind: text` of each change from one state of a device to another. */
function changes(before: Device, after: Device): readonly string[] {
  const subject = subjectOf(...after);
  return compareWithBaseline(baselineOf(before), subject, auditDevice(subject)).map(
    ({ kind, text }) => `${kind}: ${text}`,
  );
}

const READ = '# Why.\nread: arg0 == 1\n';

t.test('compareWithBaseline sees no change in other words for the same', async (t) => {
  t.same(changes([READ], ['# Another reason.\nread: arg0 <= 1 && arg0 >= 1\n']), []);
});

t.test('compareWithBaseline lists a newly allowed call with its arguments and line', async (t) => {
  t.same(changes([READ], ['# Why.\nread: arg0 == 1 || arg0 == 7\n']), [
    'grown: + read(0x7, 0x0, 0x0) (x.policy:2)',
  ]);
});

t.test('compareWithBaseline tells what shrank or changed from what grew', async (t) => {
  t.same(changes([`${READ}# Why.\nwrite: allow\n`], [READ]), [
    'shrunk: - write(0x0, 0x0, 0x0) (baseline:2)',
  ]);
  t.same(changes([READ], [`${READ}write: return ENOSYS\n`]), [
    'changed: ~ write(0x0, 0x0, 0x0): user-notify -> return 38 (x.policy:3)',
  ]);
});

t.test('compareWithBaseline sees the order of the rules of a call', async (t) => {
  const [refuseFirst, allowFirst] = [
    'read: { arg0 == 1; return EPERM, arg0 in 1 } # Why.',
    'read: { arg0 in 1, arg0 == 1; return EPERM } # Why.',
  ];
  t.match(changes([refuseFirst], [allowFirst]), [/^grown: \+ read\(0x1, /]);
});

const profileGrowth: readonly (readonly [string, Changes, Changes, RegExp])[] = [
  [
    'a lost namespace',
    {},
    { namespaces: ['user', 'mount', 'pid', 'ipc', 'uts', 'cgroup'] },
    /^grown: namespace net: no longer there/,
  ],
  ['a lost limit', {}, { rlimits: [] }, /^grown: limit core: 0 -> none/],
  [
    'a raised limit',
    { rlimits: [{ resource: 'nofile', limit: 64 }] },
    { rlimits: [{ resource: 'nofile', limit: 65 }] },
    /^grown: limit nofile: 64 -> 65/,
  ],
  ['a new descriptor', { descriptors: [] }, {}, /^grown: descriptor disk: new/],
  ['a new request', { requests: [] }, {}, /^grown: request to the parent ready: new/],
  [
    'other V8 flags',
    {},
    { v8Flags: ['--jitless', '--x'] },
    /^grown: V8 flags: "--jitless" -> "--jitless --x"/,
  ],
];
for (const [name, before, after, expected] of profileGrowth) {
  t.test(`compareWithBaseline sees ${name}`, async (t) => {
    t.match(changes([READ, before], [READ, after])[0], expected);
    t.notMatch(changes([READ, after], [READ, after]).join(), /./);
  });
}

t.test('compareWithBaseline sees a mount that became writable', async (t) => {
  const mounts = (writable: boolean): Changes => ({
    mounts: [{ source: '/srv', target: '/t', directory: true, executable: false, writable }],
  });
  t.match(changes([READ, mounts(false)], [READ, mounts(true)]).slice(0, 2), [
    /^grown: mount \/srv as \/t, writable: new/,
    /^shrunk: mount \/srv as \/t, read-only: no longer/,
  ]);
});

t.test('compareWithBaseline asks for consent to new findings, not to accepted ones', async (t) => {
  const risky = '# Why.\nopenat: allow\n';
  t.ok(changes([READ], [risky]).includes('grown: finding (high): openat opens files by name'));
  t.same(changes([risky], [risky]), []);
});

t.test('compareWithBaseline lists everything of a device that the baseline lacks', async (t) => {
  const subject = subjectOf(READ);
  const found = compareWithBaseline({ version: 1, devices: [] }, subject, auditDevice(subject));
  t.same(
    found.map(({ kind, text }) => `${kind}: ${text}`),
    [
      'grown: the device is not in the baseline',
      'grown: + read(0x1, 0x0, 0x0) (x.policy:2)',
      'grown: descriptor disk: new',
      'grown: request to the parent ready: new',
    ],
  );
});

t.test('acceptDevice keeps the meaning of every policy', async () => {
  fc.assert(
    fc.property(policyText, (text) => {
      const subject = subjectOf(text);
      const accepted = acceptedPolicy(acceptDevice(subject, auditDevice(subject)).policy);
      const { differences, undecided } = diffPolicies(accepted, policyOf(text));
      return differences.length === 0 && undecided.length === 0;
    }),
    { numRuns: 150 },
  );
});

t.test('readBaseline reads what formatBaseline wrote', async (t) => {
  const baseline = baselineOf([READ]);
  const directory = t.testdir({ 'b.json': formatBaseline(baseline) });
  t.same(readBaseline(`${directory}/b.json`), baseline);
  t.equal(readBaseline(`${directory}/none.json`), null);
});

t.test('readBaseline refuses what is no baseline, naming the file', async (t) => {
  const directory = t.testdir({ 'a.json': '{', 'b.json': '{"version":2,"devices":[]}' });
  for (const name of ['a.json', 'b.json']) {
    t.throws(() => readBaseline(`${directory}/${name}`), {
      code: 'ERR_POLICY_BASELINE',
      message: new RegExp(name.replace('.', '\\.')),
    });
  }
});

t.test('updateBaseline replaces devices, and drops those that there are no more', async (t) => {
  const old = baselineOf([READ]);
  const { devices } = baselineOf(['# Why.\nwrite: allow\n', { device: 'other' }]);
  t.same(
    updateBaseline(old, devices, ['other', 'test']).devices.map(({ device }) => device),
    ['other', 'test'],
  );
  t.same(updateBaseline(old, devices, ['other']).devices, devices);
});
