/* A program with nested functions, whose code GCC puts on the stack, can call them in every thread: the first ones,
 * those that take the places of ended ones, on small and on large stacks, and in forked children. The guards of such
 * stacks are guards. */
#include "check.h"
#include <sys/mman.h>
#include <sys/resource.h>

enum { THREADS = 40, WAVES = 3 };

__attribute__((noinline)) static long apply(long (*function)(long), long value)
{
	return function(value);
}

static void *run(void *argument)
{
	long own = (long)argument;
	long add(long value)
	{
		return value + own;
	}
	CHECK_EQ(apply(add, 7), own + 7);
	sched_yield();
	CHECK_EQ(apply(add, 8), own + 8);
	return NULL;
}

static void waves(size_t stack, size_t guard)
{
	pthread_attr_t attributes;
	CHECK_OK(pthread_attr_init(&attributes));
	CHECK_OK(pthread_attr_setstacksize(&attributes, stack));
	CHECK_OK(pthread_attr_setguardsize(&attributes, guard));
	for (int wave = 0; wave < WAVES; wave++) {
		pthread_t threads[THREADS];
		for (long i = 0; i < THREADS; i++)
			CHECK_OK(pthread_create(&threads[i], &attributes, run, (void *)i));
		for (int i = 0; i < THREADS; i++)
			check_join(threads[i]);
	}
	CHECK_OK(pthread_attr_destroy(&attributes));
}

__attribute__((noinline)) static long overflow(long depth)
{
	volatile char frame[1024];
	frame[0] = (char)depth;
	return depth < 1 << 30 ? overflow(depth + 1) + frame[0] : 0;
}

static void *overflow_it(void *argument)
{
	run(argument);
	return (void *)overflow(0);
}

static void guards_hold(void)
{
	pid_t child = check_fork();
	if (child == 0) {
		setrlimit(RLIMIT_CORE, &(struct rlimit){0});
		check_join(check_start(run, NULL));
		check_join(check_start(overflow_it, NULL));
		_exit(0);
	}
	int status;
	CHECK_EQ(waitpid(child, &status, 0), child);
	CHECK(WIFSIGNALED(status));
	CHECK_EQ(WTERMSIG(status), SIGSEGV);
}

int main(void)
{
	run((void *)5);
	waves(64 << 10, 4096);
	waves(1 << 20, 0);
	waves(1 << 20, 16384);
	run((void *)6);
	guards_hold();
	pid_t child = check_fork();
	if (child == 0) {
		run((void *)7);
		waves(128 << 10, 4096);
		exit(0);
	}
	check_child_succeeds(child);
	return 0;
}
