/**
 * Runs the project's tests: `main.js [--results FILE] [STAGE|FILE...]`, all stages by default.
 *
 * Tests that boot Linux run on this machine where its KVM can run Linux, else on nested hosts, as many side by side as this machine has processors. The
 * last line holds the totals. The exit status is 0 only if tests ran and none failed.
 */
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { ConfigError, describeError } from '../../../src/base/errors.ts';
import { kvmRunsLinux } from '../../../src/doctor/kvm-checks.ts';
import { ensureGuestImages } from '../../../src/guest-images/guest-images.ts';
import { NESTED_HOST_MARKER } from '../../../src/nested-host/command-script.ts';
import { NESTED_CPUS, runNested } from '../../../src/nested-host/nested-host.ts';
import { addTotals, NO_TESTS, runFiles, type Totals } from './run-files.ts';
import { STAGES, type Stage, stageFiles, strayTestFiles } from './stages.ts';

/** dist/test, wherever the project was built to. */
const TEST_DIRECTORY = join(import.meta.dirname, '../..');
/** For all tests of a nested host, where everything is ten to twenty times slower. */
const NESTED_TIMEOUT_SECONDS = 1800;
const NESTED_MEMORY_MIB = 4096;

function log(line: string): void {
  process.stdout.write(`${line}\n`);
}

/** Files of one stage that are to be run. */
interface Selection {
  readonly stage: Stage;
  readonly files: readonly string[];
}

/**
 * Everything without arguments; else the stages named, and the files, each with the limits of its stage.
 *
 * @throws ERR_NO_SUCH_TEST for an argument that is neither.
 */
function select(args: readonly string[]): Selection[] {
  const [stray] = strayTestFiles(TEST_DIRECTORY);
  if (stray !== undefined) {
    throw new ConfigError(
      'ERR_STRAY_TEST',
      `${stray} is in no stage; name its folder in stages.ts`,
    );
  }
  const stages = STAGES.map((stage) => ({ stage, files: stageFiles(TEST_DIRECTORY, stage) }));
  const names = new Set(stages.map(({ stage }) => stage.name));
  const paths = new Set(args.filter((argument) => !names.has(argument)).map(compiledFile));
  const selections = stages.map(({ stage, files }) => {
    const isWhole = args.length === 0 ? !stage.byRequest : args.includes(stage.name);
    return { stage, files: isWhole ? files : files.filter((file) => paths.has(file)) };
  });
  const selected = new Set(selections.flatMap(({ files }) => files));
  const unknown = [...paths].find((path) => !selected.has(path));
  if (unknown !== undefined) {
    const known = [...names].join(' ');
    throw new ConfigError('ERR_NO_SUCH_TEST', `${unknown} is no test; the stages are: ${known}`);
  }
  return selections.filter(({ files }) => files.length > 0);
}

/** Takes test/unit/x.test.ts for the file that it was compiled to. */
function compiledFile(argument: string): string {
  const compiled = argument.replace(/\.ts$/, '.js');
  const inTests = resolve(TEST_DIRECTORY, '..', compiled);
  return existsSync(inTests) ? inTests : resolve(compiled);
}

async function runHere({ stage, files }: Selection): Promise<Totals> {
  log(`--- ${stage.name}: ${files.length} files`);
  const { jobs, timeoutSeconds } = stage;
  return runFiles(files, { jobs, timeoutSeconds, directory: TEST_DIRECTORY, log });
}

async function runSelection(selection: Selection): Promise<Totals> {
  if (!selection.stage.needsLinuxGuests) {
    return runHere(selection);
  }
  // Built out here: what is built on the nested host is lost with it.
  await ensureGuestImages({ log });
  if (process.env[NESTED_HOST_MARKER] !== undefined) {
    return runHere(selection);
  }
  const verdict = kvmRunsLinux();
  if (verdict.canRunLinux) {
    return runHere(selection);
  }
  log(`--- ${selection.stage.name}: on a nested host, because of this one: ${verdict.reason}`);
  const groups = divide(selection.files, availableParallelism());
  return (await Promise.all(groups.map(runOnNestedHost))).reduce(addTotals, NO_TESTS);
}

/** Deals files out to as many groups as there are processors: a nested host has one of them. */
function divide(files: readonly string[], count: number): string[][] {
  const groups = Array.from({ length: Math.min(count, files.length) }, (): string[] => []);
  files.forEach((file, index) => groups[index % groups.length]?.push(file));
  return groups;
}

/** One boot for all of these files; the totals come back in a file. */
async function runOnNestedHost(files: readonly string[]): Promise<Totals> {
  const out = mkdtempSync(join(tmpdir(), 'crosvm-tests-'));
  try {
    const program = join(import.meta.dirname, 'main.js');
    const status = await runNested({
      command: [process.execPath, program, '--results', '/out/results.json', ...files],
      memoryMib: NESTED_MEMORY_MIB,
      cpus: NESTED_CPUS,
      timeoutSeconds: NESTED_TIMEOUT_SECONDS,
      out,
      interactive: false,
      log,
    });
    const totals = readTotals(join(out, 'results.json'));
    if (totals === undefined || (status !== 0 && totals.failed === 0)) {
      log(`FAILED the nested host ended with ${status}`);
      return addTotals(totals ?? NO_TESTS, { ...NO_TESTS, failed: 1 });
    }
    return totals;
  } finally {
    rmSync(out, { recursive: true });
  }
}

function readTotals(file: string): Totals | undefined {
  if (!existsSync(file)) {
    return undefined;
  }
  const found: unknown = JSON.parse(readFileSync(file, 'utf8'));
  // CAST: written by this program, at the other end.
  return found as Totals;
}

/** The last line, and the exit status that goes with it. */
function conclude(totals: Totals): number {
  if (totals.passed + totals.failed === 0) {
    log('no test was run');
  }
  log(`${totals.passed} passed, ${totals.failed} failed, ${totals.skipped} skipped`);
  return totals.failed === 0 && totals.passed > 0 ? 0 : 1;
}

async function main(): Promise<number> {
  const options = { results: { type: 'string' } } as const;
  const { values, positionals } = parseArgs({ options, allowPositionals: true });
  let totals = NO_TESTS;
  for (const selection of select(positionals)) {
    totals = addTotals(totals, await runSelection(selection));
  }
  if (values.results !== undefined) {
    // Whoever asked for them concludes.
    writeFileSync(values.results, JSON.stringify(totals));
    return totals.failed === 0 ? 0 : 1;
  }
  return conclude(totals);
}

try {
  process.exitCode = await main();
} catch (error) {
  log(`FAILED ${describeError(error)}`);
  process.exitCode = 1;
}
