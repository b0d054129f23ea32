/* The states of the matrix, and how to get into each. */
#ifndef ENTER_H
#define ENTER_H

#include "states.h"

struct state {
	const char *name;
	/* Brings a thread into the state, runs the check there, and returns or exits with 0 when it held. */
	void (*enter)(void);
	/* Only checks with all of these run in the state... */
	unsigned needs;
	/* ...and with none of these. */
	unsigned forbids;
	/* Further flags for dlopen of the checks. */
	int open_flags;
};

extern const struct state states[];

/* The check of this process. */
extern void (*run_check)(void);

#endif
