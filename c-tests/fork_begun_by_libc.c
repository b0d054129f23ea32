/* A child that a thread of libc's own has forked, that of a SIGEV_THREAD, has that for its main thread: others that it
 * makes go on when it ends, by pthread_exit, by a return or cancelled, after its destructors have run as often and in
 * the order as natively, and the process ends with the last of them. It cannot be joined. So it is with one that
 * a thread on a stack of the program's own has forked, but that one can be joined. */
#include "check.h"
#include <sys/mman.h>

enum { ROUNDS = 4, STACK_BYTES = 1 << 20 };

static pthread_t main_thread;
static int output, is_joinable;
static long value_of_main;
static pthread_key_t before, behind;
static int runs_before, runs_behind;
static void (*end)(void);
static sem_t forked;
static pid_t child;

static void outlive_it(void)
{
	sleep_ms(30);
	FILE *file = tmpfile();
	CHECK(file && fprintf(file, "still here\n") > 0 && fclose(file) == 0);
}

static void *outlive_main(void *unused)
{
	if (is_joinable) {
		CHECK_EQ((long)check_join(main_thread), value_of_main);
		CHECK_EQ(runs_before, ROUNDS);
		CHECK_EQ(runs_behind, ROUNDS);
	}
	outlive_it();
	return unused;
}

static void *outlive_another(void *unused)
{
	outlive_it();
	check_join(check_start(outlive_main, NULL));
	return unused;
}

static void *look_at_main(void *unused)
{
	if (!is_joinable)
		CHECK_EQ(pthread_join(main_thread, NULL), EINVAL);
	return unused;
}

static void set_before_again(void *value)
{
	runs_before++;
	CHECK_OK(pthread_setspecific(before, value));
}

static void set_behind_again(void *value)
{
	runs_behind++;
	CHECK_OK(pthread_setspecific(behind, value));
}

static void exit_in_destructor(void *value)
{
	(void)value;
	runs_before = runs_behind = ROUNDS;
	pthread_exit((void *)(value_of_main = 78L));
}

static void at_exit(void)
{
	CHECK_EQ(runs_before, ROUNDS);
	CHECK_EQ(runs_behind, ROUNDS);
	CHECK_EQ(write(output, "atexit ran\n", 11), 11);
}

static void by_exit(void)
{
	value_of_main = 77;
	pthread_exit((void *)77L);
}

static void by_return(void)
{
}

static void cancelled(void)
{
	value_of_main = (long)PTHREAD_CANCELED;
	CHECK_OK(pthread_cancel(pthread_self()));
	pause();
}

static void by_exit_twice(void)
{
	CHECK_OK(pthread_key_delete(before));
	CHECK_OK(pthread_setspecific(behind, NULL));
	CHECK_OK(pthread_key_create(&before, exit_in_destructor));
	CHECK_OK(pthread_setspecific(before, &before));
	value_of_main = 77;
	pthread_exit((void *)77L);
}

static void by_exit_of_process(void)
{
	runs_before = runs_behind = ROUNDS;
	exit(0);
}

static void in_child(void)
{
	main_thread = pthread_self();
	CHECK_OK(atexit(at_exit));
	CHECK_OK(pthread_key_create(&before, set_before_again));
	CHECK_OK(pthread_setspecific(before, &before));
	pthread_t thread = check_start(outlive_another, NULL);
	CHECK_OK(pthread_detach(thread));
	check_join(check_start(look_at_main, NULL));
	CHECK_OK(pthread_key_create(&behind, set_behind_again));
	CHECK_OK(pthread_setspecific(behind, &behind));
	end();
}

static void fork_here(void)
{
	pid_t pid = check_fork();
	if (pid == 0) {
		in_child();
		return;
	}
	child = pid;
	CHECK_OK(sem_post(&forked));
}

static void by_timer(union sigval unused)
{
	(void)unused;
	fork_here();
}

static void *by_thread(void *unused)
{
	(void)unused;
	fork_here();
	return (void *)(value_of_main = 79L);
}

static void fork_in_timer(void)
{
	struct sigevent event = {.sigev_notify = SIGEV_THREAD, .sigev_notify_function = by_timer};
	struct itimerspec soon = {.it_value.tv_nsec = 1};
	timer_t timer;
	is_joinable = 0;
	CHECK_OK(timer_create(CLOCK_MONOTONIC, &event, &timer));
	CHECK_OK(timer_settime(timer, 0, &soon, NULL));
	check_await(&forked);
	CHECK_OK(timer_delete(timer));
}

static void fork_on_own_stack(void)
{
	pthread_attr_t attributes;
	pthread_t thread;
	void *stack = mmap(NULL, STACK_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	CHECK(stack != MAP_FAILED);
	is_joinable = 1;
	CHECK_OK(pthread_attr_init(&attributes));
	CHECK_OK(pthread_attr_setstack(&attributes, stack, STACK_BYTES));
	CHECK_OK(pthread_create(&thread, &attributes, by_thread, NULL));
	check_await(&forked);
	check_join(thread);
	CHECK_OK(munmap(stack, STACK_BYTES));
}

static void ends_well(void (*fork_there)(void), void (*how)(void))
{
	int ends[2];
	CHECK_OK(pipe(ends));
	output = ends[1];
	end = how;
	fork_there();
	CHECK_OK(close(ends[1]));
	char text[32] = "";
	CHECK_EQ(read(ends[0], text, sizeof text), 11);
	CHECK_EQ(memcmp(text, "atexit ran\n", 11), 0);
	CHECK_OK(close(ends[0]));
	check_child_succeeds(child);
}

static void all_end_well(void (*fork_there)(void))
{
	ends_well(fork_there, by_exit);
	ends_well(fork_there, by_return);
	ends_well(fork_there, cancelled);
	ends_well(fork_there, by_exit_twice);
	ends_well(fork_there, by_exit_of_process);
}

static void *of_threads(void *unused)
{
	all_end_well(fork_in_timer);
	all_end_well(fork_on_own_stack);
	return unused;
}

int main(void)
{
	CHECK_OK(sem_init(&forked, 0, 0));
	all_end_well(fork_in_timer); /* before the first pthread_create */
	of_threads(NULL);
	check_join(check_start(of_threads, NULL));
	return 0;
}
