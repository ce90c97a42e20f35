/** Findings about a jail profile, and about a profile and a policy that do not fit each other. */
import type { NamespaceName } from '../jail/namespaces.ts';
import { NAMESPACE_FLAGS } from '../jail/namespaces.ts';
import type { JailProfile, ProfileMount } from '../jail/profile.ts';
import type { RlimitName } from '../jail/rlimits.ts';
import type { Policy } from '../seccomp/policy.ts';
import type { Finding, Severity } from './findings.ts';
import { callFormulas, reachOf } from './reach.ts';

/** Every finding for which the profile has to be looked at. */
export function findInProfile(profile: JailProfile, policy: Policy): readonly Finding[] {
  return [
    ...findMissingNamespaces(profile),
    ...findRlimits(profile),
    ...profile.mounts.map(mountFinding),
    ...findCompilerMismatch(profile, policy),
  ];
}

type ProfileFinding = Omit<Finding, 'place' | 'example'>;

function finding(parts: ProfileFinding): Finding {
  return { ...parts, place: null, example: null };
}

/** What is shared with the host where a namespace is missing. */
const SHARED_WITHOUT: Readonly<Record<NamespaceName, readonly [Severity, string]>> = {
  user: ['critical', 'Its user ids are those of the host.'],
  mount: ['critical', 'Its files are those of the host.'],
  net: ['high', 'It shares the host’s interfaces and every abstract Unix socket.'],
  pid: ['high', 'It sees the host’s processes, and may signal those of the same user.'],
  ipc: ['medium', 'It shares System V and POSIX message queues, semaphores and memory.'],
  cgroup: ['low', 'It sees where in the host’s tree of control groups it is.'],
  uts: ['low', 'It learns the host’s name.'],
};

function findMissingNamespaces({ namespaces, device }: JailProfile): readonly Finding[] {
  // CAST: the table is a literal, without inherited or added keys.
  const all = Object.keys(NAMESPACE_FLAGS) as NamespaceName[];
  return all
    .filter((name) => !namespaces.includes(name))
    .map((name) => {
      const [severity, why] = SHARED_WITHOUT[name];
      return finding({
        id: 'namespace',
        severity,
        subject: name,
        title: `${device} has no ${name} namespace of its own`,
        why,
        mend: `Add "${name}" to "namespaces" of the profile.`,
      });
    });
}

/** Limits that every jail should have, and the largest value that makes sense; null for any. */
const EXPECTED_RLIMITS: Readonly<
  Partial<Record<RlimitName, readonly [Severity, number | null, string]>>
> = {
  core: ['medium', 0, 'A crash writes the guest’s memory to a file of the host.'],
  nofile: ['low', null, 'It may fill its table of descriptors.'],
  msgqueue: ['info', 0, 'It may hold kernel memory in message queues.'],
  nice: ['info', 0, 'It may get ahead of other processes.'],
  rtprio: ['info', 0, 'It may run ahead of everything else on its processor.'],
};

function findRlimits({ rlimits, device }: JailProfile): readonly Finding[] {
  return Object.entries(EXPECTED_RLIMITS).flatMap(([resource, [severity, max, why]]) => {
    const found = rlimits.find((limit) => limit.resource === resource)?.limit;
    if (found !== undefined && (max === null || found <= max)) {
      return [];
    }
    const state = found === undefined ? 'has no limit' : `has a limit of ${found}`;
    return finding({
      id: 'rlimit',
      severity,
      subject: resource,
      title: `${device} ${state} for "${resource}"`,
      why,
      mend: `Add { "resource": "${resource}", "limit": ${max ?? 128} } to "rlimits" of the profile.`,
    });
  });
}

function mountSeverity({ executable, writable }: ProfileMount): Severity {
  if (writable) {
    return executable ? 'critical' : 'high';
  }
  return executable ? 'medium' : 'info';
}

function mountFinding(mount: ProfileMount): Finding {
  const { source, target, writable, executable } = mount;
  const how = [writable ? 'writable' : 'read-only', ...(executable ? ['executable'] : [])];
  return finding({
    id: 'mount',
    severity: mountSeverity(mount),
    subject: target,
    title: `${target} shows ${source} of the host, ${how.join(' and ')}`,
    why: 'What is mounted is the host’s own: whoever opens it gets past the empty root.',
    mend: 'Let the parent open what is needed and send the descriptor.',
  });
}

/** V8 with a compiler needs executable memory, and V8 without one must not have it. */
function findCompilerMismatch(profile: JailProfile, policy: Policy): readonly Finding[] {
  const executable = { mprotect: 'arg2 & PROT_EXEC', mmap: 'arg2 & PROT_EXEC' };
  const set = callFormulas({ calls: '', conditions: executable }, policy.target);
  const mayExecute = reachOf(policy, set).length > 0;
  const jitless = profile.v8Flags.includes('--jitless');
  if (jitless === mayExecute) {
    return jitless ? [unusedExecutableMemory(profile)] : [compilerWithoutMemory(profile)];
  }
  return [];
}

function unusedExecutableMemory({ device }: JailProfile): Finding {
  return finding({
    id: 'unused-executable-memory',
    severity: 'medium',
    subject: '--jitless',
    title: `${device} runs V8 without a compiler, and its policy allows executable memory all the same`,
    why: 'Nothing but an exploit needs it.',
    mend: 'Say "arg2 in ~PROT_EXEC" in the rules of mmap and mprotect.',
  });
}

function compilerWithoutMemory({ device }: JailProfile): Finding {
  return finding({
    id: 'compiler-without-memory',
    severity: 'medium',
    subject: '--jitless',
    title: `${device} runs V8 with its compiler, and its policy gives that no memory`,
    why: 'The device dies as soon as one of its functions gets hot.',
    mend: 'Add "--jitless" to "v8Flags", or allow V8 its code pages and say why.',
  });
}
