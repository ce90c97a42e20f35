import { chmodSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { checkReadableByOthers, nodeMounts, rootMounts } from '../../../src/jail/root.ts';
import { readSharedObject } from '../../../src/jail/shared-objects.ts';

t.test(
  'nodeMounts puts the dynamic linker where the kernel looks, and libraries under the names asked for',
  async (t) => {
    const { interpreter = '' } = readSharedObject(process.execPath);
    const linker = interpreter.split('/').at(-1) ?? '';
    const node = { path: '/opt/node', soname: undefined, needed: ['libc.so.6'], interpreter };
    const libc = {
      path: '/usr/lib/libc-2.so',
      soname: 'libc.so.6',
      needed: [linker],
      interpreter: undefined,
    };
    const loader = {
      path: '/usr/lib/linker.so',
      soname: linker,
      needed: [],
      interpreter: undefined,
    };
    const mounts = nodeMounts(node, [node, libc, loader]);
    t.strictSame(
      mounts.map(({ target }) => target),
      ['/bin/node', interpreter, '/lib/libc.so.6'],
    );
    t.equal(mounts.at(-1)?.source, '/usr/lib/libc-2.so');
    t.ok(mounts.every(({ executable, writable = false }) => executable === true && !writable));
  },
);

t.test('nodeMounts also finds what the addons of this process need', async (t) => {
  const node = { path: '/opt/node', soname: undefined, needed: [], interpreter: undefined };
  const addon = {
    path: '/app/a.node',
    soname: undefined,
    needed: ['libz.so.1'],
    interpreter: undefined,
  };
  const libz = { path: '/lib/libz.so.1', soname: 'libz.so.1', needed: [], interpreter: undefined };
  const mounts = nodeMounts(node, [node, addon, libz]);
  t.strictSame(
    mounts.map(({ target }) => target),
    ['/bin/node', '/lib/libz.so.1'],
  );
});

t.test('rootMounts has every target once, Node first', async (t) => {
  const application = { entry: '/app/x.js', mounts: [{ source: '/x.js', target: '/app/x.js' }] };
  const targets = rootMounts(application).map(({ target }) => target);
  t.equal(new Set(targets).size, targets.length);
  t.equal(targets[0], '/bin/node');
  t.equal(targets.at(-1), '/app/x.js');
});

t.test('checkReadableByOthers names what only its owner may read', async (t) => {
  const dir = t.testdir({ open: '', closed: '', folder: {} });
  chmodSync(join(dir, 'open'), 0o644);
  chmodSync(join(dir, 'closed'), 0o640);
  chmodSync(join(dir, 'folder'), 0o754);
  const open = { source: join(dir, 'open'), target: '/open' };
  checkReadableByOthers([open]);
  for (const [name, directory] of [
    ['closed', false],
    ['folder', true],
  ] as const) {
    const source = join(dir, name);
    t.throws(
      () => {
        checkReadableByOthers([open, { source, target: '/x', directory }]);
      },
      {
        code: 'ERR_JAIL_UNREADABLE',
        message: new RegExp(
          `^${source} is not readable for other users.*chmod -R o\\+rX ${source}$`,
        ),
      },
    );
  }
});
