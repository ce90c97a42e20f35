/** The Linux namespaces that a jail may consist of (namespaces(7)), and their clone(2) flags. */

/** Name in a profile -> CLONE_NEW* flag. */
export const NAMESPACE_FLAGS = {
  user: 0x1000_0000,
  pid: 0x2000_0000,
  mount: 0x0002_0000,
  net: 0x4000_0000,
  ipc: 0x0800_0000,
  uts: 0x0400_0000,
  cgroup: 0x0200_0000,
} as const;

export type NamespaceName = keyof typeof NAMESPACE_FLAGS;

/** The clone flags of several namespaces; none of them reaches bit 31, so the result is a small integer. */
export function namespaceFlags(names: readonly NamespaceName[]): number {
  return names.reduce((flags, name) => flags | NAMESPACE_FLAGS[name], 0);
}
