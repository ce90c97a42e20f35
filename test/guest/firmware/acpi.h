/* The few ACPI facts that this guest uses. */
#ifndef ACPI_H
#define ACPI_H

#include <stdbool.h>
#include <stdint.h>

/* Looks for the tables from `rsdp`, or in the BIOS area when that is 0. */
void acpi_init(uint64_t rsdp);

/* Base of the ECAM window of segment 0 as in the MCFG; 0 without one. */
uint64_t acpi_ecam_base(void);

/* Port and value that enter S5; false without a FADT or an _S5 object. */
bool acpi_s5(uint16_t *port, uint16_t *value);

#endif
