/* Threads that wait for children by wait4, where waitid is denied: each is told of its child's stop and of its end, and
 * nobody asks again and again meanwhile. */
#include "check.h"
#include "deny.h"

enum { THREADS = 8, WHILE_MS = 300 };

static sem_t told;
static pid_t children[THREADS];

static void *wait_for_stop_and_end(void *number)
{
	pid_t pid = children[(long)number];
	int status;
	CHECK_EQ(waitpid(pid, &status, WUNTRACED), pid);
	CHECK(WIFSTOPPED(status));
	CHECK_OK(sem_post(&told));
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	CHECK(WIFSIGNALED(status));
	return NULL;
}

static void *wait_for_any(void *unused)
{
	CHECK(wait(NULL) > 0);
	return unused;
}

static void make_children(void)
{
	for (int i = 0; i < THREADS; i++) {
		children[i] = check_fork();
		if (children[i] == 0)
			for (;;)
				pause();
	}
}

static void end_children(pthread_t *threads)
{
	for (int i = 0; i < THREADS; i++)
		CHECK_OK(kill(children[i], SIGKILL));
	for (int i = 0; i < THREADS; i++)
		check_join(threads[i]);
}

static void each_is_told(void)
{
	pthread_t threads[THREADS];
	make_children();
	for (long i = 0; i < THREADS; i++)
		threads[i] = check_start(wait_for_stop_and_end, (void *)i);
	sleep_ms(10);
	for (int i = 0; i < THREADS; i++)
		CHECK_OK(kill(children[i], SIGSTOP));
	for (int i = 0; i < THREADS; i++)
		check_await(&told);
	end_children(threads);
}

static void nobody_asks_all_the_time(void)
{
	pthread_t threads[THREADS];
	make_children();
	for (int i = 0; i < THREADS; i++)
		threads[i] = check_start(wait_for_any, NULL);
	sleep_ms(50);
	long used = now_ns(CLOCK_PROCESS_CPUTIME_ID);
	sleep_ms(WHILE_MS);
	CHECK(now_ns(CLOCK_PROCESS_CPUTIME_ID) - used < WHILE_MS * NS_PER_MS / 2);
	end_children(threads);
}

int main(void)
{
	static const int calls[] = {SYS_waitid};
	CHECK_OK(sem_init(&told, 0, 0));
	deny(calls, 1, EPERM);
	each_is_told();
	nobody_asks_all_the_time();
	return 0;
}
