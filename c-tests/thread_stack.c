/* A thread can use the stack it asked for, pthread_getattr_np tells its true bounds, a stack of the program's
 * own is used, and running over the guard is a segmentation fault rather than silent corruption. */
#include "check.h"
#include <alloca.h>
#include <limits.h>
#include <sys/mman.h>
#include <sys/resource.h>

static size_t requested;

static void check_bounds_contain(const void *address)
{
	pthread_attr_t own;
	void *base;
	size_t size;
	CHECK_OK(pthread_getattr_np(pthread_self(), &own));
	CHECK_OK(pthread_attr_getstack(&own, &base, &size));
	CHECK_OK(pthread_attr_destroy(&own));
	CHECK((const char *)address >= (char *)base && (const char *)address < (char *)base + size);
}

__attribute__((noinline)) static long recurse(size_t left)
{
	volatile char frame[4096];
	memset((void *)frame, 1, sizeof frame);
	if (left <= sizeof frame)
		return frame[17];
	return recurse(left - sizeof frame) + frame[42];
}

static void *use_most_of_it(void *unused)
{
	check_bounds_contain(&unused);
	size_t most = requested / 10 * 8;
	/* Touch alloca'd memory page by page from the top, as a stack grows; then the same by recursion. */
	volatile char *block = alloca(most / 2);
	for (size_t i = most / 2; i > 0; i--)
		block[i - 1] = 2;
	check_bounds_contain((void *)block);
	CHECK(recurse(most / 2 - most / 16) > 0);
	return unused;
}

static void *check_local_address(void *place)
{
	check_bounds_contain(&place);
	if (place)
		*(char **)place = (char *)&place;
	return NULL;
}

static void sizes_are_honoured(void)
{
	static const size_t sizes[] = {64 << 10, 256 << 10, 1 << 20, 8 << 20, 32 << 20};
	for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
		pthread_attr_t attributes;
		pthread_t threads[4];
		requested = sizes[i];
		CHECK_OK(pthread_attr_init(&attributes));
		CHECK_OK(pthread_attr_setstacksize(&attributes, requested));
		for (int t = 0; t < 4; t++)
			CHECK_OK(pthread_create(&threads[t], &attributes, use_most_of_it, NULL));
		for (int t = 0; t < 4; t++)
			check_join(threads[t]);
		CHECK_OK(pthread_attr_destroy(&attributes));
	}
	struct rlimit limit;
	CHECK_OK(getrlimit(RLIMIT_STACK, &limit));
	requested = limit.rlim_cur == RLIM_INFINITY ? 2 << 20 : limit.rlim_cur;
	check_join(check_start(use_most_of_it, NULL));
}

static void the_smallest_stack_works(void)
{
	pthread_attr_t attributes;
	pthread_t thread;
	CHECK_OK(pthread_attr_init(&attributes));
	CHECK_OK(pthread_attr_setstacksize(&attributes, (size_t)sysconf(_SC_THREAD_STACK_MIN)));
	CHECK_OK(pthread_create(&thread, &attributes, check_local_address, NULL));
	check_join(thread);
	CHECK_OK(pthread_attr_destroy(&attributes));
}

static void a_stack_of_ones_own_is_used(void)
{
	size_t size = 1 << 20;
	char *stack = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	CHECK(stack != MAP_FAILED);
	pthread_attr_t attributes;
	CHECK_OK(pthread_attr_init(&attributes));
	CHECK_OK(pthread_attr_setstack(&attributes, stack, size));
	for (int round = 0; round < 20; round++) {
		pthread_t thread;
		char *local;
		CHECK_OK(pthread_create(&thread, &attributes, check_local_address, &local));
		check_join(thread);
		CHECK(local >= stack && local < stack + size);
	}
	CHECK_OK(pthread_attr_destroy(&attributes));
	/* After join the memory is the program's again. */
	CHECK_OK(munmap(stack, size));
}

static void *overflow(void *unused)
{
	CHECK(recurse((size_t)1 << 30) != 0);
	return unused;
}

static void the_guard_stops_an_overflow(void)
{
	pid_t pid = check_fork();
	if (pid == 0) {
		struct rlimit no_core = {0, 0};
		CHECK_OK(setrlimit(RLIMIT_CORE, &no_core));
		pthread_attr_t attributes;
		pthread_t thread;
		CHECK_OK(pthread_attr_init(&attributes));
		CHECK_OK(pthread_attr_setstacksize(&attributes, 256 << 10));
		CHECK_OK(pthread_create(&thread, &attributes, overflow, NULL));
		check_join(thread);
		_exit(0);
	}
	int status;
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	CHECK(WIFSIGNALED(status));
	CHECK_EQ(WTERMSIG(status), SIGSEGV);
}

int main(void)
{
	int local;
	check_bounds_contain(&local);
	sizes_are_honoured();
	the_smallest_stack_works();
	a_stack_of_ones_own_is_used();
	the_guard_stops_an_overflow();
	return 0;
}
