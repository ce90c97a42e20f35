/** Model-specific registers that a vCPU starts with (Intel SDM vol. 4 chapter 2; AMD64 APM vol. 2 appendix A). */
import type { Msr } from '../hypervisor/vcpu-fd.ts';

export const MSR_IA32_TSC = 0x10;
export const MSR_IA32_SYSENTER_CS = 0x174;
export const MSR_IA32_SYSENTER_ESP = 0x175;
export const MSR_IA32_SYSENTER_EIP = 0x176;
export const MSR_IA32_MISC_ENABLE = 0x1a0;
export const MSR_MTRR_DEF_TYPE = 0x2ff;
export const MSR_STAR = 0xc000_0081;
export const MSR_LSTAR = 0xc000_0082;
export const MSR_CSTAR = 0xc000_0083;
export const MSR_SYSCALL_MASK = 0xc000_0084;
export const MSR_KERNEL_GS_BASE = 0xc000_0102;

const MISC_ENABLE_FAST_STRING = 1n;
const MTRR_ENABLE = 1n << 11n;
const MTRR_TYPE_WRITE_BACK = 6n;

const ZEROED = [
  MSR_IA32_SYSENTER_CS,
  MSR_IA32_SYSENTER_ESP,
  MSR_IA32_SYSENTER_EIP,
  MSR_STAR,
  MSR_CSTAR,
  MSR_KERNEL_GS_BASE,
  MSR_SYSCALL_MASK,
  MSR_LSTAR,
  // All vCPUs start counting at 0; KVM keeps counters that are set to one value within a second in step.
  MSR_IA32_TSC,
] as const;

/** The MSRs that every vCPU starts with: what firmware would leave behind. */
export function bootMsrs(): readonly Msr[] {
  return [
    ...ZEROED.map((index) => ({ index, data: 0n })),
    { index: MSR_IA32_MISC_ENABLE, data: MISC_ENABLE_FAST_STRING },
    // Without it the guest takes all of its memory for uncached.
    { index: MSR_MTRR_DEF_TYPE, data: MTRR_ENABLE | MTRR_TYPE_WRITE_BACK },
  ];
}
