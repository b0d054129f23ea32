/* Threads in a limited address space. */
#ifndef SPACE_H
#define SPACE_H

#include "check.h"
#include <sys/resource.h>

static pthread_attr_t with_stack(size_t size)
{
	pthread_attr_t attributes;
	CHECK_OK(pthread_attr_init(&attributes));
	CHECK_OK(pthread_attr_setstacksize(&attributes, size));
	return attributes;
}

/* From here on the process may have so many bytes of addresses more than it has now. */
static void limit_space(unsigned long more)
{
	struct rlimit limit;
	unsigned long pages;
	FILE *file = fopen("/proc/self/statm", "r");
	CHECK(file != NULL);
	CHECK_EQ(fscanf(file, "%lu", &pages), 1);
	CHECK_OK(fclose(file));
	CHECK_OK(getrlimit(RLIMIT_AS, &limit));
	limit.rlim_cur = pages * 4096 + more;
	CHECK_OK(setrlimit(RLIMIT_AS, &limit));
}

#endif
