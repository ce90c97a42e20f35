/**
 * Whom a device process is: inside its user namespace, and in the eyes of the host.
 *
 * Inside it is never uid 0. "0 <euid> 1" would be as good a map, but then exec would hand the full permitted set back
 * to a process of uid 0, and only the emptied bounding set and SECBIT_NOROOT would stand against that; for another uid
 * exec itself drops every capability. One lock more, for nothing.
 *
 * Outside there are two cases. An ordinary user may map its own uid only, and has to give up setgroups(2): the device
 * then counts as that user, and keeps the user's supplementary groups, for whatever descriptor it is handed. A caller
 * with CAP_SETUID and CAP_SETGID (root) maps an id of the host that nobody else has, so that a device of a VM started
 * by root is not root even where a check looks at the outer id, and two devices cannot signal each other or share a
 * per-user limit.
 */
import { readFileSync } from 'node:fs';
import { CAP_SETGID, CAP_SETUID, hasCapability, ownCapabilities } from './capabilities.ts';

/** The id inside; any but 0 and the overflow id 65534, which stands for "not mapped". */
const INSIDE_ID = 1000;

/**
 * First id of the range that systemd's list of uid ranges leaves unused up to 2^31. A pid has at most 22 bits, so
 * one block of 64 ids for each process fills it exactly.
 */
const DEDICATED_ID_BASE = 0x7000_0000;
const DEDICATED_IDS_PER_PROCESS = 64;

/** The part of the addon's options that says who the child is. */
export interface JailIdentity {
  readonly uidMap: string;
  readonly gidMap: string;
  readonly denySetgroups: boolean;
  readonly uid: number;
  readonly gid: number;
  /** Id of the device's process on the host, if it is not the caller's own. */
  readonly dedicatedHostId: number | undefined;
}

/** What the choice depends on. */
export interface CallerIdentity {
  readonly pid: number;
  readonly euid: number;
  readonly egid: number;
  /** CAP_SETUID and CAP_SETGID are effective. */
  readonly mayMapAnyId: boolean;
  /** Text of `/proc/self/uid_map` and `gid_map`: which ids exist in the caller's own user namespace. */
  readonly uidMap: string;
  readonly gidMap: string;
}

/** True when an id inside a user namespace is covered by a line of its map. */
export function isMapped(map: string, id: number): boolean {
  return map
    .trim()
    .split('\n')
    .map((line) => line.trim().split(/\s+/).map(Number))
    .some(([first = 0, , count = 0]) => id >= first && id < first + count);
}

/** Reads {@link CallerIdentity} of this process. */
export function callerIdentity(): CallerIdentity {
  const { effective } = ownCapabilities();
  return {
    pid: process.pid,
    euid: process.geteuid?.() ?? 0,
    egid: process.getegid?.() ?? 0,
    mayMapAnyId: hasCapability(effective, CAP_SETUID) && hasCapability(effective, CAP_SETGID),
    uidMap: readFileSync('/proc/self/uid_map', 'utf8'),
    gidMap: readFileSync('/proc/self/gid_map', 'utf8'),
  };
}

/**
 * Chooses the identity of one device.
 *
 * @param index number of the device in its machine; beyond 63, ids are shared.
 */
export function chooseIdentity(caller: CallerIdentity, index: number): JailIdentity {
  const dedicated =
    DEDICATED_ID_BASE +
    caller.pid * DEDICATED_IDS_PER_PROCESS +
    (index % DEDICATED_IDS_PER_PROCESS);
  const inside = { uid: INSIDE_ID, gid: INSIDE_ID };
  if (
    !caller.mayMapAnyId ||
    !isMapped(caller.uidMap, dedicated) ||
    !isMapped(caller.gidMap, dedicated)
  ) {
    return {
      ...inside,
      uidMap: `${INSIDE_ID} ${caller.euid} 1\n`,
      gidMap: `${INSIDE_ID} ${caller.egid} 1\n`,
      denySetgroups: true,
      dedicatedHostId: undefined,
    };
  }
  // The caller's own id is mapped too, as 0: with it the child may still look up the files that it binds.
  return {
    ...inside,
    uidMap: `0 ${caller.euid} 1\n${INSIDE_ID} ${dedicated} 1\n`,
    gidMap: `0 ${caller.egid} 1\n${INSIDE_ID} ${dedicated} 1\n`,
    denySetgroups: false,
    dedicatedHostId: dedicated,
  };
}
