/* An uploaded table as IDX; what must hold stands in table.h. */
#define FUZZ_FORMAT READER_IDX
#include "table.h"
