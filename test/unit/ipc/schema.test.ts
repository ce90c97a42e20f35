import fc from 'fast-check';
import t from 'tap';
import { ProtocolError } from '../../../src/base/errors.ts';
import { checkDeviceMessage, checkParentMessage } from '../../../src/ipc/device-protocol.ts';
import {
  boolean,
  bytes,
  integer,
  list,
  literal,
  nullable,
  record,
  text,
  u64,
  union,
} from '../../../src/ipc/schema.ts';

const point = record({ x: integer(0, 10), label: text(3) });

function refusal(check: () => unknown): string {
  try {
    check();
    return 'accepted';
  } catch (error) {
    return error instanceof ProtocolError ? `${error.code}: ${error.message}` : String(error);
  }
}

t.test('record accepts exactly its fields', async (t) => {
  t.same(point({ x: 10, label: 'abc' }, 'p'), { x: 10, label: 'abc' });
});

t.test('record names the field that is wrong', async (t) => {
  t.equal(
    refusal(() => point({ x: 11, label: '' }, 'p')),
    'ERR_IPC_SCHEMA: p.x must be an integer from 0 to 10, not number',
  );
  t.equal(
    refusal(() => point({ x: 1 }, 'p')),
    'ERR_IPC_SCHEMA: p.label must be a string of at most 3 characters, not undefined',
  );
});

t.test('record refuses a field that it does not know, inherited names included', async (t) => {
  t.equal(
    refusal(() => point({ x: 1, label: '', y: 2 }, 'p')),
    'ERR_IPC_SCHEMA: p has the unknown field "y"',
  );
  t.match(
    refusal(() => point(JSON.parse('{"x":1,"label":"","__proto__":{}}'), 'p')),
    /unknown field "__proto__"/,
  );
});

t.test('record refuses what is not a record', async (t) => {
  for (const value of [null, undefined, 1, 'x', [], new Map()]) {
    t.match(
      refusal(() => point(value, 'p')),
      /ERR_IPC_SCHEMA/,
    );
  }
});

t.test('integer refuses fractions, NaN and bigints', async (t) => {
  for (const value of [0.5, Number.NaN, Number.POSITIVE_INFINITY, 1n, '1']) {
    t.match(
      refusal(() => integer(0, 10)(value, 'n')),
      /ERR_IPC_SCHEMA/,
      String(value),
    );
  }
});

t.test('u64 takes numbers and bigints and yields a bigint', async (t) => {
  t.equal(u64(5, 'n'), 5n);
  t.equal(u64((1n << 64n) - 1n, 'n'), (1n << 64n) - 1n);
  t.match(
    refusal(() => u64(1n << 64n, 'n')),
    /unsigned 64-bit/,
  );
  t.match(
    refusal(() => u64(-1, 'n')),
    /unsigned 64-bit/,
  );
});

t.test('bytes, text and list keep their limits', async (t) => {
  t.match(
    refusal(() => bytes(1)(new Uint8Array(2), 'b')),
    /at most 1 bytes/,
  );
  t.match(
    refusal(() => text(1)('ab', 's')),
    /at most 1 characters/,
  );
  t.match(
    refusal(() => list(boolean, 1)([true, false], 'l')),
    /at most 1 elements/,
  );
  t.match(
    refusal(() => list(boolean, 2)([true, 3], 'l')),
    /l\[1\] must be a boolean/,
  );
});

t.test('nullable takes null and nothing else besides the value', async (t) => {
  t.equal(nullable(boolean)(null, 'n'), null);
  t.match(
    refusal(() => nullable(boolean)(undefined, 'n')),
    /ERR_IPC_SCHEMA/,
  );
});

t.test('union chooses by type and refuses types it does not have', async (t) => {
  const either = union({ a: record({ type: literal('a') }), b: record({ type: literal('b') }) });
  t.same(either({ type: 'b' }, 'm'), { type: 'b' });
  for (const type of ['c', 'toString', 1, undefined]) {
    t.match(
      refusal(() => either({ type }, 'm')),
      /not a known message type/,
      String(type),
    );
  }
});

t.test(
  'the device protocol: any value is accepted whole or refused with a ProtocolError',
  async (t) => {
    const types = fc.constantFrom(
      'start',
      'confine',
      'activate',
      'reset',
      'writeConfig',
      'described',
      'ready',
      'resetDone',
      'config',
      'needsReset',
      'failed',
    );
    const message = fc.oneof(
      fc.anything({ withBigInt: true, withTypedArray: true }),
      fc.record({
        type: types,
        features: fc.bigInt(),
        queues: fc.anything(),
        bytes: fc.uint8Array(),
      }),
      fc.record({ type: types, offset: fc.integer(), bytes: fc.uint8Array({ maxLength: 9 }) }),
    );
    fc.assert(
      fc.property(message, (value) => {
        for (const check of [checkDeviceMessage, checkParentMessage]) {
          try {
            check(value, 'message');
          } catch (error) {
            if (!(error instanceof ProtocolError)) {
              return false;
            }
          }
        }
        return true;
      }),
    );
    t.pass('no other outcome in any run');
  },
);
