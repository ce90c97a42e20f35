/* Program `hostile`: runs attacks and tells of each whether the device came through. */
#include "hostile.h"

#include "boot_info.h"
#include "command_line.h"
#include "console.h"
#include "programs.h"
#include "text.h"

static const struct attack *const tables[] = {chain_attacks, request_attacks, queue_attacks,
                                              register_attacks, pci_attacks};

static struct { uint32_t attacks, survived; } totals;

static void run_attack(struct target *target, const struct attack *attack) {
  totals.attacks++;
  target->features = VIRTIO_F_INDIRECT_DESC;
  console_begin("attack");
  console_field_text("case", attack->name);
  bool opened = target_open(target);
  if (opened) attack->run(target);
  uint8_t status = opened ? virtio_status(target->virtio) : 0;
  uint16_t used = opened ? target->queue->used->index : 0;
  bool survived = opened && target_open(target) && target_answers(target);
  if (survived) totals.survived++;
  console_field_hex("device_status", status);
  console_field("used", used);
  console_field("survived", survived);
  console_end();
}

/*
 * Options: target (blk, rng), case (names with commas between, or all), skip (names), seed and
 * count (of the random attacks).
 */
bool run_hostile(void) {
  const char *wanted = option_text("case", "all"), *skipped = option_text("skip", "");
  struct target target = {
      .kind = text_equal(option_text("target", "blk"), "rng") ? TARGET_RNG : TARGET_BLK,
      .ram_end = boot_info_read().ram_below_4g,
      .count = option_number("count", 200),
  };
  memset(&totals, 0, sizeof totals);
  for (uint32_t table = 0; table < sizeof tables / sizeof tables[0]; table++) {
    for (const struct attack *attack = tables[table]; attack->name; attack++) {
      bool fits = target.kind == TARGET_BLK || !attack->blk_only;
      bool chosen = text_equal(wanted, "all") || text_listed(wanted, attack->name);
      if (!fits || !chosen || text_listed(skipped, attack->name)) continue;
      target.seed = option_number("seed", 88172645463325252ull) | 1;
      run_attack(&target, attack);
    }
  }
  console_begin("hostile");
  console_field("attacks", totals.attacks);
  console_field("survived", totals.survived);
  console_end();
  return totals.attacks > 0 && totals.attacks == totals.survived;
}
