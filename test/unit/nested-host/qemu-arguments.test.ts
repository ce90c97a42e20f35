import t from 'tap';
import { qemuArguments } from '../../../src/nested-host/qemu-arguments.ts';

const MACHINE = {
  images: { kernel: '/cache/vmlinuz', initrd: '/cache/initrd' },
  memoryMib: 2048,
  cpus: 2,
  exchange: '/tmp/exchange',
  out: '/tmp/a,b',
  consoleLog: '/tmp/console',
};

t.test(
  "qemuArguments shares this machine's files read-only and only the two directories writable",
  async (t) => {
    const shares = qemuArguments(MACHINE).filter((argument) => argument.startsWith('local,'));
    t.same(
      shares.map((share) => /path=(?<path>.*?),security_model/.exec(share)?.groups?.['path']),
      ['/', '/tmp/exchange', '/tmp/a,,b'],
    );
    t.same(
      shares.map((share) => share.includes('readonly=on')),
      [true, false, false],
    );
  },
);

t.test(
  'qemuArguments emulates in software, with virtualization for the guests in there',
  async (t) => {
    const line = qemuArguments(MACHINE).join(' ');
    t.match(line, '-accel tcg');
    t.match(line, 'svm=on');
    t.match(line, '-smp 2 -m 2048');
  },
);
