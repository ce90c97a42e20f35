/** `crosvm policy audit`, as a process, on the policies of this project and on copies that were changed. */
import { appendFileSync, cpSync, existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { projectRoot } from '../../src/artifacts/sources.ts';
import { DEVICE_KINDS } from '../../src/devices/registry.ts';
import { runPolicy } from '../support/policy-command.ts';

const ROOT = projectRoot(import.meta.dirname);
const BASELINE = join(ROOT, 'policy/audit-baseline.json');

/** A copy of the policies, and of the baseline. */
function copyPolicies(t: { testdir(): string }): { cwd: string; options: readonly string[] } {
  const cwd = t.testdir();
  cpSync(join(ROOT, 'seccomp/x86_64'), join(cwd, 'policies'), { recursive: true });
  cpSync(BASELINE, join(cwd, 'baseline.json'));
  return { cwd, options: ['--seccomp-policy-dir', 'policies', '--baseline', 'baseline.json'] };
}

t.test('no policy of this project has grown beyond its baseline', async (t) => {
  const run = runPolicy(ROOT, 'audit');
  t.equal(
    run.code,
    0,
    `run "crosvm policy audit", and with --accept if that is meant\n${run.stderr}`,
  );
  for (const kind of DEVICE_KINDS) {
    t.match(run.stdout, new RegExp(`^${kind}: seccomp/x86_64/`, 'm'));
  }
});

t.test('audit fails when a policy grew, and lists the new calls', async (t) => {
  const { cwd, options } = copyPolicies(t);
  t.equal(runPolicy(cwd, 'audit', ...options).code, 0, 'as it was');
  appendFileSync(
    join(cwd, 'policies/rng_device.policy'),
    '\n# For a test.\nopenat: arg2 == O_RDONLY\n',
  );
  const run = runPolicy(cwd, 'audit', 'rng', ...options);
  t.equal(run.code, 1);
  t.match(
    run.stdout,
    /^grown +rng: \+ openat\(0x0, 0x0, 0x0, 0x0\) \(policies\/rng_device\.policy:\d+\)$/m,
  );
  t.match(run.stdout, /^grown +rng: finding \(high\): openat opens files by name$/m);
  t.match(run.stderr, /2 more than baseline\.json accepts/);
  t.equal(runPolicy(cwd, 'audit', 'block', ...options).code, 0, 'the other device did not');
});

t.test('audit says what grew to standard error when the report goes elsewhere', async (t) => {
  const { cwd, options } = copyPolicies(t);
  appendFileSync(join(cwd, 'policies/rng_device.policy'), '\n# For a test.\npoll: allow\n');
  const run = runPolicy(cwd, 'audit', ...options, '--format', 'html', '--output', 'report.html');
  t.match(run, { code: 1, stdout: '', stderr: /^grown +rng: \+ poll\(/ });
  t.match(readFileSync(join(cwd, 'report.html'), 'utf8'), /^<!doctype html>[^]*<\/html>\n$/);
});

t.test('audit --accept takes what there is, and only of the devices that were named', async (t) => {
  const { cwd, options } = copyPolicies(t);
  appendFileSync(join(cwd, 'policies/common_device.policy'), '\n# For a test.\npoll: allow\n');
  t.equal(runPolicy(cwd, 'audit', ...options).code, 1);
  t.equal(runPolicy(cwd, 'audit', 'rng', ...options, '--accept').code, 0);
  t.equal(runPolicy(cwd, 'audit', 'rng', ...options).code, 0);
  t.equal(runPolicy(cwd, 'audit', 'block', ...options).code, 1);
  t.equal(runPolicy(cwd, 'audit', ...options, '--accept').code, 0);
  t.equal(runPolicy(cwd, 'audit', ...options).code, 0);
});

t.test('audit is content with a policy that shrank, and says so', async (t) => {
  const { cwd, options } = copyPolicies(t);
  appendFileSync(join(cwd, 'policies/rng_device.policy'), '\n# For a test.\npoll: allow\n');
  t.equal(runPolicy(cwd, 'audit', ...options, '--accept').code, 0);
  cpSync(join(ROOT, 'seccomp/x86_64'), join(cwd, 'policies'), { recursive: true, force: true });
  t.match(runPolicy(cwd, 'audit', ...options), {
    code: 0,
    stdout: /^shrunk +rng: - poll\(0x0, 0x0, 0x0\)/m,
  });
});

t.test('audit --accept writes a baseline where there is none', async (t) => {
  const { cwd } = copyPolicies(t);
  const options = ['--seccomp-policy-dir', 'policies', '--baseline', 'new.json'];
  t.equal(runPolicy(cwd, 'audit', ...options).code, 35);
  t.notOk(existsSync(join(cwd, 'new.json')));
  t.equal(runPolicy(cwd, 'audit', ...options, '--accept').code, 0);
  t.equal(readFileSync(join(cwd, 'new.json'), 'utf8'), readFileSync(BASELINE, 'utf8'));
});

t.test('audit shows the errors of a policy', async (t) => {
  const { cwd, options } = copyPolicies(t);
  appendFileSync(join(cwd, 'policies/rng_device.policy'), 'nosuchcall: allow\n');
  t.match(runPolicy(cwd, 'audit', ...options), {
    code: 1,
    stderr: /policies\/rng_device\.policy\(\d+:1\): nonexistent syscall/,
  });
});

t.test('audit prints JSON', async (t) => {
  const run = runPolicy(ROOT, 'audit', '--format', 'json');
  t.match(JSON.parse(run.stdout), {
    version: 1,
    changes: [],
    devices: [...DEVICE_KINDS].sort().map((device) => ({ device, profile: { device } })),
  });
});
