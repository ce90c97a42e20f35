/** What a TypeScript module refers to, read out of its syntax tree, so that comments and strings do not count. */
import { dirname, join } from 'node:path/posix';
import ts from 'typescript';

/**
 * How one module refers to another: `static` is loaded with it, `dynamic` by `import()`, `type` never, and `worker` is
 * the entry of a thread, named by `new URL('./x.js', import.meta.url)`.
 */
export type ReferenceKind = 'static' | 'dynamic' | 'type' | 'worker';

export interface ModuleReference {
  readonly kind: ReferenceKind;
  /** As it is written. */
  readonly specifier: string;
  /** The file that is meant, from the project's root; undefined for a package. */
  readonly target: string | undefined;
}

export interface ParsedModule {
  readonly path: string;
  readonly references: readonly ModuleReference[];
  /** Members of globals that it touches, as `process.argv`; every call as `call createRequire`. */
  readonly uses: ReadonlySet<string>;
}

/** Parses one module. @param path from the project's root. */
export function parseModule(path: string, text: string): ParsedModule {
  const references: ModuleReference[] = [];
  const uses = new Set<string>();
  const add = (kind: ReferenceKind, node: ts.Node | undefined): void => {
    if (node !== undefined && ts.isStringLiteral(node)) {
      const specifier = node.text;
      const isFile = specifier.startsWith('.');
      const target = isFile ? sourceOf(join(dirname(path), specifier)) : undefined;
      references.push({ kind, specifier, target });
    }
  };
  const visit = (node: ts.Node): void => {
    if (ts.isImportDeclaration(node)) {
      const isType = node.importClause?.phaseModifier === ts.SyntaxKind.TypeKeyword;
      add(isType ? 'type' : 'static', node.moduleSpecifier);
    } else if (ts.isExportDeclaration(node)) {
      add(node.isTypeOnly ? 'type' : 'static', node.moduleSpecifier);
    } else if (ts.isCallExpression(node)) {
      const isImport = node.expression.kind === ts.SyntaxKind.ImportKeyword;
      add('dynamic', isImport ? node.arguments[0] : undefined);
      uses.add(`call ${node.expression.getText()}`);
    } else if (ts.isNewExpression(node) && node.expression.getText() === 'URL') {
      add('worker', node.arguments?.[0]);
    } else if (ts.isPropertyAccessExpression(node)) {
      uses.add(node.getText());
    }
    ts.forEachChild(node, visit);
  };
  visit(ts.createSourceFile(path, text, ts.ScriptTarget.ES2022, true));
  return { path, references, uses };
}

/** Compiled modules are named where a thread starts; what is meant is the source. */
function sourceOf(path: string): string {
  return path.replace(/\.js$/, '.ts');
}
