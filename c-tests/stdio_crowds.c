/* A crowd in one function of stdio, each thread on a stream of its own: each is served with what it must get, and
 * prints how many kernel threads that took at most. */
#include "check.h"
#include <fcntl.h>

enum { THREADS = 200, LINE_LENGTH = 7 };

#define LINE "served\n"

static FILE *streams[THREADS];
static int ends[THREADS][2];

static void by_fgets(FILE *stream)
{
	char got[64];
	CHECK(fgets(got, sizeof got, stream) == got);
	CHECK_EQ(strcmp(got, LINE), 0);
}

static void by_fread(FILE *stream)
{
	char got[LINE_LENGTH];
	CHECK_EQ(fread(got, 1, sizeof got, stream), sizeof got);
	CHECK_EQ(memcmp(got, LINE, sizeof got), 0);
}

static void by_getc(FILE *stream)
{
	CHECK_EQ(getc(stream), LINE[0]);
}

static void by_getline(FILE *stream)
{
	char *line = NULL;
	size_t size = 0;
	CHECK_EQ(getline(&line, &size, stream), LINE_LENGTH);
	CHECK_EQ(strcmp(line, LINE), 0);
	free(line);
}

static void by_fscanf(FILE *stream)
{
	char got[64];
	CHECK_EQ(fscanf(stream, "%63s", got), 1);
	CHECK_EQ(strcmp(got, "served"), 0);
}

static void by_fprintf(FILE *stream)
{
	CHECK_EQ(fprintf(stream, "%s", LINE), LINE_LENGTH);
	CHECK_OK(fflush(stream));
}

static const struct {
	void (*use)(FILE *);
	int writes;
} kinds[] = {{by_fgets, 0}, {by_fread, 0}, {by_getc, 0}, {by_getline, 0}, {by_fscanf, 0}, {by_fprintf, 1}};

static void (*use)(FILE *);

static void *visit(void *stream)
{
	use(stream);
	return NULL;
}

static void fill(int pipe_end)
{
	static const char zeros[4096];
	CHECK_OK(fcntl(pipe_end, F_SETFL, O_NONBLOCK));
	while (write(pipe_end, zeros, sizeof zeros) > 0) {
	}
	CHECK_EQ(errno, EAGAIN);
	CHECK_OK(fcntl(pipe_end, F_SETFL, 0));
}

int main(void)
{
	long most = 0;
	for (size_t kind = 0; kind < sizeof kinds / sizeof *kinds; kind++) {
		int writes = kinds[kind].writes;
		use = kinds[kind].use;
		pthread_t threads[THREADS];
		for (int i = 0; i < THREADS; i++) {
			CHECK_OK(pipe(ends[i]));
			if (writes) {
				CHECK_EQ(fcntl(ends[i][1], F_SETPIPE_SZ, 4096), 4096);
				fill(ends[i][1]);
			}
			streams[i] = fdopen(ends[i][writes], writes ? "w" : "r");
			CHECK(streams[i] != NULL);
			threads[i] = check_start(visit, streams[i]);
		}
		sleep_ms(20);
		long now = check_kernel_threads();
		most = now > most ? now : most;
		for (int i = 0; i < THREADS && !writes; i++)
			CHECK_EQ(write(ends[i][1], LINE, LINE_LENGTH), LINE_LENGTH);
		for (int i = 0; i < THREADS && writes; i++) {
			char room[4096];
			CHECK_EQ(read(ends[i][0], room, sizeof room), sizeof room);
		}
		for (int i = 0; i < THREADS; i++) {
			check_join(threads[i]);
			CHECK_OK(fclose(streams[i]));
			if (writes) {
				char got[LINE_LENGTH + 1];
				CHECK_EQ(read(ends[i][0], got, sizeof got), LINE_LENGTH);
				CHECK_EQ(memcmp(got, LINE, LINE_LENGTH), 0);
			}
			CHECK_OK(close(ends[i][!writes]));
		}
	}
	printf("tasks=%ld\n", most);
	return 0;
}
