/* Pointers that the kernel refuses. */
#ifndef BAD_POINTERS_H
#define BAD_POINTERS_H

#include "check.h"
#include <sys/mman.h>

/* Nothing is there; not to be touched; to be read only; not the program's; the last bytes before forbidden ones. */
static void *nowhere, *forbidden, *read_only, *kernels, *edge;

enum { PAGE = 4096, LAST = 8 };

static void make_pointers(void)
{
	/* Lower than anything may be mapped. */
	nowhere = (void *)0x4000;
	read_only = mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	forbidden = mmap(NULL, PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	CHECK(read_only != MAP_FAILED && forbidden != MAP_FAILED);
	kernels = (void *)0xffff800000000000;
	char *two = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	CHECK(two != MAP_FAILED);
	CHECK_OK(mprotect(two + PAGE, PAGE, PROT_NONE));
	edge = two + PAGE - LAST;
}

#endif
