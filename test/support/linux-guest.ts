/** Runs of the project's Linux guest (src/guest-images): its command line, its files, what it prints. */
import { kvmRunsLinux } from '../../src/doctor/kvm-checks.ts';
import { ensureGuestImages, type GuestImages } from '../../src/guest-images/guest-images.ts';
import { NESTED_HOST_MARKER } from '../../src/nested-host/command-script.ts';

/** A boot takes 1 s on a real host, 10 to 40 s on an emulated one, and three times that on one that is busy. */
export const BOOT_TIMEOUT_MS = process.env[NESTED_HOST_MARKER] === undefined ? 60_000 : 200_000;

/** Why Linux cannot be booted here; undefined when it can. */
export function linuxUnavailable(): string | undefined {
  const verdict = kvmRunsLinux();
  return verdict.canRunLinux ? undefined : verdict.reason;
}

/** The guest's files; built already when the tests run on a nested host. */
export function linuxImages(): Promise<GuestImages> {
  return ensureGuestImages({ log: () => undefined });
}

/** `--params` for /sbin/init of the guest; every line on the console costs time, so the kernel is quiet. */
export function guestWords(words: readonly string[]): string[] {
  return ['--params', ['quiet', ...words].join(' ')];
}

/** `guest.script=` of a shell script. */
export function scriptWord(script: string): string {
  return `guest.script=${Buffer.from(script).toString('base64')}`;
}

/**
 * What the guest printed between its lines `BEGIN section` and `END section`, without its prefix.
 *
 * @throws Error with all of it when the section is not there or not complete.
 */
export function sectionOf(output: string, section: string): string[] {
  const lines = output.split(/\r?\n/);
  const begin = lines.indexOf(`guest: BEGIN ${section}`);
  const end = lines.indexOf(`guest: END ${section}`);
  if (begin < 0 || end < begin) {
    throw new Error(`the guest printed no section ${section}:\n${output}`);
  }
  return lines.slice(begin + 1, end).map((line) => line.replace(/^guest: /, ''));
}

/** The rest of the only line that starts with this word; undefined when there is none. */
export function factOf(facts: readonly string[], word: string): string | undefined {
  return facts.find((line) => line.startsWith(`${word} `))?.slice(word.length + 1);
}

/** The rests of all lines that start with this word. */
export function factsOf(facts: readonly string[], word: string): string[] {
  return facts
    .filter((line) => line.startsWith(`${word} `))
    .map((line) => line.slice(word.length + 1));
}
