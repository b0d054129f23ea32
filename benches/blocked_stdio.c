/* stdio, which reads and writes inside libc. */
#include "blocked.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static FILE *streams[THREADS_MAX];

static void open_streams(int threads, const char *mode)
{
	for (int i = 0; i < threads; i++) {
		streams[i] = fdopen(ends[i][0], mode);
		MUST(streams[i] != NULL);
	}
}

static void make_readers(int threads)
{
	make_pipes(threads);
	open_streams(threads, "r");
}

static void make_writers(int threads)
{
	make_full_pipes(threads);
	open_streams(threads, "w");
}

static void block_fgets(int i)
{
	char got[64];
	MUST(fgets(got, sizeof got, streams[i]) == got && strcmp(got, LINE) == 0);
}

static void block_fread(int i)
{
	char got[LINE_LENGTH];
	MUST(fread(got, 1, sizeof got, streams[i]) == sizeof got && memcmp(got, LINE, sizeof got) == 0);
}

static void block_getc(int i)
{
	MUST(getc(streams[i]) == LINE[0]);
}

static void block_getline(int i)
{
	char *line = NULL;
	size_t size = 0;
	MUST(getline(&line, &size, streams[i]) == LINE_LENGTH && strcmp(line, LINE) == 0);
	free(line);
}

static void block_fscanf(int i)
{
	char got[64];
	MUST(fscanf(streams[i], "%63s", got) == 1 && strcmp(got, "served") == 0);
}

static void block_fprintf(int i)
{
	MUST(fprintf(streams[i], "number %d\n", i) > 0 && fflush(streams[i]) == 0);
}

const struct call stdio_calls[] = {
    {.name = "fgets", make_readers, block_fgets, .release = write_lines},
    {.name = "fread", make_readers, block_fread, .release = write_lines},
    {.name = "getc", make_readers, block_getc, .release = write_lines},
    {.name = "getline", make_readers, block_getline, .release = write_lines},
    {.name = "fscanf", make_readers, block_fscanf, .release = write_lines},
    {.name = "fprintf, full pipe", make_writers, block_fprintf, .release = drain_all},
    {.name = NULL},
};
