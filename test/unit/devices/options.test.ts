import t from 'tap';
import { OptionReader } from '../../../src/devices/options.ts';

t.test('OptionReader takes what is there and falls back where nothing is', (t) => {
  const reader = new OptionReader('disk', {
    name: 'x',
    on: true,
    count: 3,
    size: 512,
    gone: undefined,
  });
  t.equal(reader.text('name', undefined), 'x');
  t.equal(reader.text('other', 'fallback'), 'fallback');
  t.equal(reader.flag('on', false), true);
  t.equal(reader.integer('count', 1, 0, 3), 3);
  t.equal(reader.oneOf('size', 4096, [512, 4096]), 512);
  t.equal(reader.flag('gone', true), true, 'a field that is undefined is absent');
  reader.finish();
  t.end();
});

t.test('OptionReader.finish names an option that nobody asked for', (t) => {
  const reader = new OptionReader('disk', { path: 'x', pth: 'y' });
  reader.text('path', undefined);
  t.throws(
    () => {
      reader.finish();
    },
    { code: 'ERR_DEVICE_OPTION', message: 'disk: unknown option "pth"; there are: path' },
  );
  t.end();
});

for (const value of [undefined, null, 7, 'path=x', ['x']]) {
  t.test(`OptionReader refuses ${JSON.stringify(value)} as a record`, (t) => {
    t.throws(() => new OptionReader('disk', value), {
      code: 'ERR_DEVICE_OPTION',
      message: 'disk: the options are not a record',
    });
    t.end();
  });
}

const wrong = new OptionReader('disk', { number: 1.5, text: 'x'.repeat(200), flag: 1, size: 7 });
for (const { name, read, message } of [
  {
    name: 'a fraction',
    read: () => wrong.integer('number', 0, 0, 10),
    message: 'disk: option "number" must be an integer from 0 to 10, not 1.5',
  },
  {
    name: 'a string that is too long, which it cuts short',
    read: () => wrong.text('text', '', { maxLength: 100 }),
    message: `disk: option "text" must be a string of at most 100 characters, not "${'x'.repeat(80)}"`,
  },
  {
    name: 'a number for a flag',
    read: () => wrong.flag('flag', false),
    message: 'disk: option "flag" must be true or false, not 1',
  },
  {
    name: 'a value that is not on the list',
    read: () => wrong.oneOf('size', 1, [1, 2]),
    message: 'disk: option "size" must be one of 1, 2, not 7',
  },
  {
    name: 'nothing where something is needed',
    read: () => wrong.text('path', undefined),
    message: 'disk: option "path" is missing',
  },
]) {
  t.test(`OptionReader refuses ${name}`, (t) => {
    t.throws(read, { code: 'ERR_DEVICE_OPTION', message });
    t.end();
  });
}
