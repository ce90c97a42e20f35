/** Policy files as text: UTF-8 to physical lines, and the reader through which files are opened. */
import { readFileSync, statSync } from 'node:fs';

/** Opens the files that a policy names, so that tests and caches can stand in for the file system. */
export interface PolicyReader {
  /** The bytes of a regular file, or null where there is none that can be read. */
  read(path: string): Uint8Array | null;
}

/** Reads from the file system; symbolic links are followed, everything but a regular file is refused. */
export const fileReader: PolicyReader = {
  read(path: string): Uint8Array | null {
    try {
      return statSync(path).isFile() ? readFileSync(path) : null;
    } catch {
      return null;
    }
  },
};

/** Reads from memory: for tests, and for policies that are held as text. */
export function memoryReader(files: ReadonlyMap<string, string | Uint8Array>): PolicyReader {
  return {
    read(path: string): Uint8Array | null {
      const content = files.get(path);
      return typeof content === 'string' ? new TextEncoder().encode(content) : (content ?? null);
    },
  };
}

/** A file as physical lines, or where it stops being UTF-8. */
export type DecodedSource =
  | { readonly ok: true; readonly lines: readonly string[] }
  | { readonly ok: false; readonly line: number; readonly column: number; readonly text: string };

/**
 * Splits a file into physical lines: they end in LF, CRLF or a lone CR, and the last one need not be ended.
 * A byte order mark is kept: it is an invalid token, not white space.
 */
export function decodeSource(bytes: Uint8Array): DecodedSource {
  const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
  try {
    return { ok: true, lines: splitLines(decoder.decode(bytes)) };
  } catch {
    return locateInvalidUtf8(bytes);
  }
}

function splitLines(text: string): readonly string[] {
  const lines = text.split(/\r\n|\n|\r/);
  // The text after the last line end is a line only when there is some.
  if (lines.at(-1) === '') {
    lines.pop();
  }
  return lines;
}

/** Finds the longest valid prefix: a fatal decoder does not say where it stopped. */
function locateInvalidUtf8(bytes: Uint8Array): DecodedSource {
  let valid = 0;
  let invalid = bytes.length;
  const decodes = (length: number): boolean => {
    try {
      // Streaming: a sequence that is merely cut off at the end of the prefix is not an error yet.
      new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes.subarray(0, length), {
        stream: true,
      });
      return true;
    } catch {
      return false;
    }
  };
  while (valid + 1 < invalid) {
    const middle = (valid + invalid) >>> 1;
    if (decodes(middle)) {
      valid = middle;
    } else {
      invalid = middle;
    }
  }
  const prefix = new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes.subarray(0, valid), {
    stream: true,
  });
  const lines = prefix.split(/\r\n|\n|\r/);
  const text = lines.at(-1) ?? '';
  return { ok: false, line: lines.length, column: Array.from(text).length + 1, text };
}
