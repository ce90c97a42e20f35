/** A host for the doctor: files and device rights from plain records. */
import type { HostView } from '../../src/doctor/check.ts';

/** A host with just these files; devices that are not named may be opened. */
export function fakeHost({
  files = {},
  devices = {},
  isRoot = false,
}: {
  files?: Readonly<Record<string, string>>;
  devices?: Readonly<Record<string, 'absent' | 'denied'>>;
  isRoot?: boolean;
} = {}): HostView {
  return {
    read: (path) => files[path],
    access: (path) => devices[path] ?? 'ok',
    isRoot,
  };
}
