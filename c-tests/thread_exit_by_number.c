/* exit(2) by number ends the calling thread where it is: no cleanup handler or destructor runs. It can be joined, its
 * robust mutexes go on to others, and the process ends with its last thread. */
#include "check.h"
#include <sched.h>
#include <sys/syscall.h>

enum { THREADS = 20, STATUS = 7 };

static pthread_mutex_t robust;
static pthread_key_t key;

static void never(void *unused)
{
	(void)unused;
	CHECK(0);
}

/* Neither cleanup handlers nor destructors run. */
static void *leave(void *wired)
{
	cpu_set_t cpus;
	if (wired) {
		CHECK_OK(sched_getaffinity(0, sizeof cpus, &cpus));
		CHECK_OK(sched_setaffinity(0, sizeof cpus, &cpus));
	}
	CHECK_OK(pthread_setspecific(key, &key));
	pthread_cleanup_push(never, NULL);
	sched_yield();
	syscall(SYS_exit, 0);
	pthread_cleanup_pop(0);
	return NULL;
}

static void *leave_locked(void *unused)
{
	CHECK_OK(pthread_mutex_lock(&robust));
	syscall(SYS_exit, 0);
	return unused;
}

static void mutex_goes_on(void *(*routine)(void *))
{
	check_join(check_start(routine, NULL));
	CHECK_EQ(pthread_mutex_lock(&robust), EOWNERDEAD);
	CHECK_OK(pthread_mutex_consistent(&robust));
	CHECK_OK(pthread_mutex_unlock(&robust));
}

static void by_number(void)
{
	pthread_t threads[THREADS];
	for (long i = 0; i < THREADS; i++)
		threads[i] = check_start(leave, (void *)(i % 2));
	for (int i = 0; i < THREADS; i++)
		check_join(threads[i]);
	CHECK_OK(pthread_detach(check_start(leave, NULL)));
	mutex_goes_on(leave_locked);
}

static void *leave_last(void *main_thread)
{
	CHECK_OK(pthread_join((pthread_t)main_thread, NULL));
	syscall(SYS_exit, STATUS);
	return NULL;
}

/* The process ends with its last thread, and with that one's status. */
static void the_last_one_ends_the_process(void)
{
	pid_t pid = check_fork();
	if (pid == 0) {
		CHECK_OK(pthread_detach(check_start(leave_last, (void *)pthread_self())));
		syscall(SYS_exit, STATUS);
	}
	int status;
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	CHECK(WIFEXITED(status));
	CHECK_EQ(WEXITSTATUS(status), STATUS);
}

int main(void)
{
	pthread_mutexattr_t attributes;
	CHECK_OK(pthread_mutexattr_init(&attributes));
	CHECK_OK(pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST));
	CHECK_OK(pthread_mutex_init(&robust, &attributes));
	CHECK_OK(pthread_key_create(&key, never));
	by_number();
	by_number();
	the_last_one_ends_the_process();
	return 0;
}
