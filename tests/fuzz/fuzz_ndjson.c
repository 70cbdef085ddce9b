/* An uploaded table as NDJSON; what must hold stands in table.h. */
#define FUZZ_FORMAT READER_NDJSON
#include "table.h"
