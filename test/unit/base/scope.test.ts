import t from 'tap';
import { Scope } from '../../../src/base/scope.ts';

t.test('Scope.close undoes everything, the newest first, and only once', async (t) => {
  const undone: string[] = [];
  const scope = new Scope('test');
  scope.defer('first', () => {
    undone.push('first');
  });
  scope.defer('second', async () => {
    await Promise.resolve();
    undone.push('second');
  });
  await scope.close();
  await scope.close();
  t.same(undone, ['second', 'first']);
});

t.test('Scope.close goes on after a part whose undoing fails', async (t) => {
  const undone: string[] = [];
  const scope = new Scope('test');
  scope.defer('first', () => {
    undone.push('first');
  });
  scope.defer('broken', () => {
    throw new Error('this line is expected in the log');
  });
  await scope.close();
  t.same(undone, ['first']);
});
