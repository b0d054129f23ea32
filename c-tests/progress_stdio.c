/* Blocking inside libc's own stdio holds up one thread only: fprintf into a pipe that a thread of the same
 * process reads with fgets, and a stream lock held across a sleep while others want to print. */
#include "check.h"

enum { LINES = 20000, PRINTERS = 4 };

static FILE *reading_end, *writing_end;
static int holder_has_lock, tried, printed;

static void *print_lines(void *unused)
{
	/* far more than a pipe holds, so both sides wait for each other inside libc */
	for (int i = 0; i < LINES; i++)
		CHECK(fprintf(writing_end, "line %d of some length to fill the pipe\n", i) > 0);
	CHECK_OK(fclose(writing_end));
	return unused;
}

static void a_pipe_between_two_threads(void)
{
	int ends[2];
	char line[128], expected[128];
	CHECK_OK(pipe(ends));
	reading_end = fdopen(ends[0], "r");
	writing_end = fdopen(ends[1], "w");
	CHECK(reading_end && writing_end);
	pthread_t printer = check_start(print_lines, NULL);
	for (int i = 0; i < LINES; i++) {
		CHECK(fgets(line, sizeof line, reading_end) != NULL);
		snprintf(expected, sizeof expected, "line %d of some length to fill the pipe\n", i);
		CHECK_EQ(strcmp(line, expected), 0);
	}
	CHECK(fgets(line, sizeof line, reading_end) == NULL && feof(reading_end));
	check_join(printer);
	CHECK_OK(fclose(reading_end));
}

static void *hold_lock(void *file)
{
	flockfile(file);
	CHECK(fprintf(file, "held ") > 0);
	__atomic_store_n(&holder_has_lock, 1, __ATOMIC_RELEASE);
	usleep(50000);
	/* on a busy machine main may come later */
	while (!__atomic_load_n(&tried, __ATOMIC_ACQUIRE))
		usleep(1000);
	/* the lock is recursive and still this thread's */
	CHECK(fprintf(file, "together\n") > 0);
	CHECK_EQ(__atomic_load_n(&printed, __ATOMIC_ACQUIRE), 0);
	funlockfile(file);
	return NULL;
}

static void *print_when_free(void *file)
{
	while (!__atomic_load_n(&holder_has_lock, __ATOMIC_ACQUIRE))
		sched_yield();
	CHECK(fprintf(file, "print\n") > 0);
	__atomic_add_fetch(&printed, 1, __ATOMIC_RELEASE);
	return NULL;
}

static void a_lock_held_across_a_sleep(void)
{
	char *text;
	size_t size;
	FILE *file = open_memstream(&text, &size);
	CHECK(file != NULL);
	pthread_t printers[PRINTERS], holder = check_start(hold_lock, file);
	for (int i = 0; i < PRINTERS; i++)
		printers[i] = check_start(print_when_free, file);
	while (!__atomic_load_n(&holder_has_lock, __ATOMIC_ACQUIRE))
		sched_yield();
	CHECK(ftrylockfile(file) != 0);
	__atomic_store_n(&tried, 1, __ATOMIC_RELEASE);
	/* Others go on meanwhile. */
	sleep_ms(1);
	check_join(holder);
	for (int i = 0; i < PRINTERS; i++)
		check_join(printers[i]);
	CHECK_OK(fclose(file));
	CHECK_EQ(strcmp(text, "held together\nprint\nprint\nprint\nprint\n"), 0);
	free(text);
}

int main(void)
{
	a_pipe_between_two_threads();
	a_lock_held_across_a_sleep();
	return 0;
}
