import t from 'tap';
import { fittedGrowth } from '../../../bench/support/statistics.ts';

function points(values: readonly number[]): { seconds: number; value: number }[] {
  return values.map((value, index) => ({ seconds: index * 10, value }));
}

t.test('fittedGrowth is the rise of the line, whatever swings about it', (t) => {
  t.equal(fittedGrowth(points([5, 5, 5, 5])), 0);
  t.equal(fittedGrowth(points([1, 2, 3, 4])), 3);
  t.equal(fittedGrowth(points([4, 3, 2, 1])), -3);
  // Equal swings up and down, as far from the middle: no growth.
  t.equal(fittedGrowth(points([5, 7, 5, 7, 5])), 0);
  t.end();
});

t.test('fittedGrowth of fewer than three points is no number', (t) => {
  t.same(fittedGrowth([]), Number.NaN);
  t.same(fittedGrowth(points([1, 9])), Number.NaN);
  t.end();
});
