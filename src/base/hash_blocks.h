/* SHA-256's inner loop by the processor's own instructions, where it has them. */
#ifndef MLPD_BASE_HASH_BLOCKS_H
#define MLPD_BASE_HASH_BLOCKS_H

#include "base/base.h"

/* Whether hash_blocks may be called. */
bool hash_blocks_usable(void);
/* Take n blocks of 64 bytes into the eight words of a hash. */
void hash_blocks(uint32_t words[8], const unsigned char *bytes, size_t n);

#endif
