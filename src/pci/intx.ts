/**
 * Which GSI the INTA# pin of a device is wired to. The interrupt line register, the ACPI _PRT and the MP table all
 * follow from this one function, so they cannot disagree.
 */
import { type Gsi, gsi } from '../base/brands.ts';

/** First of the GSIs that PCI devices share. */
export const INTX_GSI_BASE = 9;
/** How many GSIs PCI devices share. */
export const INTX_GSI_COUNT = 4;

/**
 * The GSI of a device's INTA# pin; level-triggered, active low.
 *
 * @param deviceNumber device number on bus 0, from 1: the host bridge has no interrupt.
 */
export function intxGsi(deviceNumber: number): Gsi {
  return gsi(INTX_GSI_BASE + ((deviceNumber + INTX_GSI_COUNT - 1) % INTX_GSI_COUNT));
}
