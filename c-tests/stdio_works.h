/* Threads that wait in stdio, each for a line from a pipe of its own, are all served. */
#ifndef STDIO_WORKS_H
#define STDIO_WORKS_H

#include "check.h"

enum { THREADS = 10, LINE = 8 };

static int ends[THREADS][2];

static void *read_line(void *number)
{
	char line[16];
	FILE *stream = fdopen(ends[(long)number][0], "r");
	CHECK(stream && fgets(line, sizeof line, stream));
	CHECK_EQ(strcmp(line, "served\n"), 0);
	CHECK_OK(fclose(stream));
	return NULL;
}

static void stdio_works(void)
{
	pthread_t threads[THREADS];
	for (long i = 0; i < THREADS; i++) {
		CHECK_OK(pipe(ends[i]));
		threads[i] = check_start(read_line, (void *)i);
	}
	for (int i = 0; i < THREADS; i++)
		CHECK_EQ(write(ends[i][1], "served\n", LINE - 1), LINE - 1);
	for (int i = 0; i < THREADS; i++)
		check_join(threads[i]);
}

#endif
