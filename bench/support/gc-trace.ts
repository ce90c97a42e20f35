/** Lines that V8 prints with `--trace-gc`: what is left in a heap after each collection. */

/** One collection. */
export interface Collection {
  /** Address of the isolate: one for each thread that runs JavaScript. */
  readonly isolate: string;
  /** Since the isolate was made, s. */
  readonly seconds: number;
  /** A whole collection, not of young objects only. */
  readonly isFull: boolean;
  readonly usedMib: number;
}

const LINE =
  /^\[\d+:(0x[0-9a-f]+)\]\s+(\d+) ms: (Scavenge|Mark-Compact).* -> ([\d.]+) \([\d.]+\) MB/;

/** Finds them among other lines. */
export function parseCollections(text: string): readonly Collection[] {
  return text.split('\n').flatMap((line) => {
    const [, isolate, ms, kind, used] = LINE.exec(line) ?? [];
    return isolate === undefined
      ? []
      : [
          {
            isolate,
            seconds: Number(ms) / 1000,
            isFull: kind === 'Mark-Compact',
            usedMib: Number(used),
          },
        ];
  });
}
