/** What the kernel says, from outside, about a device process in its jail. */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import t from 'tap';
import { parseCapabilities } from '../../src/jail/capabilities.ts';
import { targetFor } from '../../src/seccomp/target.ts';
import { skipWithoutJails } from '../support/jailed-node.ts';
import { JailedProbe } from '../support/jailed-probe.ts';
import { strictProgram } from '../support/strict-policy.ts';

const skip = skipWithoutJails();
const NAMESPACES = ['user', 'pid', 'mnt', 'net', 'ipc', 'uts', 'cgroup'];
const NO_CAPABILITIES = {
  inheritable: 0n,
  permitted: 0n,
  effective: 0n,
  bounding: 0n,
  ambient: 0n,
};

function links(pid: number | 'self'): string[] {
  const dir = `/proc/${pid}/fd`;
  const names = readdirSync(dir).flatMap((fd) => {
    try {
      return [readlinkSync(`${dir}/${fd}`)];
    } catch {
      // The descriptor that listed the folder is closed by now.
      return [];
    }
  });
  return names.sort();
}

for (const kind of ['rng', 'block']) {
  t.test(`every thread of a confined ${kind} device is without rights`, { skip }, async (t) => {
    using probe = new JailedProbe(kind);
    probe.confine(strictProgram());
    const dir = `/proc/${probe.device.pid}/task`;
    const threads = readdirSync(dir);
    t.ok(threads.length > 1, 'V8 has helper threads');
    for (const tid of threads) {
      const status = readFileSync(`${dir}/${tid}/status`, 'utf8');
      t.strictSame(parseCapabilities(status), NO_CAPABILITIES);
      t.match(status, /^NoNewPrivs:\t1$/m);
      t.match(status, /^Seccomp:\t2$/m);
    }
  });

  t.test(`uid 0 would mean nothing to a ${kind} device, for good`, { skip }, async (t) => {
    const PR_GET_SECUREBITS = 27;
    // NOROOT, NO_SETUID_FIXUP and NO_CAP_AMBIENT_RAISE, each with its lock, and KEEP_CAPS locked at 0.
    const expected = 0b11_10_11_11;
    using probe = new JailedProbe(kind);
    probe.confine();
    const number = targetFor('x86_64').syscalls.get('prctl') ?? -1;
    t.strictSame(probe.order({ number, args: [PR_GET_SECUREBITS] }), {
      result: expected,
      errno: 0,
    });
  });

  t.test(`a ${kind} device is in namespaces of its own`, { skip }, async (t) => {
    using probe = new JailedProbe(kind);
    for (const name of NAMESPACES) {
      t.not(
        readlinkSync(`/proc/${probe.device.pid}/ns/${name}`),
        readlinkSync(`/proc/self/ns/${name}`),
        name,
      );
    }
  });

  t.test(`a ${kind} device holds no descriptor but those on its list`, { skip }, async (t) => {
    using probe = new JailedProbe(kind);
    probe.confine();
    const ours = links('self');
    const held = links(probe.device.pid);
    const output = readlinkSync(`/proc/self/fd/${probe.outputReadEnd.raw}`);
    const shared = new Set(held.filter((name) => ours.includes(name) && !name.startsWith('anon_')));
    shared.delete('/dev/null');
    t.strictSame([...shared], [output], 'with this process it shares the output pipe only');
    t.equal(held.filter((name) => name.startsWith('socket:')).length, 1, 'one socket, the channel');
    // Node makes pipes, event counters and epolls of its own.
    const foreign = held.filter((name) => !/^(\/dev\/null|pipe:|socket:|anon_inode:)/.test(name));
    t.strictSame(foreign, [], 'no file of the host');
  });

  t.test(`all mounts of a ${kind} device are read-only, nosuid and nodev`, { skip }, async (t) => {
    using probe = new JailedProbe(kind);
    const lines = readFileSync(`/proc/${probe.device.pid}/mountinfo`, 'utf8').trim().split('\n');
    t.ok(lines.length > 5);
    for (const line of lines) {
      const [, , , , mountPoint, options = ''] = line.split(' ');
      const flags = options.split(',');
      t.ok(
        ['ro', 'nosuid', 'nodev'].every((flag) => flags.includes(flag)),
        `${mountPoint ?? ''} ${options}`,
      );
    }
  });

  t.test(
    `a ${kind} device of a machine that root started is not root on the host`,
    {
      skip: skip !== false ? skip : process.geteuid?.() !== 0 && 'only root has another id to give',
    },
    async (t) => {
      using probe = new JailedProbe(kind);
      const status = readFileSync(`/proc/${probe.device.pid}/status`, 'utf8');
      const uids = /^Uid:\t(\d+)\t(\d+)\t(\d+)\t(\d+)$/m.exec(status)?.slice(1) ?? [];
      t.equal(uids.length, 4);
      t.notOk(uids.includes('0'));
      t.match(status, /^Groups:\s*$/m, 'and in no group of the host');
    },
  );
}
