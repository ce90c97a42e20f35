import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Ajv } from 'ajv';
import fc from 'fast-check';
import t from 'tap';
import { describeError } from '../../../src/base/errors.ts';
import { checkProfile, loadProfile } from '../../../src/jail/profile.ts';
import { projectDir } from '../../support/jailed-probe.ts';

const POLICY_DIR = join(projectDir(), 'policy');
const SCHEMA = 'profile.schema.json';
/** The rest of the folder that is no profile. */
const NO_PROFILES = [SCHEMA, 'audit-baseline.json'];
const deviceKinds = readdirSync(POLICY_DIR)
  .filter((name) => name.endsWith('.json') && !NO_PROFILES.includes(name))
  .map((name) => name.slice(0, -'.json'.length));

/** Validates against the schema file. */
const followsSchema = new Ajv({ allErrors: true }).compile(
  // CAST: the compiler checks the schema itself.
  JSON.parse(readFileSync(join(POLICY_DIR, SCHEMA), 'utf8')) as object,
);

function validProfile(): Record<string, unknown> {
  return {
    $schema: './profile.schema.json',
    device: 'block',
    summary: 'A disk.',
    namespaces: ['user', 'mount', 'pid'],
    rlimits: [{ resource: 'nofile', limit: 64 }],
    mounts: [{ source: '/a/b', target: '/c', directory: true, executable: false, writable: false }],
    descriptors: [{ name: 'disk', purpose: 'The image.' }],
    seccompPolicy: 'block_device.policy',
    v8Flags: ['--jitless', '--stack-size=500'],
    requests: ['ready'],
  };
}

function isAccepted(value: unknown): boolean {
  try {
    checkProfile(value, 'test');
    return true;
  } catch {
    return false;
  }
}

for (const kind of deviceKinds) {
  t.test(`the profile of ${kind} loads and follows the schema`, async (t) => {
    const profile = loadProfile(POLICY_DIR, kind);
    t.equal(profile.device, kind);
    t.equal(profile.namespaces.length, 7, 'all namespaces');
    followsSchema(JSON.parse(readFileSync(join(POLICY_DIR, `${kind}.json`), 'utf8')));
    t.strictSame(followsSchema.errors, null);
  });
}

t.test('checkProfile accepts a complete profile', async (t) => {
  t.ok(isAccepted(validProfile()));
  t.ok(followsSchema(validProfile()));
});

const refused: readonly [string, Record<string, unknown>, RegExp][] = [
  ['an unknown field', { extra: 1 }, /unknown field "extra"/],
  [
    'no user namespace',
    { namespaces: ['mount'] },
    /namespaces must be a list with "user" and "mount"/,
  ],
  ['an unknown namespace', { namespaces: ['user', 'mount', 'time'] }, /must be one of user, pid/],
  ['a namespace twice', { namespaces: ['user', 'mount', 'user'] }, /without repetitions/],
  [
    'an unknown resource',
    { rlimits: [{ resource: 'files', limit: 1 }] },
    /rlimits\[0\]\.resource must be one of/,
  ],
  [
    'a negative limit',
    { rlimits: [{ resource: 'nofile', limit: -1 }] },
    /limit must be an integer/,
  ],
  ['a policy elsewhere', { seccompPolicy: '../x.policy' }, /seccompPolicy must be the name/],
  ['a flag that is a script', { v8Flags: ['-e'] }, /v8Flags\[0\] must be a flag/],
  ['a request that does not exist', { requests: ['shutdown'] }, /requests\[0\] must be one of/],
];
for (const [what, change, message] of refused) {
  t.test(`checkProfile and the schema refuse ${what}`, async (t) => {
    const value = { ...validProfile(), ...change };
    t.notOk(followsSchema(value));
    try {
      checkProfile(value, 'test.json');
      t.fail('accepted');
    } catch (error) {
      t.match(error, { code: 'ERR_JAIL_PROFILE', message: 'test.json is not a jail profile' });
      t.match(describeError(error), message);
    }
  });
}

t.test('checkProfile refuses a path that climbs', async (t) => {
  for (const source of ['relative', '/', '/a/../b', '/a/.', '/a//b', '/a/', '/a\0']) {
    const mount = { source, target: '/c', directory: true, executable: false, writable: false };
    const value = { ...validProfile(), mounts: [mount] };
    t.notOk(isAccepted(value), JSON.stringify(source));
    t.notOk(followsSchema(value), JSON.stringify(source));
  }
});

t.test('checkProfile refuses one target twice, which the schema cannot say', async (t) => {
  const mount = { source: '/a', target: '/c', directory: true, executable: false, writable: false };
  t.notOk(isAccepted({ ...validProfile(), mounts: [mount, { ...mount, source: '/b' }] }));
});

t.test(
  'checkProfile and the schema agree on profiles with one thing replaced or missing',
  async (t) => {
    const names = Object.keys(validProfile());
    const value = fc.oneof(
      fc.jsonValue(),
      fc.constantFrom<unknown>(
        'block',
        [],
        ['user', 'mount'],
        ['--flag'],
        ['ready', 'failed'],
        'x.policy',
      ),
    );
    fc.assert(
      fc.property(
        fc.constantFrom(...names),
        fc.option(value, { nil: undefined }),
        (name, replacement) => {
          const changed = validProfile();
          if (replacement === undefined) {
            Reflect.deleteProperty(changed, name);
          } else {
            changed[name] = replacement;
          }
          return isAccepted(changed) === followsSchema(changed);
        },
      ),
      { numRuns: 500 },
    );
    t.pass('in all cases tried');
  },
);

t.test('loadProfile names the file that is missing, broken or of another device', async (t) => {
  const dir = t.testdir({ 'broken.json': '{', 'rng.json': JSON.stringify(validProfile()) });
  for (const device of ['none', 'broken']) {
    t.throws(() => loadProfile(dir, device), {
      code: 'ERR_JAIL_PROFILE',
      message: `cannot read the jail profile ${join(dir, device)}.json`,
    });
  }
  t.throws(() => loadProfile(dir, 'rng'), {
    code: 'ERR_JAIL_PROFILE',
    message: /rng\.json is the profile of "block", not of "rng"$/,
  });
});
