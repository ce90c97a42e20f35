/** The control socket of a machine: where it lies, whose it is, and what comes through it. */
import { existsSync, lstatSync, mkdirSync, readdirSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import tmp from 'tmp';
import { connectSeqpacket, listenSeqpacket } from '../../src/sys/unix-socket.ts';
import { runCrosvm, SIGNS_OF_A_MISTAKE } from '../support/crosvm-process.ts';
import { describeRun, runSmallGuest, startSmallGuest } from '../support/small-guest.ts';
import { kvmUnavailable } from '../support/tiny-machine.ts';

const skip = kvmUnavailable() ?? false;
/** Without jails they start sooner, and nothing here is about them. */
const QUICK = ['--disable-sandbox', '--no-rng'];

function makeDirectory(t: { teardown(action: () => void): void }): string {
  const directory = tmp.dirSync({ unsafeCleanup: true });
  t.teardown(directory.removeCallback);
  return directory.name;
}

t.test('--socket DIRECTORY puts crosvm-PID.sock there, for its owner only', { skip }, async (t) => {
  const directory = makeDirectory(t);
  const machine = startSmallGuest(t, { words: 'idle', args: [...QUICK, '--socket', directory] });
  await machine.waitFor('idle');
  const path = join(directory, `crosvm-${machine.pid}.sock`);
  const stat = lstatSync(path);
  t.ok(stat.isSocket());
  t.equal(stat.mode & 0o777, 0o600);
  const stop = await runCrosvm(t, ['stop', path]);
  t.equal(stop.code, 0, describeRun(stop));
  const end = await machine.end();
  t.equal(end.code, 0, describeRun(end));
  t.match(end.stderr, /stopped by request/);
  t.same(readdirSync(directory), []);
});

t.test('a socket that a machine listens on is not taken over', { skip }, async (t) => {
  const path = join(makeDirectory(t), 'vm.sock');
  const first = startSmallGuest(t, { words: 'idle', args: [...QUICK, '--socket', path] });
  await first.waitFor('idle');
  const second = await runSmallGuest(t, { words: 'hello', args: [...QUICK, '--socket', path] });
  t.equal(second.code, 35, describeRun(second));
  t.match(
    second.stderr,
    `--socket ${path}: this socket path already exists and belongs to a running`,
  );
  t.notMatch(second.stdout, 'hello');
  t.ok(existsSync(path), 'the socket of the first is still there');
  t.equal((await runCrosvm(t, ['stop', path])).code, 0, 'and answers');
  t.equal((await first.end()).code, 0);
});

t.test('a socket that nobody listens on any more is replaced', { skip }, async (t) => {
  const path = join(makeDirectory(t), 'vm.sock');
  listenSeqpacket(path).close();
  t.ok(lstatSync(path).isSocket(), 'a socket is left of somebody');
  const machine = startSmallGuest(t, { words: 'idle', args: [...QUICK, '--socket', path] });
  await machine.waitFor('idle');
  t.equal((await runCrosvm(t, ['stop', path])).code, 0);
  t.equal((await machine.end()).code, 0);
  t.notOk(existsSync(path));
});

t.test('what is no socket is not removed', { skip }, async (t) => {
  const path = join(makeDirectory(t), 'notes.txt');
  writeFileSync(path, 'precious');
  const run = await runSmallGuest(t, { words: 'hello', args: [...QUICK, '--socket', path] });
  t.equal(run.code, 35, describeRun(run));
  t.match(run.stderr, `--socket ${path}: this path exists and is not a socket`);
  t.ok(lstatSync(path).isFile());
});

t.test('a socket path that cannot be made is named', { skip }, async (t) => {
  const directory = makeDirectory(t);
  const tooLong = join(directory, 'x'.repeat(120));
  for (const path of [join(directory, 'nowhere/vm.sock'), tooLong]) {
    const run = await runSmallGuest(t, { words: 'hello', args: [...QUICK, '--socket', path] });
    t.equal(run.code, 35, describeRun(run));
    t.ok(run.stderr.includes(`--socket ${path}`), run.stderr);
    t.notMatch(run.stdout, 'hello');
    t.notMatch(run.stderr, SIGNS_OF_A_MISTAKE);
  }
});

t.test('crosvm stop ends what it can and tells what it cannot', { skip }, async (t) => {
  const directory = makeDirectory(t);
  const paths = ['a', 'b'].map((name) => join(directory, name));
  const machines = paths.map((path) =>
    startSmallGuest(t, { words: 'idle', args: [...QUICK, '--socket', path] }),
  );
  await Promise.all(machines.map((machine) => machine.waitFor('idle')));
  const nobody = join(directory, 'nobody');
  const folder = join(directory, 'folder');
  mkdirSync(folder);
  const stop = await runCrosvm(t, ['stop', nobody, ...paths, folder]);
  t.equal(stop.code, 1, describeRun(stop));
  t.match(stop.stderr, `failed to connect to socket at '${nobody}'`);
  t.match(stop.stderr, `failed to connect to socket at '${folder}'`);
  t.notMatch(stop.stderr, SIGNS_OF_A_MISTAKE);
  for (const machine of machines) {
    t.equal((await machine.end()).code, 0);
  }
});

t.test(
  'clients that are silent, hostile or many do not keep a machine from stopping',
  { skip },
  async (t) => {
    const path = join(makeDirectory(t), 'vm.sock');
    const machine = startSmallGuest(t, { words: 'idle', args: [...QUICK, '--socket', path] });
    await machine.waitFor('idle');
    const messages = [
      new Uint8Array(0),
      Uint8Array.of(0xc1),
      Uint8Array.of(0x81, 0xa4, 0x74, 0x79, 0x70, 0x65),
      new Uint8Array(60_000).fill(0x93),
      Buffer.from('{"type":"stop","version":1}'),
    ];
    // Fewer than the machine takes at a time; those who say nonsense are dropped.
    const clients = Array.from({ length: 50 }, () => connectSeqpacket(path));
    clients.forEach((client, index) => {
      if (typeof client === 'number') {
        throw new Error(`errno ${client}`);
      }
      const message = messages[index % messages.length];
      if (index >= 10 && message !== undefined) {
        writeSync(client.raw, message);
      }
    });
    const stop = await runCrosvm(t, ['stop', path]);
    t.equal(stop.code, 0, describeRun(stop));
    const end = await machine.end();
    t.equal(end.code, 0, describeRun(end));
    t.notMatch(end.stderr, SIGNS_OF_A_MISTAKE);
    t.match(end.stderr, /control: client dropped: /);
    for (const client of clients) {
      if (typeof client !== 'number') {
        client.close();
      }
    }
  },
);
