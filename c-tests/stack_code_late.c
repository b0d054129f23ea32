/* When a library that wants executable stacks is opened, by whatever thread, the stacks of all threads become so
 * before its constructors run: of parked ones, of those that take the places of ended ones, and of later ones. Guards
 * stay guards. (From glibc 2.41 on such a library cannot be opened.) */
#include "beside.h"
#include <gnu/libc-version.h>
#include <sys/resource.h>

enum { THREADS = 30 };

static long (*library_add)(long, long);
static long (*library_constructed)(void);
static pthread_barrier_t turn;

static void *use_it(void *argument)
{
	CHECK_EQ(library_add((long)argument, 3), (long)argument + 3);
	return argument;
}

static void *park_then_use_it(void *argument)
{
	pthread_barrier_wait(&turn);
	return use_it(argument);
}

static void *nothing(void *argument)
{
	return argument;
}

static void *open_it(void *argument)
{
	void *library = open_beside("code_library.so", RTLD_NOW);
	if (library == NULL) {
		fprintf(stderr, "%s\n", dlerror());
		CHECK(strverscmp(gnu_get_libc_version(), "2.41") >= 0);
		exit(0);
	}
	library_add = (long (*)(long, long))dlsym(library, "library_add");
	library_constructed = (long (*)(void))dlsym(library, "library_constructed");
	CHECK(library_add && library_constructed);
	CHECK_EQ(library_constructed(), 42);
	return argument;
}

static void run_threads(void *(*routine)(void *), size_t stack, pthread_t threads[THREADS])
{
	pthread_attr_t attributes;
	CHECK_OK(pthread_attr_init(&attributes));
	if (stack)
		CHECK_OK(pthread_attr_setstacksize(&attributes, stack));
	for (long i = 0; i < THREADS; i++)
		CHECK_OK(pthread_create(&threads[i], &attributes, routine, (void *)i));
	CHECK_OK(pthread_attr_destroy(&attributes));
}

static void join_all(pthread_t threads[THREADS])
{
	for (int i = 0; i < THREADS; i++)
		check_join(threads[i]);
}

__attribute__((noinline)) static long overflow(long depth)
{
	volatile char frame[1024];
	frame[0] = (char)depth;
	return depth < 1 << 30 ? overflow(depth + 1) + frame[0] : 0;
}

static void *overflow_it(void *argument)
{
	pthread_barrier_wait(&turn);
	use_it(argument);
	return (void *)overflow(0);
}

static void everything(void)
{
	pthread_t ended[THREADS], parked[THREADS], small[THREADS], later[THREADS];
	CHECK_OK(pthread_barrier_init(&turn, NULL, 2 * THREADS + 1));
	run_threads(nothing, 0, ended);
	join_all(ended);
	run_threads(park_then_use_it, 0, parked);
	run_threads(park_then_use_it, 64 << 10, small);
	check_join(check_start(open_it, NULL));
	use_it((void *)9);
	pthread_barrier_wait(&turn);
	join_all(parked);
	join_all(small);
	run_threads(use_it, 0, later);
	join_all(later);
	run_threads(use_it, 300 << 10, later);
	join_all(later);
}

static void guards_hold(void)
{
	pid_t child = check_fork();
	if (child == 0) {
		setrlimit(RLIMIT_CORE, &(struct rlimit){0});
		CHECK_OK(pthread_barrier_init(&turn, NULL, 2));
		pthread_t thread = check_start(overflow_it, NULL);
		open_it(NULL);
		pthread_barrier_wait(&turn);
		check_join(thread);
		_exit(0);
	}
	int status;
	CHECK_EQ(waitpid(child, &status, 0), child);
	CHECK(WIFSIGNALED(status) || WEXITSTATUS(status) == 0);
	if (WIFSIGNALED(status))
		CHECK_EQ(WTERMSIG(status), SIGSEGV);
}

int main(void)
{
	guards_hold();
	pid_t child = check_fork();
	if (child == 0) {
		everything();
		exit(0);
	}
	check_child_succeeds(child);
	everything();
	return 0;
}
