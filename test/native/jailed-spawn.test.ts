import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  closeSync,
  cpSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  readSync,
  rmSync,
} from 'node:fs';
import { constants, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import t from 'tap';
import { ENOENT } from '../../src/sys/errno.ts';
import { bindNumeric } from '../../src/sys/libc.ts';
import { type NativeSpawnOptions, spawnJailed, waitPid } from '../../src/sys/native.ts';
import { createPipe } from '../../src/sys/pipe.ts';
import {
  childPids,
  jailedNodeOptions,
  readToEnd,
  runJailed,
  skipWithoutJails,
} from '../support/jailed-node.ts';
import { copyProgram } from '../support/ordinary-user.ts';

const NULL_OUTPUT = 2;
const skip = skipWithoutJails();

t.test(
  'spawnJailed gives the program an empty, read-only root and a name that tells nothing',
  { skip },
  async (t) => {
    const { output, state, status } = runJailed(`
    const fs = require('node:fs');
    const attempt = (f) => { try { return f(); } catch (error) { return error.code; } };
    console.log(JSON.stringify({
      entries: fs.readdirSync('/').sort(),
      write: attempt(() => fs.writeFileSync('/file', '')),
      writeProgram: attempt(() => fs.openSync('/bin/node', 'r+')),
      proc: fs.existsSync('/proc'),
      hostname: require('node:os').hostname(),
      pid: process.pid,
      uid: process.getuid(),
      gid: process.getgid(),
      groups: process.getgroups(),
      interfaces: Object.keys(require('node:os').networkInterfaces()),
    }));`);
    t.match({ state, status }, { state: 'exited', status: 0 });
    // CAST: the script above prints this shape; a wrong value fails the comparison.
    const seen = JSON.parse(output) as Record<string, unknown>;
    t.match(seen, {
      write: 'EROFS',
      writeProgram: /EROFS|EACCES|ETXTBSY/,
      proc: false,
      hostname: 'device',
      pid: 1,
      uid: 1000,
      gid: 1000,
    });
    t.strictSame(seen['entries'], ['bin', 'lib', 'lib64'], 'nothing of the host is left');
    t.strictSame(seen['interfaces'], [], 'the loopback interface is down');
  },
);

t.test('spawnJailed leaves the mounts of the host as they were', { skip }, async (t) => {
  const before = readFileSync('/proc/self/mountinfo', 'utf8');
  runJailed('0');
  t.equal(readFileSync('/proc/self/mountinfo', 'utf8'), before);
});

t.test(
  'spawnJailed hands over the listed descriptors under their new numbers',
  { skip },
  async (t) => {
    const first = createPipe();
    const second = createPipe();
    const out = createPipe();
    // Each appears under the number that the other has here, which only works by way of spare copies.
    const { pid } = spawnJailed(
      jailedNodeOptions(
        `const fs = require('node:fs');
       fs.writeSync(${second.writeEnd.raw}, 'first');
       fs.writeSync(${first.writeEnd.raw}, 'second');`,
        out.writeEnd.raw,
        {
          fds: [
            ...[0, 1, 2].map((to) => ({ from: out.writeEnd.raw, to })),
            { from: first.writeEnd.raw, to: second.writeEnd.raw },
            { from: second.writeEnd.raw, to: first.writeEnd.raw },
          ],
        },
      ),
    );
    for (const pipe of [first, second, out]) {
      pipe.writeEnd.close();
    }
    t.equal(readToEnd(first.readEnd.raw), 'first');
    t.equal(readToEnd(second.readEnd.raw), 'second');
    t.match(waitPid(pid, false), { state: 'exited', status: 0 }, readToEnd(out.readEnd.raw));
    for (const pipe of [first, second, out]) {
      pipe.readEnd.close();
    }
  },
);

t.test(
  'spawnJailed closes every other descriptor, also one that survives exec',
  { skip },
  async (t) => {
    const out = createPipe();
    const secret = createPipe();
    // dup(2) makes a copy that is not close-on-exec.
    const leaky = bindNumeric('int dup(int fd)')(secret.writeEnd.raw);
    const options = jailedNodeOptions(
      'console.log("up"); setInterval(() => {}, 1000)',
      out.writeEnd.raw,
    );
    const { pid } = spawnJailed(options);
    readSync(out.readEnd.raw, Buffer.alloc(16));
    const held = readdirSync(`/proc/${pid}/fd`).map((fd) => readlinkSync(`/proc/${pid}/fd/${fd}`));
    t.ok(
      held.includes(readlinkSync(`/proc/self/fd/${out.writeEnd.raw}`)),
      'the granted pipe is there',
    );
    t.notOk(held.includes(readlinkSync(`/proc/self/fd/${leaky}`)), 'the other one is not');
    process.kill(pid, 'SIGKILL');
    waitPid(pid, false);
    closeSync(leaky);
    for (const pipe of [out, secret]) {
      pipe.readEnd.close();
      pipe.writeEnd.close();
    }
  },
);

t.test('spawnJailed reports the code that the program ends with', { skip }, async (t) => {
  t.match(runJailed('process.exit(7)'), { state: 'exited', status: 7 });
});

t.test('spawnJailed applies resource limits', { skip }, async (t) => {
  const { output } = runJailed(
    `const report = process.report.getReport();
     console.log(JSON.stringify(report.userLimits.open_files));`,
    { rlimits: [{ resource: 7, soft: 64, hard: 64 }] },
  );
  t.strictSame(JSON.parse(output), { soft: 64, hard: 64 });
});

const failures: readonly {
  readonly what: string;
  readonly change: Partial<NativeSpawnOptions>;
  readonly message: string;
}[] = [
  {
    what: 'a source of a bind that does not exist',
    change: { mounts: [{ source: '/no/such/file', target: '/file' }] },
    message: 'spawnJailed: step bind: mount failed: ENOENT (/no/such/file)',
  },
  {
    what: 'a program that is not in the jail',
    change: { path: '/bin/none' },
    message: 'spawnJailed: step execute: execve failed: ENOENT (/bin/none)',
  },
  {
    what: 'a staging directory that does not exist',
    change: { stagingDirectory: '/no/such/directory' },
    message: 'spawnJailed: step root: mount failed: ENOENT (/no/such/directory)',
  },
];
for (const { what, change, message } of failures) {
  t.test(
    `spawnJailed names the step that fails for ${what}, and leaves no process`,
    { skip },
    async (t) => {
      t.throws(() => spawnJailed(jailedNodeOptions('0', NULL_OUTPUT, change)), {
        code: 'ERR_JAIL_SPAWN',
        errno: ENOENT,
        message,
      });
      t.strictSame(childPids(), []);
    },
  );
}

t.test(
  'spawnJailed names the step that fails for an id map that the kernel refuses',
  { skip },
  async (t) => {
    t.throws(() => spawnJailed(jailedNodeOptions('0', NULL_OUTPUT, { uidMap: 'nonsense' })), {
      code: 'ERR_JAIL_SPAWN',
      step: 'uid_map',
      message: 'spawnJailed: step uid_map: write failed: EINVAL (nonsense)',
    });
    t.strictSame(childPids(), []);
  },
);

const badArguments: readonly [
  string,
  Partial<Record<keyof NativeSpawnOptions, unknown>>,
  RegExp,
][] = [
  ['no mount namespace', { namespaces: 0x1000_0000 }, /namespaces must be/],
  ['an unknown namespace', { namespaces: 0x7fff_ffff }, /namespaces must be/],
  ['a relative target', { mounts: [{ source: '/bin', target: 'bin' }] }, /mounts must be/],
  ['a target that climbs', { mounts: [{ source: '/bin', target: '/a/../b' }] }, /mounts must be/],
  ['the old root as a target', { mounts: [{ source: '/bin', target: '/.old' }] }, /mounts must be/],
  [
    'one number twice',
    {
      fds: [
        { from: 1, to: 3 },
        { from: 2, to: 3 },
      ],
    },
    /fds must be/,
  ],
  ['a number out of range', { fds: [{ from: 1, to: 256 }] }, /fds must be/],
  ['a NUL in an argument', { argv: ['node', 'a\0b'] }, /argv a non-empty/],
  ['an unknown resource', { rlimits: [{ resource: 99, soft: 0, hard: 0 }] }, /rlimits must be/],
  ['a host name that is too long', { hostname: 'x'.repeat(65) }, /hostname must be/],
];
for (const [what, change, message] of badArguments) {
  t.test(`spawnJailed refuses ${what}`, { skip }, async (t) => {
    // CAST: deliberately of the wrong shape.
    const wrong = change as Partial<NativeSpawnOptions>;
    t.throws(() => spawnJailed(jailedNodeOptions('0', NULL_OUTPUT, wrong)), {
      name: 'TypeError',
      message,
    });
  });
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return !/^State:\tZ/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch (error) {
    // CAST: errors of process.kill and fs carry a code.
    const { code } = error as NodeJS.ErrnoException;
    return code !== 'ESRCH' && code !== 'ENOENT';
  }
}

/** Starts this test file's own modules in another Node, which spawns a jailed sleeper and prints its pid. */
/** @param tree the compiled tree to load the addon from. */
function startSpawner(
  options: { readonly uid?: number; readonly gid?: number } = {},
  tree = join(import.meta.dirname, '../..'),
) {
  const support = pathToFileURL(join(tree, 'test/support/jailed-node.js')).href;
  const native = pathToFileURL(join(tree, 'src/sys/native.js')).href;
  const script = `
    import { jailedNodeOptions } from '${support}';
    import { spawnJailed } from '${native}';
    const { pid } = spawnJailed(jailedNodeOptions('setInterval(() => {}, 1000)', 2));
    console.log(pid);
    setInterval(() => {}, 1000);`;
  return spawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
    cwd: '/',
    ...options,
  });
}

async function readPid(child: ReturnType<typeof startSpawner>): Promise<number> {
  // CAST: 'data' of a pipe without encoding yields one Buffer.
  const [chunk] = (await once(child.stdout, 'data')) as [Buffer];
  return Number(chunk.toString());
}

async function waitUntilGone(pid: number): Promise<boolean> {
  for (let attempt = 0; attempt < 200 && isAlive(pid); attempt++) {
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  return !isAlive(pid);
}

t.test('a jailed process dies with its parent, even of SIGKILL', { skip }, async (t) => {
  const parent = startSpawner();
  const pid = await readPid(parent);
  t.ok(isAlive(pid), 'it runs while its parent does');
  parent.kill('SIGKILL');
  t.ok(await waitUntilGone(pid), 'it is gone');
});

t.test(
  'spawnJailed works for an ordinary user',
  {
    skip:
      skip !== false
        ? skip
        : process.getuid?.() !== 0 && 'this user is one: every other test shows it',
  },
  async (t) => {
    // The checkout may lie where only its owner may go.
    const directory = mkdtempSync(join(tmpdir(), 'jailed-spawn-'));
    t.teardown(() => {
      rmSync(directory, { recursive: true });
    });
    chmodSync(directory, 0o755);
    const support = dirname(copyProgram(directory));
    cpSync(join(import.meta.dirname, '../support/jailed-node.js'), join(support, 'jailed-node.js'));
    const parent = startSpawner({ uid: 65534, gid: 65534 }, join(support, '../..'));
    const pid = await readPid(parent);
    const status = readFileSync(`/proc/${pid}/status`, 'utf8');
    t.match(status, /^Uid:\t65534\t65534\t65534\t65534$/m, 'it is that user to the host');
    t.match(status, /^CapBnd:\t0{16}$/m);
    t.match(readFileSync(`/proc/${pid}/setgroups`, 'utf8'), 'deny');
    parent.kill('SIGKILL');
    t.ok(await waitUntilGone(pid));
  },
);

t.test(
  'signals that a jailed program does not handle are ignored, being process 1',
  { skip },
  async (t) => {
    const out = createPipe();
    const { pid } = spawnJailed(
      jailedNodeOptions('console.log("up"); setInterval(() => {}, 1000)', out.writeEnd.raw),
    );
    out.writeEnd.close();
    const chunk = Buffer.alloc(16);
    readSync(out.readEnd.raw, chunk);
    process.kill(pid, 'SIGTERM');
    t.match(waitPid(pid, true), { state: 'running' });
    process.kill(pid, 'SIGKILL');
    t.match(waitPid(pid, false), { state: 'signaled', status: constants.signals.SIGKILL });
    out.readEnd.close();
    t.notOk(existsSync(`/proc/${pid}`));
    t.throws(() => waitPid(pid, true), { code: 'ERR_SYSCALL', syscall: 'waitid' });
  },
);
