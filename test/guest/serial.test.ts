/** Where the console goes: files, sockets, nowhere, and readers that are gone. */
import { readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import t from 'tap';
import tmp from 'tmp';
import { CROSVM, SIGNS_OF_A_MISTAKE, startCrosvm } from '../support/crosvm-process.ts';
import { describeRun, runSmallGuest, smallGuestImage } from '../support/small-guest.ts';
import { kvmUnavailable } from '../support/tiny-machine.ts';

const skip = kvmUnavailable() ?? false;
const QUICK = ['--disable-sandbox', '--no-rng'];

t.test(
  '--serial type=file keeps the console, and standard output stays empty',
  { skip },
  async (t) => {
    const path = join(t.testdir(), 'console.log');
    const args = [...QUICK, '--serial', `type=file,path=${path}`];
    const run = await runSmallGuest(t, { words: 'hello text=to-a-file', args });
    t.equal(run.code, 32, describeRun(run));
    t.equal(run.stdout, '');
    t.match(readFileSync(path, 'utf8'), /hello text=to-a-file\r?\ndone failures=0\r?\n$/);
  },
);

t.test('--serial type=unix sends the console to a socket', { skip }, async (t) => {
  const directory = tmp.dirSync({ unsafeCleanup: true });
  t.teardown(directory.removeCallback);
  const path = join(directory.name, 'console.sock');
  let received = '';
  const server = createServer((client) => {
    client.setEncoding('latin1').on('data', (text: string) => {
      received += text;
    });
  });
  await new Promise<void>((resolve) => server.listen(path, resolve));
  t.teardown(() => server.close());
  const args = [...QUICK, '--serial', `type=unix,path=${path}`];
  const run = await runSmallGuest(t, { words: 'hello text=to-a-socket', args });
  t.equal(run.code, 32, describeRun(run));
  t.match(received, /hello text=to-a-socket\r?\ndone failures=0\r?\n$/);
});

t.test('--serial type=sink takes the console and shows nothing', { skip }, async (t) => {
  const run = await runSmallGuest(t, { words: 'hello', args: [...QUICK, '--serial', 'type=sink'] });
  t.equal(run.code, 32, describeRun(run));
  t.equal(run.stdout, '');
});

t.test('--serial hardware=debugcon keeps every byte written to its port', { skip }, async (t) => {
  const path = join(t.testdir(), 'debug.log');
  const debugcon = `hardware=debugcon,type=file,path=${path},debugcon_port=0x403`;
  const words = 'exits out=0x403 count=500';
  const run = await runSmallGuest(t, { words, args: [...QUICK, '--serial', debugcon] });
  t.equal(run.code, 32, describeRun(run));
  // 100 more to warm up; the guest writes zeroes.
  t.ok(readFileSync(path).equals(Buffer.alloc(600)));
});

t.test('a console whose reader is gone does not end the machine', { skip }, async (t) => {
  const command = `"$0" "$1" --extended-status run ${QUICK.join(' ')} -p hello "$2" | true; echo "\${PIPESTATUS[0]}"`;
  const shell = ['bash', '-c', command];
  const run = startCrosvm(t, [smallGuestImage()], { wrapper: shell, program: CROSVM });
  const end = await run.end();
  t.equal(end.stdout.trim(), '32', describeRun(end));
  t.notMatch(end.stderr, SIGNS_OF_A_MISTAKE);
});

t.test('a console that nobody reads does not stop the machine', { skip }, async (t) => {
  // The guest writes more than a pipe holds (64 KiB) while its reader sleeps.
  const words = Array.from({ length: 400 }, () => 'pci').join(' ');
  const command = `"$0" "$1" --extended-status run ${QUICK.join(' ')} -p '${words}' "$2" | { sleep 8; wc -c; }; echo "\${PIPESTATUS[0]}"`;
  const shell = ['bash', '-c', command];
  const run = startCrosvm(t, [smallGuestImage()], { wrapper: shell, program: CROSVM });
  const end = await run.end();
  t.match(end.stdout.trim(), /\n32$/, describeRun(end));
});
