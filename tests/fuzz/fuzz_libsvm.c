/* An uploaded table as libsvm's text; what must hold stands in table.h. */
#define FUZZ_FORMAT READER_LIBSVM
#include "table.h"
