/* Before libc has been set up, in the program's DT_PREINIT_ARRAY, there can be threads and look-ups, as
 * ThreadSanitizer makes them: libc gets the program's arguments and its environment all the same. */
#include "check.h"
#include <dlfcn.h>

static sem_t told;
static int arguments_early;

static void *tell(void *unused)
{
	CHECK_OK(sem_post(&told));
	return unused;
}

static void run_threads(void)
{
	CHECK_OK(sem_init(&told, 0, 0));
	pthread_t thread = check_start(tell, &told);
	check_await(&told);
	CHECK(check_join(thread) == &told);
}

static void be_early(int argc, char **argv, char **environment)
{
	(void)argv;
	(void)environment;
	arguments_early = argc;
	CHECK(dlvsym(RTLD_NEXT, "pthread_cond_wait", "GLIBC_2.3.2") != NULL);
	run_threads();
}

__attribute__((section(".preinit_array"), used)) static void (*const early)(int, char **, char **) = be_early;

int main(int argc, char **argv, char **environment)
{
	CHECK_EQ(arguments_early, argc);
	CHECK(environ == environment);
	CHECK(strcmp(program_invocation_name, argv[0]) == 0);
	CHECK_EQ(gettid(), getpid());
	run_threads();
	check_child_succeeds(({
		pid_t child = check_fork();
		if (child == 0) {
			run_threads();
			exit(0);
		}
		child;
	}));
	return 0;
}
