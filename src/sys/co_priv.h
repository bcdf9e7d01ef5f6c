/* Inside of coroutines: suspending and waking. */
#ifndef TROTH_SYS_CO_PRIV_H
#define TROTH_SYS_CO_PRIV_H

#include "sys/co.h"

struct co *co_current(void); /* NULL outside */
struct loop *co_loop(struct co *c);
void co_suspend(void);      /* until co_wake */
void co_wake(struct co *c); /* exactly once for each co_suspend; the loop's own thread */

#endif
