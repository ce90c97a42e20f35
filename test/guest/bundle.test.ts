/** The program as it is installed: `bin/crosvm`, which runs from bundles; the other tests run the modules. */
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { projectRoot } from '../../src/artifacts/sources.ts';
import { DEVICE_KINDS } from '../../src/devices/registry.ts';
import { KVM_DEVICE_PATH } from '../../src/hypervisor/kvm.ts';
import { loadProfile } from '../../src/jail/profile.ts';
import { PROFILE_DIRECTORY } from '../../src/vmm/project-files.ts';
import { smallGuestImage } from '../support/small-guest.ts';
import { writePatternDisk } from './firmware/pattern.ts';

const MIB = 1024 * 1024;
const skip = existsSync(KVM_DEVICE_PATH) ? false : `there is no ${KVM_DEVICE_PATH}`;
/** Asks V8 about a bundle and a cache, as src/launch/load-script.ts hands them to it. */
const ACCEPTS = `
const { readFileSync } = require('node:fs');
const source = readFileSync(process.argv[1], 'latin1');
const wrapped = '(function (exports, require, module, __filename, __dirname) {' + source + '\\n})';
const script = new (require('node:vm').Script)(wrapped, { cachedData: readFileSync(process.argv[2]) });
process.stdout.write(script.cachedDataRejected ? 'rejected' : 'accepted');
`;
const crosvm = join(projectRoot(import.meta.dirname), 'bin/crosvm');

for (const mode of [[], ['--disable-sandbox']]) {
  const name = mode.length === 0 ? 'jailed' : 'in its own process';
  t.test(`bin/crosvm runs a machine with its devices ${name}`, { skip }, async (t) => {
    const disk = join(t.testdir(), 'disk.img');
    writePatternDisk(disk, MIB);
    const job = 'rng blk mode=randread count=100';
    const words = ['run', ...mode, '-m', '64', '-r', disk, '-p', job, smallGuestImage()];
    const run = spawnSync(crosvm, words, { encoding: 'utf8', timeout: 60_000, input: '' });
    t.equal(run.status, 0, run.stderr);
    t.match(run.stdout, /^rng bytes=4096 /m);
    t.match(run.stdout, /^blk mode=randread .* requests=100 .* bad=0 /m);
    t.match(run.stdout, /^done failures=0/m);
  });
}

t.test('bin/crosvm version prints the version of the package', async (t) => {
  const run = spawnSync(crosvm, ['version'], { encoding: 'utf8', timeout: 60_000 });
  t.equal(run.status, 0, run.stderr);
  t.match(run.stdout, /^crosvm-node \d+\.\d+\.\d+\n$/);
});

t.test('V8 takes the code of every bundle from its cache', { skip }, async (t) => {
  const bundles = join(projectRoot(import.meta.dirname), 'dist/bundle');
  const caches = readdirSync(bundles).filter((name) => name.endsWith('.cache'));
  for (const cache of caches) {
    const [name = '', kind] = cache.split('.');
    // A cache belongs to the V8 flags that it was made with.
    const flags =
      kind === 'cache' || kind === undefined ? [] : loadProfile(PROFILE_DIRECTORY, kind).v8Flags;
    const run = spawnSync(
      process.execPath,
      [...flags, '-e', ACCEPTS, join(bundles, `${name}.code.cjs`), join(bundles, cache)],
      { encoding: 'utf8', timeout: 60_000 },
    );
    t.equal(run.stdout, 'accepted', `${cache}${run.stderr}`);
  }
  t.same(
    caches.sort(),
    [
      'crosvm.cache',
      ...DEVICE_KINDS.map((kind) => `device-host.${kind}.cache`),
      'machine-thread.cache',
      'vcpu-worker.cache',
    ].sort(),
  );
});
