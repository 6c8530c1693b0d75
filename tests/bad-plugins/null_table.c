/* Hands out no core table. */
#include "plugin.h"

PLUGIN_ENTRY("null_table", NULL, (void)0)
