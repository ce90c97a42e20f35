/** What benchmarks and tests read of the small guest. */
import t from 'tap';
import { linesOf, numberField, parseGuestOutput } from './output.ts';

t.test('parseGuestOutput splits lines into a word and its fields', async (t) => {
  const lines = parseGuestOutput(
    '\nboot protocol=pvh ram_end=0x1000\r\n\nidle\nhello text=a=b flag\n',
  );
  t.strictSame(
    lines.map(({ word, fields }) => [word, ...fields]),
    [
      ['boot', ['protocol', 'pvh'], ['ram_end', '0x1000']],
      ['idle'],
      ['hello', ['text', 'a=b'], ['flag', '']],
    ],
  );
});

t.test('linesOf keeps the lines of one word, in order', async (t) => {
  const lines = parseGuestOutput('blk n=1\nrng n=2\nblk n=3\n');
  t.strictSame(
    linesOf(lines, 'blk').map((line) => numberField(line, 'n')),
    [1, 3],
  );
});

t.test('numberField reads decimal and hexadecimal and refuses the rest', async (t) => {
  const [line] = parseGuestOutput('x dec=12 hex=0xff text=abc');
  if (line === undefined) {
    throw new Error('no line was parsed');
  }
  t.equal(numberField(line, 'dec'), 12);
  t.equal(numberField(line, 'hex'), 255);
  t.throws(() => numberField(line, 'text'), { message: /no number text in "x dec,12/ });
  t.throws(() => numberField(line, 'absent'), { message: /no number absent/ });
});
