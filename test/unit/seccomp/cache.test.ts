import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import {
  cacheKey,
  compileCached,
  directoryStorage,
  type ProgramStorage,
} from '../../../src/seccomp/cache.ts';
import { compilePolicyFile } from '../../../src/seccomp/compile.ts';

/** Storage that counts what is asked of it. */
function countingStorage(): ProgramStorage & {
  readonly entries: Map<string, Uint8Array>;
  hits: number;
} {
  const entries = new Map<string, Uint8Array>();
  return {
    entries,
    hits: 0,
    get(key: string): Uint8Array | null {
      const found = entries.get(key) ?? null;
      this.hits += found === null ? 0 : 1;
      return found;
    },
    put(key: string, program: Uint8Array): void {
      entries.set(key, program);
    },
  };
}

const OPTIONS = { arch: 'x86_64' } as const;

t.test('compileCached compiles once, and again when any input changes', async (t) => {
  const dir = t.testdir({
    'main.policy': '@include ./a.policy',
    'a.policy': 'read: 1',
    f: 'read: 5',
  });
  const main = join(dir, 'main.policy');
  const storage = countingStorage();
  const first = compileCached(main, OPTIONS, storage);
  t.same(first, compilePolicyFile(main, OPTIONS).program);
  t.same(compileCached(main, OPTIONS, storage), first);
  t.equal(storage.hits, 1);
  writeFileSync(join(dir, 'a.policy'), 'read: 1\n@frequency ./f');
  compileCached(main, OPTIONS, storage);
  writeFileSync(join(dir, 'f'), 'read: 6');
  compileCached(main, OPTIONS, storage);
  compileCached(main, { ...OPTIONS, useKillProcess: true }, storage);
  compileCached(main, { ...OPTIONS, defaultReturn: 0x7fc0_0000 }, storage);
  t.equal(storage.hits, 1, 'every change has a key of its own');
  t.equal(storage.entries.size, 5);
});

t.test('compileCached does not trust an entry that the kernel would not take', async (t) => {
  const dir = t.testdir({ 'main.policy': 'read: 1' });
  const storage: ProgramStorage = { get: () => Uint8Array.of(1, 2, 3), put: () => undefined };
  const program = compileCached(join(dir, 'main.policy'), OPTIONS, storage);
  t.same(program, compilePolicyFile(join(dir, 'main.policy'), OPTIONS).program);
});

t.test('compileCached reports errors although a program is there', async (t) => {
  const dir = t.testdir({ 'main.policy': 'read: 1\nfoo: 1' });
  t.throws(() => compileCached(join(dir, 'main.policy'), OPTIONS, countingStorage()), {
    code: 'ERR_POLICY_SYNTAX',
  });
});

t.test('cacheKey tells inputs apart whose bytes run together', async (t) => {
  const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
  const one = cacheKey(
    [
      { path: 'a', bytes: bytes('xy') },
      { path: 'b', bytes: bytes('z') },
    ],
    OPTIONS,
  );
  const two = cacheKey(
    [
      { path: 'a', bytes: bytes('x') },
      { path: 'b', bytes: bytes('yz') },
    ],
    OPTIONS,
  );
  t.not(one, two);
  t.match(one, /^[0-9a-f]{64}$/);
});

t.test('directoryStorage keeps programs that only their owner can read', async (t) => {
  const directory = join(t.testdir(), 'cache', 'seccomp');
  const storage = directoryStorage(directory);
  t.equal(storage.get('k'), null);
  storage.put('k', Uint8Array.of(1, 2));
  t.same([...(storage.get('k') ?? [])], [1, 2]);
  t.same(readdirSync(directory), ['k.bpf'], 'no temporary file is left');
  t.equal(statSync(join(directory, 'k.bpf')).mode & 0o777, 0o600);
});

t.test('directoryStorage survives a directory that it cannot write', async (t) => {
  const dir = t.testdir({ file: 'not a directory' });
  const storage = directoryStorage(join(dir, 'file', 'cache'));
  t.doesNotThrow(() => {
    storage.put('k', Uint8Array.of(1));
  });
  t.equal(storage.get('k'), null);
  mkdirSync(join(dir, 'other'));
  t.equal(readFileSync(join(dir, 'file'), 'utf8'), 'not a directory');
});
