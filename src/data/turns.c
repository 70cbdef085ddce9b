/* Long work in turns; see turns.h. One atomic count, no lock: nobody waits. */
#include "data/turns.h"

#include <stdatomic.h>

static atomic_int taken_now;

int turns_take(bool in_turns, uint64_t cells, bool *taken, struct err *err)
{
    *taken = in_turns && cells > TURNS_CELLS;
    if (*taken && atomic_fetch_add(&taken_now, 1) >= TURNS) {
        turns_give(true);
        *taken = false;
        return err_set(err, ERR_BUSY,
                       "%d large tables are being put together already; send it again in a while",
                       TURNS);
    }
    return 0;
}

void turns_give(bool taken)
{
    if (taken) {
        atomic_fetch_sub(&taken_now, 1);
    }
}
