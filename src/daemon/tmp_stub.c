#include "daemon/edge.h"
void *edge_courier(void *arg)
{
    return arg;
}
