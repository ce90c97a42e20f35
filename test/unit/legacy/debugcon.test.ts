import t from 'tap';
import { Debugcon } from '../../../src/legacy/debugcon.ts';

t.test('Debugcon passes bytes on and says that it is there', async (t) => {
  const bytes: number[] = [];
  const port = new Debugcon({ write: (byte) => bytes.push(byte) > 0 });
  port.write(0, 1, 0x41);
  port.write(0, 2, 0x4242);
  t.strictSame(bytes, [0x41]);
  t.equal(port.read(0, 1), 0xe9);
  t.equal(port.lostBytes, 0);
});

t.test('Debugcon counts what its sink does not take', async (t) => {
  const port = new Debugcon({ write: () => false });
  port.write(0, 1, 0x41);
  t.equal(port.lostBytes, 1);
});
