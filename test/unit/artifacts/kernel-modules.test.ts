import t from 'tap';
import { KernelModules, readDependencies } from '../../../src/artifacts/kernel-modules.ts';

/** A module file as far as its .modinfo section goes. */
function moduleFile(depends: string): string {
  return `\x7fELF\0license=GPL\0depends=${depends}\0retpoline=Y\0`;
}

const PACKAGE = {
  lib: {
    modules: {
      '6.1.0-1-amd64': {
        'modules.builtin': 'kernel/fs/ext4/ext4.ko\n',
        kernel: {
          'virtio.ko': moduleFile('virtio_ring'),
          'virtio_ring.ko': moduleFile(''),
          'virtio-rng.ko': moduleFile('virtio,virtio_ring'),
        },
      },
    },
  },
};

t.test('KernelModules.inLoadOrder puts every module after those that it needs', async (t) => {
  const modules = new KernelModules(t.testdir(PACKAGE));
  const order = modules.inLoadOrder(['virtio_rng', 'virtio']);
  t.same(
    order.map(({ path }) => path),
    ['kernel/virtio_ring.ko', 'kernel/virtio.ko', 'kernel/virtio-rng.ko'],
  );
});

t.test('KernelModules.inLoadOrder has no file for what is built in', async (t) => {
  const modules = new KernelModules(t.testdir(PACKAGE));
  t.ok(modules.has('ext4'));
  t.same(modules.inLoadOrder(['ext4']), []);
});

t.test('KernelModules.inLoadOrder names a module that the kernel lacks', async (t) => {
  const modules = new KernelModules(t.testdir(PACKAGE));
  t.notOk(modules.has('9p'));
  t.throws(() => modules.inLoadOrder(['9p']), {
    code: 'ERR_KERNEL_MODULE',
    message: 'kernel 6.1.0-1-amd64 has no module 9p',
  });
});

t.test('KernelModules refuses a directory with the modules of two kernels', async (t) => {
  const root = t.testdir({ lib: { modules: { a: {}, b: {} } } });
  t.throws(() => new KernelModules(root), { code: 'ERR_KERNEL_PACKAGE' });
});

t.test('readDependencies finds none where the section has no entry', async (t) => {
  t.same(readDependencies(Buffer.from('\x7fELF\0license=GPL\0')), []);
});

t.test('readDependencies spells names as lsmod does', async (t) => {
  t.same(readDependencies(Buffer.from(moduleFile('rng-core,virtio'))), ['rng_core', 'virtio']);
});
