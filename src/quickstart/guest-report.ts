/** Reads the report that the guest prints about itself (src/guest-images/guest/functions) and checks it. */

import { createHash } from 'node:crypto';
import { closeSync, openSync, readSync } from 'node:fs';

const PREFIX = 'guest: ';
const BEGIN = 'BEGIN report';
const END = 'END report';
const MIB = 1024 * 1024;

/** Collects the report from the lines of the guest's console. */
export class GuestReport {
  readonly #facts: string[] = [];
  #state: 'before' | 'inside' | 'complete' = 'before';

  /** Takes one line; others than those of the report are passed over. */
  readLine(line: string): void {
    if (!line.startsWith(PREFIX)) {
      return;
    }
    const fact = line.slice(PREFIX.length);
    if (fact === BEGIN && this.#state === 'before') {
      this.#state = 'inside';
    } else if (fact === END && this.#state === 'inside') {
      this.#state = 'complete';
    } else if (this.#state === 'inside') {
      this.#facts.push(fact);
    }
  }

  get isComplete(): boolean {
    return this.#state === 'complete';
  }

  /** What the guest said, without the marks. */
  get facts(): readonly string[] {
    return this.#facts;
  }

  /** What it read from its root disk; undefined when it said nothing of it. */
  get diskSum(): { readonly mib: number; readonly sha256: string } | undefined {
    for (const fact of this.#facts) {
      const match = /^sha256 (\d+) MiB of \S+ ([0-9a-f]{64})$/.exec(fact);
      if (match !== null) {
        return { mib: Number(match[1]), sha256: match[2] ?? '' };
      }
    }
    return undefined;
  }
}

/** SHA-256 of a file's first `mib` MiB, or of all of it if it is shorter. */
export function hashStart(path: string, mib: number): string {
  const bytes = Buffer.alloc(mib * MIB);
  const fd = openSync(path, 'r');
  try {
    const length = readSync(fd, bytes, 0, bytes.length, 0);
    return createHash('sha256').update(bytes.subarray(0, length)).digest('hex');
  } finally {
    closeSync(fd);
  }
}
