/* What every self-checking program here shares: assertions that say where and why, and a watchdog.
 *
 * A program exits 0 when its promise holds. CHECK prints the place, the expression and errno, and exits 1.
 * Including this file arms the watchdog, so that a hang ends with a message instead of a silent timeout. */
#ifndef CHECK_H
#define CHECK_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <dirent.h>
#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { WATCHDOG_SECONDS = 60, NS_PER_MS = 1000000, NS_PER_S = 1000000000 };

/* errno comes first: evaluating the arguments of fprintf could change it. _exit, because a failure in a
 * forked child must not run the parent's atexit handlers or flush its stdio buffers a second time. */
__attribute__((noreturn, cold, unused)) static void check_failed(const char *file, int line, const char *what, long got)
{
	int error = errno;
	fprintf(stderr, "%s:%d: pid %d: check failed: %s (value %ld, errno %d: %s)\n", file, line, (int)getpid(), what,
		got, error, strerror(error));
	_exit(1);
}

/* The expression holds. */
#define CHECK(expression) \
	do { \
		if (!(expression)) \
			check_failed(__FILE__, __LINE__, #expression, 0); \
	} while (0)

/* The expression, an integer, has just this value. */
#define CHECK_EQ(expression, expected) \
	do { \
		long check_got = (long)(expression); \
		if (check_got != (long)(expected)) \
			check_failed(__FILE__, __LINE__, #expression " == " #expected, check_got); \
	} while (0)

/* A pthread-style call returns 0. */
#define CHECK_OK(call) CHECK_EQ(call, 0)

/* A system-call-style call returns -1 and sets errno to this value. */
#define CHECK_ERRNO(call, expected_errno) \
	do { \
		errno = 0; \
		long check_got = (long)(call); \
		if (check_got != -1 || errno != (expected_errno)) \
			check_failed(__FILE__, __LINE__, #call " fails with " #expected_errno, check_got); \
	} while (0)

static void watchdog_expired(int signal_number)
{
	(void)signal_number;
	static const char message[] = "watchdog: the program hangs\n";
	ssize_t ignored = write(STDERR_FILENO, message, sizeof message - 1);
	(void)ignored;
	_exit(124);
}

__attribute__((constructor)) static void watchdog_start(void)
{
	signal(SIGALRM, watchdog_expired);
	alarm(WATCHDOG_SECONDS);
}

/* fork() for children that check things themselves: alarm() is not inherited, so the child arms its own. */
__attribute__((unused)) static pid_t check_fork(void)
{
	fflush(NULL);
	pid_t pid = fork();
	CHECK(pid >= 0);
	if (pid == 0)
		alarm(WATCHDOG_SECONDS);
	return pid;
}

/* The child ends by itself with exit status 0. */
__attribute__((unused)) static void check_child_succeeds(pid_t pid)
{
	int status = -1;
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	CHECK(WIFEXITED(status));
	CHECK_EQ(WEXITSTATUS(status), 0);
}

/* `check` holds in a child. */
__attribute__((unused)) static void check_in_a_child(void (*check)(void))
{
	pid_t child = check_fork();
	if (child == 0) {
		check();
		exit(0);
	}
	check_child_succeeds(child);
}

__attribute__((unused)) static pthread_t check_start(void *(*routine)(void *), void *argument)
{
	pthread_t thread;
	CHECK_OK(pthread_create(&thread, NULL, routine, argument));
	return thread;
}

__attribute__((unused)) static void *check_join(pthread_t thread)
{
	void *result = NULL;
	CHECK_OK(pthread_join(thread, &result));
	return result;
}

/* Whatever handlers run meanwhile. */
__attribute__((unused)) static void check_await(sem_t *semaphore)
{
	while (sem_wait(semaphore) == -1)
		CHECK_EQ(errno, EINTR);
}

/* Runs the routine here, which may be before there are threads, and then in one. */
__attribute__((unused)) static void check_here_and_in_thread(void *(*routine)(void *), void *argument)
{
	routine(argument);
	check_join(check_start(routine, argument));
}

__attribute__((unused)) static long now_ns(clockid_t clock)
{
	struct timespec now;
	CHECK_OK(clock_gettime(clock, &now));
	return now.tv_sec * (long)NS_PER_S + now.tv_nsec;
}

__attribute__((unused)) static long monotonic_ms(void)
{
	return now_ns(CLOCK_MONOTONIC) / NS_PER_MS;
}

/* The absolute time that many milliseconds from now (or, negative, ago). */
__attribute__((unused)) static struct timespec in_ms(clockid_t clock, long ms)
{
	long at = now_ns(clock) + ms * NS_PER_MS;
	struct timespec deadline = {.tv_sec = at / NS_PER_S, .tv_nsec = at % NS_PER_S};
	return deadline;
}

__attribute__((unused)) static void sleep_ms(long ms)
{
	struct timespec left = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * NS_PER_MS};
	while (nanosleep(&left, &left) == -1)
		CHECK_EQ(errno, EINTR);
}

/* How many kernel threads the process has. */
__attribute__((unused)) static long check_kernel_threads(void)
{
	long count = 0;
	DIR *tasks = opendir("/proc/self/task");
	CHECK(tasks != NULL);
	for (struct dirent *entry; (entry = readdir(tasks));)
		count += entry->d_name[0] != '.';
	CHECK_OK(closedir(tasks));
	return count;
}

/* The program's optional size: argv[index], or the default. */
__attribute__((unused)) static long size_argument(int argc, char **argv, int index, long otherwise)
{
	if (argc <= index)
		return otherwise;
	char *end;
	long value = strtol(argv[index], &end, 10);
	CHECK(*argv[index] != '\0' && *end == '\0' && value > 0);
	return value;
}

#endif
