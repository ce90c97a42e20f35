import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { ConfigError } from '../../../src/base/errors.ts';
import { parseRunArguments, type RunArguments } from '../../../src/cli/run-options.ts';

const directory = t.testdir({ kernel: 'x', disk: 'x', other: 'x', initrd: 'x' });
const file = (name: string): string => join(directory, name);
const MINIMAL: RunArguments = {
  kernel: file('kernel'),
  params: [],
  disks: [],
  serial: [],
  rng: true,
  sandbox: true,
};

function parse(changes: Partial<RunArguments>) {
  return parseRunArguments({ ...MINIMAL, ...changes });
}

function messageOf(changes: Partial<RunArguments>): string {
  try {
    parse(changes);
    return 'it was taken';
  } catch (error) {
    return error instanceof ConfigError ? error.message : `not a ConfigError: ${String(error)}`;
  }
}

t.test(
  'parseRunArguments with a kernel alone: one vCPU, 256 MiB, the entropy device',
  async (t) => {
    const config = parse({});
    t.match(config, { kernelPath: file('kernel'), vcpuCount: 1, memoryBytes: 256 << 20 });
    t.same(config.devices, [{ kind: 'rng', label: 'rng', options: {} }]);
    t.equal(config.root, undefined);
    t.equal(config.sandbox, true);
  },
);

t.test('parseRunArguments keeps the order of the disks, and names the root by it', async (t) => {
  const disks = [
    { option: '--disk', value: file('disk') },
    { option: '--rwroot', value: file('other') },
    { option: '--block', value: `${file('kernel')},ro,id=third,block_size=4096,direct,queues=4` },
  ];
  const { devices, root } = parse({ disks });
  t.match(devices, [
    { kind: 'block', label: 'vda', options: { path: file('disk'), readOnly: true } },
    { kind: 'block', label: 'vdb', options: { path: file('other'), readOnly: false } },
    {
      kind: 'block',
      label: 'vdc',
      options: {
        path: file('kernel'),
        readOnly: true,
        id: 'third',
        blockSize: 4096,
        direct: true,
        queues: 4,
      },
    },
    { kind: 'rng' },
  ]);
  t.same(root, { device: '/dev/vdb', readOnly: false });
});

t.test('parseRunArguments --root and --block root,ro mean the same', async (t) => {
  const legacy = parse({ disks: [{ option: '--root', value: file('disk') }] });
  const block = parse({ disks: [{ option: '--block', value: `${file('disk')},root,ro` }] });
  t.same(block, legacy);
});

t.test('parseRunArguments takes a path with commas where the option has no keys', async (t) => {
  writeFileSync(file('a,ro=1'), '');
  const { devices } = parse({ disks: [{ option: '--rwdisk', value: file('a,ro=1') }] });
  t.match(devices[0], { options: { path: file('a,ro=1'), readOnly: false } });
});

t.test('parseRunArguments reads counts as numbers and under their keys', async (t) => {
  t.equal(parse({ cpus: '4' }).vcpuCount, 4);
  t.equal(parse({ cpus: 'num-cores=3' }).vcpuCount, 3);
  t.equal(parse({ mem: 'size=512' }).memoryBytes, 512 << 20);
  t.equal(parse({ mem: '5120' }).memoryBytes, 5 * 2 ** 30);
});

for (const { title, changes, message } of [
  { title: 'no vCPU', changes: { cpus: '0' }, message: /^--cpus 0: must be .* from 1 to 64/ },
  { title: 'too many vCPUs', changes: { cpus: '65' }, message: /^--cpus 65: must be / },
  { title: 'half a vCPU', changes: { cpus: '1.5' }, message: /^--cpus 1\.5: must be / },
  { title: 'no number', changes: { cpus: 'two' }, message: /^--cpus two: must be / },
  {
    title: 'too little memory',
    changes: { mem: '31' },
    message: /^--mem 31: must be .*MiB from 32/,
  },
  { title: 'endless memory', changes: { mem: '99999999999' }, message: /^--mem 99999999999: must/ },
  { title: 'an empty number', changes: { mem: '' }, message: /^--mem : must be a whole number/ },
  {
    title: 'a kernel that is not there',
    changes: { kernel: '/nowhere/vmlinux' },
    message: /^KERNEL \/nowhere\/vmlinux: this kernel path does not exist/,
  },
  {
    title: 'a directory as the kernel',
    changes: { kernel: directory },
    message: /^KERNEL .*directory/,
  },
  {
    title: 'an initrd that is not there',
    changes: { initrd: '/nowhere/initrd' },
    message: /^--initrd \/nowhere\/initrd: this initrd path does not exist/,
  },
  {
    title: 'a directory of policies that is not there',
    changes: { seccompPolicyDir: '/nowhere' },
    message: /^--seccomp-policy-dir \/nowhere: there is no such directory/,
  },
  {
    title: 'a disk that is not there',
    changes: { disks: [{ option: '--rwdisk', value: '/nowhere/disk' }] },
    message: /^--rwdisk \/nowhere\/disk: this disk path does not exist/,
  },
  {
    title: 'a disk option without a path',
    changes: { disks: [{ option: '--block', value: 'ro' }] },
    message: /^--block ro: missing field "path"/,
  },
  {
    title: 'a misspelt key',
    changes: { disks: [{ option: '--block', value: `${file('disk')},raed-only` }] },
    message: /^--block .*: unknown key "raed-only"/,
  },
  {
    title: 'two root disks',
    changes: {
      disks: [
        { option: '--root', value: file('disk') },
        { option: '--rwroot', value: file('other') },
      ],
    },
    message: /^--rwroot .*other: only one root disk can be specified/,
  },
] satisfies { title: string; changes: Partial<RunArguments>; message: RegExp }[]) {
  t.test(`parseRunArguments refuses ${title}`, async (t) => {
    t.match(messageOf(changes), message);
  });
}
