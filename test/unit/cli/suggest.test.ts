import fc from 'fast-check';
import t from 'tap';
import { nearest, suggestion } from '../../../src/cli/suggest.ts';
import { holds } from '../../support/property.ts';

const WORDS = ['path', 'ro', 'root', 'sparse', 'block-size', 'direct'];

t.test('nearest finds the word of which another is a slip', async (t) => {
  t.equal(nearest('pth', WORDS), 'path', 'a letter is missing');
  t.equal(nearest('paath', WORDS), 'path', 'one too many');
  t.equal(nearest('psth', WORDS), 'path', 'one is wrong');
  t.equal(nearest('apth', WORDS), 'path', 'two are swapped');
  t.equal(nearest('PATH', WORDS), 'path', 'capitals');
  t.equal(nearest('blocksize', WORDS), 'block-size');
  t.equal(nearest('direkt', WORDS), 'direct');
});

t.test('nearest finds nothing for a word that is like none', async (t) => {
  t.equal(nearest('xyz', WORDS), undefined);
  t.equal(nearest('', WORDS), undefined);
  t.equal(nearest('block-something', WORDS), undefined);
  t.equal(nearest('path', []), undefined);
});

t.test('nearest finds every word itself, and after a single slip', async (t) => {
  const words = ['path', 'sparse', 'block-size', 'direct'];
  const slip = fc.record({
    word: fc.constantFrom(...words),
    at: fc.nat(3),
    letter: fc.constantFrom('a', 'b', 'x', 'y', 'z'),
  });
  holds(
    t,
    fc.property(slip, ({ word, at, letter }) => {
      const wrong = word.slice(0, at) + letter + word.slice(at + 1);
      return nearest(word, words) === word && nearest(wrong, words) === word;
    }),
  );
});

t.test('suggestion is a clause, or nothing', async (t) => {
  t.equal(suggestion('pth', WORDS), '; did you mean "path"?');
  t.equal(suggestion('xyz', WORDS), '');
});
