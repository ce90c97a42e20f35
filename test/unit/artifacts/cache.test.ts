import { existsSync, readdirSync, readFileSync, utimesSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import t from 'tap';
import {
  type ArtifactSet,
  cacheDirectory,
  digest,
  ensureArtifacts,
} from '../../../src/artifacts/cache.ts';

/** A set of one file whose builds are counted. */
function countingSet(input: string): { set: ArtifactSet<'image'>; builds: () => number } {
  let builds = 0;
  const set = {
    name: 'thing',
    inputs: [input],
    files: ['image'] as const,
    build: (directory: string) => {
      builds++;
      writeFileSync(join(directory, 'image'), `made of ${input}`);
      return Promise.resolve({ package: '1.0' });
    },
  };
  return { set, builds: () => builds };
}

t.test('ensureArtifacts builds once and then returns the same path', async (t) => {
  const { set, builds } = countingSet('a');
  const cache = t.testdir();
  const first = await ensureArtifacts(set, cache);
  const second = await ensureArtifacts(set, cache);
  t.equal(builds(), 1);
  t.same(second, first);
  t.equal(readFileSync(first.image, 'utf8'), 'made of a');
});

t.test('ensureArtifacts keeps sets of other inputs apart', async (t) => {
  const cache = t.testdir();
  const first = await ensureArtifacts(countingSet('a').set, cache);
  const second = await ensureArtifacts(countingSet('b').set, cache);
  t.not(second.image, first.image);
  t.equal(readFileSync(first.image, 'utf8'), 'made of a');
});

t.test('ensureArtifacts rebuilds a file of the right size whose contents changed', async (t) => {
  const { set, builds } = countingSet('a');
  const cache = t.testdir();
  const { image } = await ensureArtifacts(set, cache);
  writeFileSync(image, 'made of z');
  // Whatever the clock's resolution, the time is another one than the manifest's.
  utimesSync(image, 1, 1);
  await ensureArtifacts(set, cache);
  t.equal(builds(), 2);
  t.equal(readFileSync(image, 'utf8'), 'made of a');
});

t.test(
  'ensureArtifacts accepts a file that was copied, with another time and the same contents',
  async (t) => {
    const { set, builds } = countingSet('a');
    const cache = t.testdir();
    const { image } = await ensureArtifacts(set, cache);
    utimesSync(image, 1, 1);
    await ensureArtifacts(set, cache);
    t.equal(builds(), 1);
  },
);

t.test('ensureArtifacts rebuilds when the manifest is not one', async (t) => {
  const { set, builds } = countingSet('a');
  const cache = t.testdir();
  const { image } = await ensureArtifacts(set, cache);
  writeFileSync(join(image, '../manifest.json'), '{"files":null}');
  await ensureArtifacts(set, cache);
  t.equal(builds(), 2);
});

t.test('ensureArtifacts leaves nothing behind when a build fails', async (t) => {
  const cache = t.testdir();
  const set = { ...countingSet('a').set, build: () => Promise.reject(new Error('no network')) };
  await t.rejects(ensureArtifacts(set, cache), { message: 'no network' });
  t.same(readdirSync(cache), []);
});

t.test('ensureArtifacts gives two builders at a time one whole set', async (t) => {
  const { set } = countingSet('a');
  const cache = t.testdir();
  const [first, second] = await Promise.all([
    ensureArtifacts(set, cache),
    ensureArtifacts(set, cache),
  ]);
  t.same(first, second);
  t.equal(readFileSync(first.image, 'utf8'), 'made of a');
  t.equal(readdirSync(cache).length, 1);
});

t.test('ensureArtifacts removes sets that nobody used for weeks when it builds one', async (t) => {
  const cache = t.testdir();
  const [old, recent] = [countingSet('a').set, countingSet('b').set];
  const { image: oldImage } = await ensureArtifacts(old, cache);
  const { image: recentImage } = await ensureArtifacts(recent, cache);
  const weeksAgo = Date.now() / 1000 - 15 * 24 * 3600;
  utimesSync(dirname(oldImage), weeksAgo, weeksAgo);
  utimesSync(dirname(recentImage), weeksAgo, weeksAgo);
  await ensureArtifacts(recent, cache);
  await ensureArtifacts(countingSet('c').set, cache);
  t.notOk(existsSync(oldImage));
  t.ok(existsSync(recentImage));
});

t.test(
  'cacheDirectory prefers its own variable, then the one of the desktop standard',
  async (t) => {
    t.equal(cacheDirectory({ CROSVM_NODE_CACHE: '/a', XDG_CACHE_HOME: '/b' }), '/a');
    t.equal(cacheDirectory({ CROSVM_NODE_CACHE: '', XDG_CACHE_HOME: '/b' }), '/b/crosvm-node');
    t.match(cacheDirectory({}), /\/\.cache\/crosvm-node$/);
  },
);

t.test('digest tells apart lists whose parts join to the same bytes', async (t) => {
  t.not(digest(['ab', 'c']), digest(['a', 'bc']));
});
