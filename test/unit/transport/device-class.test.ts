import t from 'tap';
import { classCodeOf } from '../../../src/transport/device-class.ts';

t.test('classCodeOf gives the classes that crosvm shows in lspci', async (t) => {
  const shown = [
    ['console', 3, 0x0780],
    ['block', 2, 0x0180],
    ['entropy source', 4, 0x0880],
    ['balloon', 5, 0x0880],
    ['network', 1, 0x0280],
  ] as const;
  for (const [name, type, classAndSubclass] of shown) {
    t.equal(classCodeOf(type), classAndSubclass * 0x100, name);
  }
  t.equal(classCodeOf(0x7f), 0xff_0000, 'a type that is not in the table');
});
