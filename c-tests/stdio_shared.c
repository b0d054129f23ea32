/* Threads that share streams over pipes get and give whole lines, each once and none torn; and a stream of one's own
 * loses nothing. The pipes are small, so that everybody waits inside stdio all the time. */
#include "check.h"
#include <fcntl.h>

enum { WRITERS = 20, READERS = 20, LINES = 200, PIPE_BYTES = 4096 };

static FILE *from, *to;
static int seen[WRITERS][LINES];

/* Of different lengths. */
static int compose(char *line, int writer, int number)
{
	return sprintf(line, "%d %d %0*d end\n", writer, number, 1 + (writer * 7 + number) % 60, 0);
}

static void *write_lines(void *writer)
{
	for (int i = 0; i < LINES; i++) {
		char line[128];
		int length = compose(line, (int)(long)writer, i);
		switch (i % 3) {
		case 0:
			CHECK_EQ(fprintf(to, "%s", line), length);
			break;
		case 1:
			CHECK_EQ(fwrite(line, 1, length, to), length);
			break;
		default:
			CHECK(fputs(line, to) >= 0);
		}
		if (i % 10 == 0)
			CHECK_OK(fflush(to));
	}
	return NULL;
}

static void *read_lines(void *unused)
{
	char line[128], expected[128];
	while (fgets(line, sizeof line, from)) {
		int writer, number;
		CHECK_EQ(sscanf(line, "%d %d", &writer, &number), 2);
		CHECK(writer >= 0 && writer < WRITERS && number >= 0 && number < LINES);
		compose(expected, writer, number);
		CHECK_EQ(strcmp(line, expected), 0);
		CHECK_EQ(__atomic_fetch_add(&seen[writer][number], 1, __ATOMIC_RELAXED), 0);
	}
	CHECK(feof(from) && !ferror(from));
	return unused;
}

static void open_pipe(FILE **reading, FILE **writing)
{
	int ends[2];
	CHECK_OK(pipe(ends));
	CHECK_EQ(fcntl(ends[1], F_SETPIPE_SZ, PIPE_BYTES), PIPE_BYTES);
	*reading = fdopen(ends[0], "r");
	*writing = fdopen(ends[1], "w");
	CHECK(*reading && *writing);
	CHECK_OK(setvbuf(*reading, NULL, _IOFBF, 512));
	CHECK_OK(setvbuf(*writing, NULL, _IOFBF, 512));
}

static void streams_of_all(void)
{
	pthread_t writers[WRITERS], readers[READERS];
	open_pipe(&from, &to);
	for (int i = 0; i < READERS; i++)
		readers[i] = check_start(read_lines, NULL);
	for (int i = 0; i < WRITERS; i++)
		writers[i] = check_start(write_lines, (void *)(long)i);
	for (int i = 0; i < WRITERS; i++)
		check_join(writers[i]);
	CHECK_OK(fclose(to));
	for (int i = 0; i < READERS; i++)
		check_join(readers[i]);
	CHECK_OK(fclose(from));
	for (int writer = 0; writer < WRITERS; writer++)
		for (int i = 0; i < LINES; i++)
			CHECK_EQ(seen[writer][i], 1);
}

struct own {
	FILE *from, *to;
	unsigned seed;
};

enum { PAIRS = 20, BYTES = 20000 };

/* The same sequence on both ends. */
static int next_byte(unsigned *seed)
{
	*seed = *seed * 1103515245 + 12345;
	return *seed >> 16 & 255;
}

static void *put_bytes(void *argument)
{
	struct own *own = argument;
	unsigned seed = own->seed;
	for (int i = 0; i < BYTES; i++) {
		int byte = next_byte(&seed);
		CHECK_EQ(putc(byte, own->to), byte);
	}
	CHECK_OK(fclose(own->to));
	return NULL;
}

static void *get_bytes(void *argument)
{
	struct own *own = argument;
	unsigned seed = own->seed;
	for (int i = 0; i < BYTES; i++)
		CHECK_EQ(getc(own->from), next_byte(&seed));
	CHECK_EQ(getc(own->from), EOF);
	CHECK(feof(own->from));
	CHECK_OK(fclose(own->from));
	return NULL;
}

static void streams_of_ones_own(void)
{
	static struct own own[PAIRS];
	pthread_t threads[PAIRS][2];
	for (int i = 0; i < PAIRS; i++) {
		open_pipe(&own[i].from, &own[i].to);
		own[i].seed = i;
		threads[i][0] = check_start(get_bytes, &own[i]);
		threads[i][1] = check_start(put_bytes, &own[i]);
	}
	for (int i = 0; i < PAIRS; i++) {
		check_join(threads[i][0]);
		check_join(threads[i][1]);
	}
}

int main(void)
{
	streams_of_all();
	streams_of_ones_own();
	return 0;
}
