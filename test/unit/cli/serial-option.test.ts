import fc from 'fast-check';
import t from 'tap';
import { ConfigError } from '../../../src/base/errors.ts';
import { parseSerials } from '../../../src/cli/serial-option.ts';
import { holds } from '../../support/property.ts';

t.test('parseSerials without options: the terminal on COM1, nothing on the others', async (t) => {
  t.match(parseSerials([]), [
    { hardware: 'serial', num: 1, output: { type: 'stdout' }, stdin: true, console: true },
    { num: 2, output: { type: 'sink' }, stdin: false, console: false },
    { num: 3, output: { type: 'sink' }, stdin: false, console: false },
    { num: 4, output: { type: 'sink' }, stdin: false, console: false },
  ]);
});

t.test('parseSerials reads all keys of a port', async (t) => {
  const [port] = parseSerials(['type=file,path=/tmp/log,num=2,console,input=/tmp/in']);
  t.match(port, {
    hardware: 'serial',
    num: 2,
    output: { type: 'file', path: '/tmp/log' },
    inputPath: '/tmp/in',
    stdin: false,
    console: true,
  });
});

t.test('parseSerials gives standard input to one port only', async (t) => {
  const ports = parseSerials(['type=stdout,num=2,stdin']);
  t.same(
    ports.filter(({ stdin }) => stdin).map(({ num }) => num),
    [2],
  );
});

t.test('parseSerials makes COM1 the console when no port is said to be', async (t) => {
  const ports = parseSerials(['type=sink,num=1']);
  t.same(
    ports.filter(({ console }) => console).map(({ num }) => num),
    [1],
  );
});

t.test('parseSerials puts a debug console beside the four ports', async (t) => {
  const ports = parseSerials(['hardware=debugcon,type=stdout,debugcon_port=0x403']);
  t.equal(ports.length, 5);
  t.match(ports[0], { hardware: 'debugcon', debugconPort: 0x403 });
  t.match(parseSerials(['hardware=debugcon,type=stdout'])[0], { debugconPort: 0x402 });
});

for (const { texts, message } of [
  { texts: ['type=fil,path=x'], message: 'unknown type "fil"; did you mean "file"?' },
  { texts: ['type=file'], message: 'type=file needs path=…' },
  { texts: ['type=unix'], message: 'type=unix needs path=…' },
  { texts: ['type=sink,path=x'], message: 'type=sink takes no path' },
  { texts: ['type=stdout,num=0'], message: 'Serial port num must be at least 1' },
  { texts: ['type=stdout,num=5'], message: 'Serial port num must be 4 or less' },
  { texts: ['type=sink,stdin,input=x'], message: 'Cannot specify both stdin and input options' },
  {
    texts: ['type=sink,hardware=seriel'],
    message: 'unknown hardware "seriel"; did you mean "serial"?',
  },
  { texts: ['type=sink', 'type=stdout,num=1'], message: 'serial 1 is configured twice' },
  {
    texts: ['type=sink,num=1,stdin', 'type=sink,num=2,stdin'],
    message: 'serial 1 already connected to standard input',
  },
  {
    texts: ['type=sink,hardware=debugcon,debugcon-port=0x10000'],
    message: 'debugcon-port must be an I/O port, at most 0xffff',
  },
]) {
  t.test(`parseSerials refuses ${texts.join(' and ')}`, async (t) => {
    try {
      parseSerials(texts);
      t.fail('it was taken');
    } catch (error) {
      t.match(error, { code: 'ERR_OPTION_VALUE' });
      const said = error instanceof ConfigError ? error.message : '';
      t.ok(said.startsWith(`--serial ${texts.at(-1) ?? ''}: `), said);
      t.ok(said.includes(message), said);
    }
  });
}

t.test(
  'parseSerials gives every port once, one console and at most one reader of stdin',
  async (t) => {
    const option = fc
      .record({
        type: fc.constantFrom('stdout', 'sink', 'file', 'unix', 'x'),
        num: fc.integer({ min: 0, max: 5 }),
        flags: fc.subarray(['stdin', 'console', 'path=/x', 'hardware=debugcon']),
      })
      .map(({ type, num, flags }) => [`type=${type}`, `num=${num}`, ...flags].join(','));
    holds(
      t,
      fc.property(fc.array(option, { maxLength: 4 }), (texts) => {
        try {
          const ports = parseSerials(texts);
          const nums = ports.filter(({ hardware }) => hardware === 'serial').map(({ num }) => num);
          return (
            nums.sort().join() === '1,2,3,4' &&
            ports.some(({ console }) => console) &&
            ports.filter(({ stdin }) => stdin).length <= 1
          );
        } catch (error) {
          return error instanceof ConfigError && error.message.startsWith('--serial ');
        }
      }),
    );
  },
);
