/* pthread_exit in main ends the main thread only: the others go on, main can be joined, and the process ends
 * with status 0 when the last of them does. atexit handlers run then. */
#include "check.h"

static pthread_t main_thread;
static int finished;

static void *outlive_main(void *unused)
{
	CHECK_EQ((long)check_join(main_thread), 77);
	/* Blocking calls, locks and new threads still work without the main thread. */
	sleep_ms(50);
	FILE *file = tmpfile();
	CHECK(file && fprintf(file, "still here\n") > 0 && fclose(file) == 0);
	finished = 1;
	return unused;
}

static void at_exit(void)
{
	CHECK_EQ(finished, 1);
	ssize_t written = write(STDOUT_FILENO, "atexit ran\n", 11);
	CHECK_EQ(written, 11);
}

static void child(int output)
{
	CHECK_EQ(dup2(output, STDOUT_FILENO), STDOUT_FILENO);
	main_thread = pthread_self();
	CHECK_OK(atexit(at_exit));
	check_start(outlive_main, NULL);
	pthread_exit((void *)77L);
}

static void *outlive_nobody(void *unused)
{
	finished = 1;
	return unused;
}

static void only_thread(int output)
{
	CHECK_EQ(dup2(output, STDOUT_FILENO), STDOUT_FILENO);
	check_join(check_start(outlive_nobody, NULL));
	CHECK_OK(atexit(at_exit));
	pthread_exit(NULL);
}

static void only_thread_ever(int output)
{
	CHECK_EQ(dup2(output, STDOUT_FILENO), STDOUT_FILENO);
	finished = 1;
	CHECK_OK(atexit(at_exit));
	pthread_exit(NULL);
}

static void ends_well(void (*child)(int))
{
	int ends[2];
	CHECK_OK(pipe(ends));
	pid_t pid = check_fork();
	if (pid == 0)
		child(ends[1]);
	CHECK_OK(close(ends[1]));
	char text[32] = "";
	CHECK_EQ(read(ends[0], text, sizeof text), 11);
	CHECK_EQ(memcmp(text, "atexit ran\n", 11), 0);
	CHECK_OK(close(ends[0]));
	check_child_succeeds(pid);
}

static void *children(void *unused)
{
	ends_well(child);
	ends_well(only_thread);
	ends_well(only_thread_ever);
	return unused;
}

int main(void)
{
	children(NULL);
	check_join(check_start(children, NULL)); /* whose children begin on a thread's stack */
	children(NULL);

	/* The process that was not forked does the same. */
	main_thread = pthread_self();
	check_start(outlive_main, NULL);
	pthread_exit((void *)77L);
}
