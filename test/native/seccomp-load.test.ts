import { spawnSync } from 'node:child_process';
import t from 'tap';

const at = (path: string) => new URL(`../../src/sys/${path}`, import.meta.url).href;

/** BPF of a filter that answers one syscall with an action and allows the rest. */
const FILTER = `
  const ALLOW = 0x7fff0000;
  const filter = (nr, action) => {
    const bytes = new Uint8Array(32);
    const view = new DataView(bytes.buffer);
    [[0x20, 0, 0, 0], [0x15, 0, 1, nr], [0x06, 0, 0, action], [0x06, 0, 0, ALLOW]].forEach(
      ([code, jt, jf, k], index) => {
        view.setUint16(index * 8, code, true);
        view.setUint8(index * 8 + 2, jt);
        view.setUint8(index * 8 + 3, jf);
        view.setUint32(index * 8 + 4, k, true);
      });
    return bytes;
  };`;

/** Runs a script in a process of its own, since a filter is for good. */
function run(script: string) {
  const result = spawnSync(
    process.execPath,
    [
      '--input-type=module',
      '-e',
      `import { seccompLoad } from '${at('native.js')}'; ${FILTER} ${script}`,
    ],
    { encoding: 'utf8', timeout: 20_000 },
  );
  return { output: result.stdout.trim(), errors: result.stderr, status: result.status };
}

t.test('seccompLoad filters every thread of the process, and returns -1', async (t) => {
  const { output, errors } = run(`
    import { readdirSync, readFileSync } from 'node:fs';
    const EPERM_FOR_GETPRIORITY = 0x00050001;
    const result = seccompLoad(filter(140, EPERM_FOR_GETPRIORITY), { newListener: false });
    const modes = readdirSync('/proc/self/task').map(
      (tid) => /^Seccomp:\\t(\\d)$/m.exec(readFileSync('/proc/self/task/' + tid + '/status', 'utf8'))[1]);
    console.log(JSON.stringify({ result, threads: modes.length > 1, modes: [...new Set(modes)] }));`);
  t.strictSame(JSON.parse(output), { result: -1, threads: true, modes: ['2'] }, errors);
});

t.test('seccompLoad makes the filter act', async (t) => {
  const { output, errors } = run(`
    import os from 'node:os';
    os.getPriority();
    seccompLoad(filter(140, 0x00050001), { newListener: false, log: true });
    try { os.getPriority(); } catch (error) { console.log(error.info.code); }`);
  t.equal(output, 'EPERM', errors);
});

t.test('seccompLoad returns a listener that is close-on-exec', async (t) => {
  const { output, errors } = run(`
    import { readFileSync, readlinkSync } from 'node:fs';
    const listener = seccompLoad(filter(140, 0x7fc00000), { newListener: true });
    const flags = /^flags:\\s*([0-7]+)$/m.exec(readFileSync('/proc/self/fdinfo/' + listener, 'utf8'))[1];
    console.log(readlinkSync('/proc/self/fd/' + listener), (parseInt(flags, 8) & 0o2000000) !== 0);`);
  t.equal(output, 'anon_inode:seccomp notify true', errors);
});

t.test('seccompLoad throws EBUSY for a second listener', async (t) => {
  const { output, errors } = run(`
    seccompLoad(filter(140, 0x7fc00000), { newListener: true });
    try {
      seccompLoad(filter(140, 0x7fc00000), { newListener: true });
    } catch (error) {
      console.log(error.code, error.message);
    }`);
  t.equal(
    output,
    'ERR_SECCOMP_LOAD seccompLoad: seccomp(SECCOMP_SET_MODE_FILTER) failed: EBUSY',
    errors,
  );
});

t.test('seccompLoad throws EINVAL for a program that the kernel refuses', async (t) => {
  const { output, errors } = run(`
    try {
      seccompLoad(new Uint8Array(8).fill(0xff), { newListener: false });
    } catch (error) {
      console.log(error.code, error.syscall, error.errno);
    }`);
  t.equal(output, 'ERR_SECCOMP_LOAD seccomp(SECCOMP_SET_MODE_FILTER) 22', errors);
});

t.test('seccompLoad refuses programs of a wrong length without asking the kernel', async (t) => {
  const { output, errors } = run(`
    const refused = [0, 7, 12, 4097 * 8].map((length) => {
      try {
        seccompLoad(new Uint8Array(length), { newListener: false });
        return 'loaded';
      } catch (error) {
        return error.name;
      }
    });
    console.log(refused.join(' '));`);
  t.equal(output, 'TypeError TypeError TypeError TypeError', errors);
});
