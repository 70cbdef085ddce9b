/* Which kernel tables were built and which of them this processor can run.
 *
 * Asked when a net is made, and kept in it: there is nothing global to set up.
 */
#include "mlp/kernel_isa.h"

extern const struct kernel kernel_baseline;
#ifdef MLP_KERNEL_X86
extern const struct kernel kernel_avx2, kernel_avx512;
#endif

size_t kernel_tables(const struct kernel *out[KERNEL_MAX])
{
    size_t n = 0;

    out[n++] = &kernel_baseline;
#ifdef MLP_KERNEL_X86
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) {
        out[n++] = &kernel_avx2;
        if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
            __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl")) {
            out[n++] = &kernel_avx512;
        }
    }
#endif
    return n;
}

const struct kernel *kernel_best(void)
{
    const struct kernel *tables[KERNEL_MAX];

    return tables[kernel_tables(tables) - 1];
}
