/* An uploaded table as ARFF; what must hold stands in table.h. */
#define FUZZ_FORMAT READER_ARFF
#include "table.h"
