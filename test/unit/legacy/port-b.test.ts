import t from 'tap';
import { PortB } from '../../../src/legacy/port-b.ts';

t.test('PortB says that the timer has run out, whatever was written', async (t) => {
  const port = new PortB();
  port.write();
  t.equal(port.read(0, 1) & 0x20, 0x20);
});
