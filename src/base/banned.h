/*
 * Functions that are compile errors here, each with what to call instead. Included by the build
 * into every C file of src/ (meson: -include).
 */
#ifndef TROTH_BASE_BANNED_H
#define TROTH_BASE_BANNED_H

#ifndef __ASSEMBLER__

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#undef sprintf /* a macro in glibc where clang fortifies */

#pragma GCC poison strcpy strcat strncat sprintf vsprintf strtok atoi atol atoll gets
#pragma GCC poison gmtime localtime ctime asctime rand srand random tmpnam mktemp system popen

#endif

#endif
