/** The kinds of tests, quickest first: each is a folder below test/, with what its files need. */
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

/** One folder of tests. */
export interface Stage {
  readonly name: string;
  /** How the names of its compiled files end. */
  readonly suffix: string;
  /** Files at a time: tests that measure or that start whole machines run alone. */
  readonly jobs: number;
  /** For one file. */
  readonly timeoutSeconds: number;
  /** Boots Linux, so it needs a KVM that can run it. */
  readonly needsLinuxGuests: boolean;
  /** Runs only when it is asked for. */
  readonly byRequest: boolean;
}

const TEST: Stage = {
  name: '',
  suffix: '.test.js',
  jobs: 2,
  timeoutSeconds: 60,
  needsLinuxGuests: false,
  byRequest: false,
};

/** How long a fuzz target goes on, by itself; test/fuzz reads the same variable. */
const FUZZ_SECONDS = Number(process.env['FUZZ_SECONDS'] ?? 60);

export const STAGES: readonly Stage[] = [
  { ...TEST, name: 'style' },
  { ...TEST, name: 'unit' },
  { ...TEST, name: 'cli', timeoutSeconds: 120 },
  { ...TEST, name: 'native-headers' },
  { ...TEST, name: 'native' },
  { ...TEST, name: 'device', timeoutSeconds: 120 },
  { ...TEST, name: 'jail', jobs: 1, timeoutSeconds: 120 },
  { ...TEST, name: 'guest', jobs: 1, timeoutSeconds: 120 },
  // 200 starts and 50 kills, one after the other: two minutes on a host that does nothing else.
  { ...TEST, name: 'lifecycle', jobs: 1, timeoutSeconds: 500 },
  { ...TEST, name: 'linux', jobs: 1, timeoutSeconds: 600, needsLinuxGuests: true },
  { ...TEST, name: 'fuzz', suffix: '.fuzz.js', timeoutSeconds: FUZZ_SECONDS + 60, byRequest: true },
];

/** The compiled files of a stage, in a fixed order. */
export function stageFiles(testDirectory: string, stage: Stage): string[] {
  return listFiles(join(testDirectory, stage.name), stage.suffix);
}

/** Test files in folders that are no stage: they would never run, and nobody would notice. */
export function strayTestFiles(testDirectory: string): string[] {
  const stages = STAGES.map(({ name }) => join(testDirectory, name, '/'));
  return listFiles(testDirectory, TEST.suffix).filter(
    (file) => !stages.some((directory) => file.startsWith(directory)),
  );
}

function listFiles(directory: string, suffix: string): string[] {
  if (!existsSync(directory)) {
    return [];
  }
  return readdirSync(directory, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith(suffix))
    .map((file) => join(directory, file))
    .sort();
}
