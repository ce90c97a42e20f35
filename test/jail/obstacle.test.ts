import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { skipWithoutJails } from '../support/jailed-node.ts';

const hasUnshare = spawnSync('unshare', ['--version']).status === 0;
const skip = skipWithoutJails() || (!hasUnshare && 'unshare(1) of util-linux is not installed');

t.test(
  'spawnDevice names the sysctl on a host that forbids user namespaces',
  { skip },
  async (t) => {
    // Such a host, made of a user namespace with a limit of its own.
    const probe = fileURLToPath(new URL('../support/jailed-probe.js', import.meta.url));
    const script = `
    import { JailedProbe } from '${probe}';
    try { new JailedProbe('rng'); } catch (error) { console.log(error.code + ' ' + error.message); }`;
    const host =
      'echo 0 >/proc/sys/user/max_user_namespaces && exec "$0" --input-type=module -e "$1"';
    const { stdout, stderr } = spawnSync(
      'unshare',
      ['--user', '--map-root-user', 'sh', '-c', host, process.execPath, script],
      { encoding: 'utf8', timeout: 20_000 },
    );
    t.equal(
      stdout,
      'ERR_JAIL_USERNS cannot make a jail: this host forbids user namespaces: ' +
        'sysctl user.max_user_namespaces is 0, raise it\n',
      stderr,
    );
  },
);

t.test(
  'spawnJailed names a noexec mount that a library would have to come from',
  { skip },
  async (t) => {
    const dir = t.testdir({});
    const support = fileURLToPath(new URL('../support/jailed-node.js', import.meta.url));
    const native = fileURLToPath(new URL('../../src/sys/native.js', import.meta.url));
    const script = `
    import { jailedNodeOptions } from '${support}';
    import { spawnJailed } from '${native}';
    const mounts = [{ source: '${dir}/library', target: '/lib/x', executable: true }];
    try { spawnJailed(jailedNodeOptions('', 2, { mounts })); } catch (error) { console.log(error.message); }`;
    const host =
      'mount -t tmpfs -o noexec tmpfs "$2" && touch "$2/library" && exec "$0" --input-type=module -e "$1"';
    const { stdout, stderr } = spawnSync(
      'unshare',
      ['--user', '--map-root-user', '--mount', 'sh', '-c', host, process.execPath, script, dir],
      { encoding: 'utf8', timeout: 20_000 },
    );
    t.equal(
      stdout,
      `spawnJailed: step bind from a noexec mount: exec failed: EACCES (${dir}/library)\n`,
      stderr,
    );
  },
);
