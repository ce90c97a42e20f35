/** A root file system that the guest writes: what it wrote is whole, for the host and for the next boot. */
import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { copyFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { runCrosvm, SIGNS_OF_A_MISTAKE } from '../support/crosvm-process.ts';
import {
  BOOT_TIMEOUT_MS,
  factOf,
  guestWords,
  linuxImages,
  linuxUnavailable,
  scriptWord,
  sectionOf,
} from '../support/linux-guest.ts';
import { describeRun } from '../support/small-guest.ts';

const skip = linuxUnavailable() ?? false;
const env = { ...process.env, PATH: `${process.env['PATH'] ?? ''}:/usr/sbin:/sbin` };
const ROOT = ['root=/dev/vda', 'rw', 'rootfstype=ext4', 'guest.mode=run'];
/** Read-only at the end, so that the file system needs no journal to be whole. */
const WRITE = `
  head -c 3000000 /dev/urandom >/data
  mkdir /many && for i in 1 2 3 4 5 6 7 8 9; do echo $i >/many/$i; done
  echo "sum $(sha256sum </data)"
  sync
  mount -o remount,ro /`;
const READ = `
  echo "sum $(sha256sum </data)"
  echo "many $(cat /many/* | tr -d '\\n')"
  mount -o remount,ro /`;

t.test('ext4 by --rwdisk and root=: written, synced, found again', { skip }, async (t) => {
  const { vmlinux, bzImage, initrd, ext4 } = await linuxImages();
  const disk = join(t.testdir(), 'root.ext4');
  copyFileSync(ext4, disk);
  const machine = ['--initrd', initrd, '--rwdisk', disk];

  const first = await runCrosvm(
    t,
    ['--extended-status', 'run', ...machine, ...guestWords([...ROOT, scriptWord(WRITE)]), vmlinux],
    { timeoutMs: BOOT_TIMEOUT_MS },
  );
  t.equal(first.code, 0, describeRun(first));
  t.notMatch(first.stderr, SIGNS_OF_A_MISTAKE);
  const sum = factOf(sectionOf(first.stdout, 'run'), 'sum')?.split(' ')[0];
  t.match(sum, /^[0-9a-f]{64}$/);

  const check = spawnSync('e2fsck', ['-fn', disk], { encoding: 'utf8', env });
  t.equal(check.status, 0, `${check.stdout}${check.stderr}`);
  const data = execFileSync('debugfs', ['-R', 'cat /data', disk], {
    env,
    stdio: 'pipe',
    maxBuffer: 1 << 23,
  });
  t.equal(
    createHash('sha256').update(data).digest('hex'),
    sum,
    'the host reads what the guest wrote',
  );

  const words = guestWords([...ROOT, scriptWord(READ), 'guest.end=reboot']);
  const second = await runCrosvm(
    t,
    ['run', '--disable-sandbox', '--cpus', '2', ...machine, ...words, bzImage],
    {
      timeoutMs: BOOT_TIMEOUT_MS,
    },
  );
  t.equal(second.code, 0, 'a reset is 0 without --extended-status');
  t.match(second.stderr, /the guest asked for a reset/);
  const found = sectionOf(second.stdout, 'run');
  t.equal(factOf(found, 'sum')?.split(' ')[0], sum, 'the next boot reads what the first one wrote');
  t.equal(factOf(found, 'many'), '123456789');
  t.equal(spawnSync('e2fsck', ['-fn', disk], { env }).status, 0);
});
