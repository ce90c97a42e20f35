/**
 * Paths and symbols that documents name, so that none of them outlives what it names.
 *
 * A path is what stands in a code span or block and begins with a folder of the root, or is a bare file name with one
 * of our endings. `{a,b}` stands for each, `*` and `<word>` for anything in one part of a path. `dist/` is what the
 * build makes of a source, and stands for it.
 */

/** A place in a document where something is named. */
export interface Mention {
  readonly document: string;
  /** 1 for the first. */
  readonly line: number;
  readonly text: string;
}

/** A symbol that a table or list names beside its file. */
export interface SymbolMention extends Mention {
  /** The file, from the root. */
  readonly file: string;
}

const ROOTED = /^(?:\.\/)?(?:\.ci|bench|bin|dist|docs|native|policy|seccomp|src|test)\//;
const FILE_NAME = /^[\w.-]+\.(?:ts|mjs|cc|h|policy|md)$/;
const CODE_SPAN = /`([^`]+)`/g;
const LINK = /\]\(([^)\s]+)\)/g;
const SYMBOL = /^#?[A-Za-z_$][\w$]*(?:\.#?[A-Za-z_$][\w$]*)?(?:\(\))?$/;
const SOURCE_FILE = /^(?:src|native)\/.*\.(?:ts|cc)$/;
/** What may stand between a file and its symbol, or between two symbols of a file. */
const BETWEEN_SYMBOLS = /^,?\s*(?:and)?\s*$/;

/** A word of a code span without what is written around a path: `(src/a.ts),` and `src/a.ts:12`. */
function bareWord(word: string): string {
  return word.replace(/^[('"]+/, '').replace(/(?::\d+)?[)'",.;:]*$/, '');
}

function isPath(word: string): boolean {
  return ROOTED.test(word) || FILE_NAME.test(word);
}

/** Lines of a document with its code blocks marked. */
function* linesOf(text: string): Generator<{ line: number; content: string; isBlock: boolean }> {
  let isBlock = false;
  for (const [index, content] of text.split('\n').entries()) {
    if (content.trimStart().startsWith('```')) {
      isBlock = !isBlock;
    } else {
      yield { line: index + 1, content, isBlock };
    }
  }
}

function codeOf(content: string, isBlock: boolean): string[] {
  return isBlock ? [content] : [...content.matchAll(CODE_SPAN)].map((match) => match[1] ?? '');
}

/** Every path that a document names in code. */
export function pathMentions(document: string, text: string): Mention[] {
  const mentions: Mention[] = [];
  for (const { line, content, isBlock } of linesOf(text)) {
    const words = codeOf(content, isBlock).flatMap((code) => code.split(/\s+/));
    for (const word of words.map(bareWord).filter(isPath)) {
      mentions.push({ document, line, text: word });
    }
  }
  return mentions;
}

/** Every module that a comment of a TypeScript file names, by the end of its path. */
export function commentMentions(document: string, text: string): Mention[] {
  const mentions: Mention[] = [];
  for (const [index, content] of text.split('\n').entries()) {
    const comment = /^\s*(?:\/?\*|\/\/).*|(?<=\s)\/\/ .*/.exec(content)?.[0] ?? '';
    for (const match of comment.matchAll(/(?<![\w./-])(?:\.\/)?((?:[\w-]+\/)*[\w-]+\.ts)(?!\w)/g)) {
      mentions.push({ document, line: index + 1, text: match[1] ?? '' });
    }
  }
  return mentions;
}

/** True when some file's path is, or ends in, this one. */
export function isPartOfAPath(text: string, files: readonly string[]): boolean {
  return files.some((file) => file === text || file.endsWith(`/${text}`));
}

/** Every link of a document to a file of the repository: as it is written, relative to the document. */
export function linkMentions(document: string, text: string): Mention[] {
  const mentions: Mention[] = [];
  for (const { line, content, isBlock } of linesOf(text)) {
    for (const match of isBlock ? [] : content.matchAll(LINK)) {
      const target = match[1] ?? '';
      if (!/^[a-z]+:/.test(target)) {
        mentions.push({ document, line, text: target });
      }
    }
  }
  return mentions;
}

/** Symbols of files: those right after one, as in `file` `symbol`, `symbol`, and those in `symbol` in `file`. */
export function symbolMentions(document: string, text: string): SymbolMention[] {
  const mentions: SymbolMention[] = [];
  for (const { line, content, isBlock } of linesOf(text)) {
    const pairs = isBlock ? [] : [...symbolsAfterFiles(content), ...symbolsInFiles(content)];
    mentions.push(...pairs.map(([file, symbol]) => ({ document, line, file, text: symbol })));
  }
  return mentions;
}

function symbolsAfterFiles(content: string): (readonly [file: string, symbol: string])[] {
  const pairs: (readonly [string, string])[] = [];
  let file: string | undefined;
  let end = 0;
  for (const match of content.matchAll(CODE_SPAN)) {
    const span = match[1] ?? '';
    const follows = BETWEEN_SYMBOLS.test(content.slice(end, match.index));
    if (SOURCE_FILE.test(span)) {
      file = span;
    } else if (file !== undefined && follows && SYMBOL.test(span)) {
      pairs.push([file, span]);
    } else {
      file = undefined;
    }
    end = match.index + match[0].length;
  }
  return pairs;
}

function symbolsInFiles(content: string): (readonly [file: string, symbol: string])[] {
  const matches = [...content.matchAll(/`([^`]+)` in `([^`]+)`/g)];
  return matches
    .map(([, symbol = '', file = '']) => [file, symbol] as const)
    .filter(([file, symbol]) => SOURCE_FILE.test(file) && SYMBOL.test(symbol));
}

/** Every name of a symbol such as `Bus.read()` has to occur as a word of its file. */
export function hasSymbol(source: string, symbol: string): boolean {
  const names = symbol.replaceAll(/[#()]/g, '').split('.');
  return names.every((name) => new RegExp(`(?<![\\w$])${name}(?![\\w$])`).test(source));
}

/** The names that `{a,b}` stands for. */
function expandBraces(pattern: string): string[] {
  const match = /^(.*?)\{([^{}]*)\}(.*)$/.exec(pattern);
  if (match === null) {
    return [pattern];
  }
  const [, before = '', choices = '', after = ''] = match;
  return choices.split(',').flatMap((choice) => expandBraces(`${before}${choice}${after}`));
}

/** The sources that a path in `dist/` is built from. */
function sourceOf(path: string): string {
  return path.replace(/^dist\/(?=(?:src|test|bench)\/)/, '').replace(/\.js$/, '.ts');
}

/**
 * True when everything that a path stands for is there.
 *
 * @param files all files of the repository, from its root.
 */
export function isThere(path: string, files: readonly string[]): boolean {
  const source = path.startsWith('dist/') ? sourceOf(path) : path.replace(/^\.\//, '');
  return expandBraces(source).every((name) => {
    const pattern = name
      .replace(/\/$/, '')
      .replaceAll(/[.+^$()|[\]\\]/g, '\\$&')
      .replaceAll(/\*|<[^>]*>/g, '[^/]*');
    const wanted = new RegExp(ROOTED.test(name) ? `^${pattern}(/|$)` : `(^|/)${pattern}$`);
    return files.some((file) => wanted.test(file));
  });
}

/** Anchors of a document's headings, as GitHub makes them. */
export function anchorsOf(text: string): ReadonlySet<string> {
  const headings = [...linesOf(text)].filter(
    ({ content, isBlock }) => !isBlock && /^#/.test(content),
  );
  return new Set(
    headings.map(({ content }) =>
      content
        .replace(/^#+\s*/, '')
        .toLowerCase()
        .replaceAll(/[^\w\- ]/g, '')
        .replaceAll(' ', '-'),
    ),
  );
}
