/* Not a program: a library whose thread-local variables come into being while threads already run. The Makefile
 * builds it in several shapes. */
#include <stddef.h>

#ifndef ZEROED_BYTES
#define ZEROED_BYTES 3000
#endif
#ifndef ALIGNMENT
#define ALIGNMENT 16
#endif

static __thread int initialised = 1234;
static __thread char zeroed[ZEROED_BYTES] __attribute__((aligned(ALIGNMENT)));

int *library_initialised(void)
{
	return &initialised;
}

char *library_zeroed(void)
{
	return zeroed;
}

size_t library_zeroed_bytes(void)
{
	return ZEROED_BYTES;
}

size_t library_alignment(void)
{
	return ALIGNMENT;
}
