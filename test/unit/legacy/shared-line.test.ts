import t from 'tap';
import { SharedLine } from '../../../src/legacy/shared-line.ts';
import { RecordingLine } from './recording-line.ts';

t.test('SharedLine is up while any input is', async (t) => {
  const line = new RecordingLine();
  const shared = new SharedLine(line);
  const first = shared.input();
  const second = shared.input();
  first.setLevel(true);
  first.setLevel(true);
  second.setLevel(true);
  first.setLevel(false);
  t.equal(line.isAsserted, true);
  second.setLevel(false);
  t.equal(line.isAsserted, false);
  t.equal(line.risingEdges, 1);
});
