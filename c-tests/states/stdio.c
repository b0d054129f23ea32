/* stdio streams among threads and processes. */
#include "states.h"

static FILE *stream;

static void say(long descriptor)
{
	CHECK_EQ(dprintf((int)descriptor, "line %d\n", 1), 7);
}

static void line_is_waited_for(void)
{
	int ends[2];
	char line[20];
	pipe_pair(ends);
	FILE *input = fdopen(ends[1], "r");
	pid_t child = child_soon(say, ends[0]);
	CHECK(fgets(line, sizeof line, input) != NULL);
	CHECK_EQ(strcmp(line, "line 1\n"), 0);
	check_child_succeeds(child);
	CHECK_OK(close(ends[0]));
	CHECK(fgets(line, sizeof line, input) == NULL && feof(input));
	CHECK_OK(fclose(input));
}

static void *print_lines(void *unused)
{
	for (int i = 0; i < 100; i++)
		CHECK(fprintf(stream, "%s %d\n", "a line", 7) == 9);
	return unused;
}

static void lines_stay_whole(void)
{
	char line[20];
	int count = 0;
	stream = tmpfile();
	CHECK(stream != NULL);
	pthread_t threads[3];
	for (int i = 0; i < 3; i++)
		threads[i] = check_start(print_lines, NULL);
	print_lines(NULL);
	for (int i = 0; i < 3; i++)
		check_join(threads[i]);
	rewind(stream);
	while (fgets(line, sizeof line, stream) != NULL) {
		CHECK_EQ(strcmp(line, "a line 7\n"), 0);
		count++;
	}
	CHECK_EQ(count, 400);
	CHECK_OK(fclose(stream));
}

static void *print_when_unlocked(void *unused)
{
	CHECK(fputs("second\n", stream) >= 0);
	return unused;
}

static void lock_holds_others_up(void)
{
	char line[20];
	stream = tmpfile();
	flockfile(stream);
	pthread_t thread = check_start(print_when_unlocked, NULL);
	sleep_ms(SOON_MS);
	CHECK(fputs("first\n", stream) >= 0);
	funlockfile(stream);
	check_join(thread);
	rewind(stream);
	CHECK(fgets(line, sizeof line, stream) != NULL);
	CHECK_EQ(strcmp(line, "first\n"), 0);
	CHECK_OK(fclose(stream));
}

CHECKS({"line_is_waited_for", line_is_waited_for, 0},
       {"lines_stay_whole", lines_stay_whole, 0},
       {"lock_holds_others_up", lock_holds_others_up, 0});
