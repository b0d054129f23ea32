/* A place where threads meet without the kernel's help, before they wait for a futex and are moved to another.
 *
 * A thread that is let into one of the kernel's own locks (the memory map's, while others start or end) may be woken
 * for that when it has long gone on: in its next wait. A wait for a futex that wakes for nothing begins anew, at the
 * word that it was called with, wherever it was moved meanwhile (kernel/futex/waitwake.c, __futex_wait). Natively that
 * has happened once in some thousand runs. When all have met, nobody is in the kernel who could be about to wake
 * somebody so. */
#ifndef MEET_H
#define MEET_H

#include "check.h"
#include <sched.h>

static int meet_arrivals;

/* Waits until all so many threads have come here as often as the caller. */
static void meet(int all)
{
	int own = __atomic_add_fetch(&meet_arrivals, 1, __ATOMIC_SEQ_CST);
	int last = (own + all - 1) / all * all;
	while (__atomic_load_n(&meet_arrivals, __ATOMIC_SEQ_CST) < last)
		sched_yield();
}

#endif
