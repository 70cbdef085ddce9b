/* How a thread computes with subnormal numbers: the x86 control word, nothing elsewhere. */
#ifndef MLP_FPMODE_H
#define MLP_FPMODE_H

#ifdef __SSE2__
#include <xmmintrin.h>
#endif

#define FPMODE_FLUSH 0x8040U /* results (FTZ) and operands (DAZ) */

static inline unsigned fpmode_get(void)
{
#ifdef __SSE2__
    return _mm_getcsr();
#else
    return 0;
#endif
}

static inline void fpmode_set(unsigned mode)
{
#ifdef __SSE2__
    _mm_setcsr(mode);
#else
    (void)mode;
#endif
}

#endif
