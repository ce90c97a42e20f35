import t from 'tap';
import { diskName } from '../../../src/vmm/config.ts';

t.test('diskName counts as Linux does', async (t) => {
  t.same([0, 1, 25, 26, 27, 51, 52, 701, 702].map(diskName), [
    'vda',
    'vdb',
    'vdz',
    'vdaa',
    'vdab',
    'vdaz',
    'vdba',
    'vdzz',
    'vdaaa',
  ]);
});
