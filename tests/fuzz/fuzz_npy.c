/* An uploaded table as a .npy; what must hold stands in table.h. */
#define FUZZ_FORMAT READER_NPY
#include "table.h"
