import { existsSync, statSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { describeApplication } from '../../../src/jail/application.ts';

const ENTRY = fileURLToPath(import.meta.url);

t.test(
  'describeApplication shows an unbundled entry with its tree, manifest and packages',
  async (t) => {
    const { entry, mounts } = describeApplication({ entry: ENTRY });
    t.match(entry, /^\/app\/.*\/test\/unit\/jail\/application\.test\.js$/);
    const targets = mounts.map(({ target }) => target);
    t.ok(targets.includes('/app/package.json'));
    t.ok(targets.includes('/app/node_modules/koffi'));
    t.ok(
      targets.some((target) => entry.startsWith(`${target}/`)),
      'the entry is in the tree',
    );
    for (const { source, directory = false } of mounts) {
      t.equal(statSync(source).isDirectory(), directory, source);
    }
  },
);

t.test(
  'describeApplication shows a bundle and its parts alone, with the native packages',
  async (t) => {
    const { entry, mounts } = describeApplication({ entry: ENTRY, parts: [`${ENTRY}.map`] });
    t.equal(mounts[0]?.target, entry);
    t.equal(mounts[1]?.target, `${entry}.map`);
    t.equal(mounts.length, 4);
    t.ok(mounts.slice(2).every(({ executable }) => executable === true));
  },
);

t.test(
  'describeApplication makes nothing writable, and executable only what has native code',
  async (t) => {
    const { mounts } = describeApplication({ entry: ENTRY });
    t.notOk(mounts.some(({ writable }) => writable === true));
    t.strictSame(
      mounts.filter(({ executable }) => executable === true).map(({ target }) => target),
      [
        `/app/node_modules/@koromix/koffi-linux-${process.arch}`,
        '/app/native/build/crosvm_native.node',
      ],
    );
  },
);

t.test('describeApplication refuses an entry that is missing or lies elsewhere', async (t) => {
  t.notOk(existsSync('/no/such/entry.js'));
  t.throws(() => describeApplication({ entry: '/no/such/entry.js' }), {
    code: 'ERR_JAIL_ENTRY',
    message: '/no/such/entry.js is missing; run "npm run build"',
  });
  t.throws(() => describeApplication({ entry: '/etc/hostname' }), {
    code: 'ERR_JAIL_ENTRY',
    message: /^\/etc\/hostname lies outside of /,
  });
});
