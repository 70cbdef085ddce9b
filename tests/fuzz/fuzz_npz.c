/* An uploaded table as an .npz; what must hold stands in table.h. */
#define FUZZ_FORMAT READER_NPZ
#include "table.h"
