/* What it costs to start a process beside threads.
 *
 *   children WAY RUNNERS PARKED LIMIT
 *
 * WAY is fork (the child exits at once), fork_exec, vfork_exec, posix_spawn, system or popen. RUNNERS threads do
 * it one after the other, each; with 0 the main thread does before there is any other. PARKED threads stand by.
 * LIMIT is the soft limit on descriptors. Prints one JSON line, for each process that was started and waited for:
 * nanoseconds of wall-clock time, of CPU time of both, and their minor page faults. The programs that are started
 * have nothing preloaded: only their parent is measured. */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { WARM_UP = 20 };
static const double measured_seconds = 0.5;

static char *const program[] = {"/bin/true", NULL};
static char *const environment[] = {NULL};
static sem_t go;

static void check(int ok, const char *what)
{
	if (!ok) {
		fprintf(stderr, "children: %s: %s\n", what, strerror(errno));
		exit(1);
	}
}

static double now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void await(pid_t pid)
{
	int status;
	check(pid > 0, "no child");
	check(waitpid(pid, &status, 0) == pid, "waitpid");
	check(WIFEXITED(status) && WEXITSTATUS(status) == 0, "the child");
}

static void by_fork(void)
{
	pid_t pid = fork();
	if (pid == 0)
		_exit(0);
	await(pid);
}

static void by_fork_exec(void)
{
	pid_t pid = fork();
	if (pid == 0) {
		execve(program[0], program, environment);
		_exit(127);
	}
	await(pid);
}

static void by_vfork_exec(void)
{
	pid_t pid = vfork();
	if (pid == 0) {
		execve(program[0], program, environment);
		_exit(127);
	}
	await(pid);
}

static void by_posix_spawn(void)
{
	pid_t pid;
	errno = posix_spawn(&pid, program[0], NULL, NULL, program, environment);
	check(errno == 0, "posix_spawn");
	await(pid);
}

static void by_system(void)
{
	check(system("exit 0") == 0, "system");
}

static void by_popen(void)
{
	FILE *pipe = popen("exit 0", "r");
	check(pipe && pclose(pipe) == 0, "popen");
}

static const struct way {
	const char *name;
	void (*run)(void);
} ways[] = {
    {"fork", by_fork},
    {"fork_exec", by_fork_exec},
    {"vfork_exec", by_vfork_exec},
    {"posix_spawn", by_posix_spawn},
    {"system", by_system},
    {"popen", by_popen},
};

static void (*run)(void);
static double deadline;
static long done;

static void *repeat(void *unused)
{
	long count = 0;
	do {
		run();
		count++;
	} while (now() < deadline);
	__atomic_add_fetch(&done, count, __ATOMIC_RELAXED);
	return unused;
}

static void *park(void *unused)
{
	sem_wait(&go);
	return unused;
}

/* What the process has used so far; its children, those that were waited for. */
struct used {
	double cpu_seconds;
	long minor_faults;
};

static double seconds(struct timeval t)
{
	return (double)t.tv_sec + (double)t.tv_usec / 1e6;
}

static struct used used(void)
{
	struct rusage own, children;
	check(getrusage(RUSAGE_SELF, &own) == 0, "getrusage");
	check(getrusage(RUSAGE_CHILDREN, &children) == 0, "getrusage");
	struct used sum = {
	    .cpu_seconds = seconds(own.ru_utime) + seconds(own.ru_stime) + seconds(children.ru_utime) +
			   seconds(children.ru_stime),
	    .minor_faults = own.ru_minflt + children.ru_minflt,
	};
	return sum;
}

int main(int argc, char **argv)
{
	if (argc != 5) {
		fprintf(stderr, "usage: children WAY RUNNERS PARKED LIMIT\n");
		return 2;
	}
	for (size_t i = 0; i < sizeof ways / sizeof *ways; i++)
		if (strcmp(argv[1], ways[i].name) == 0)
			run = ways[i].run;
	check(run != NULL, argv[1]);
	int runners = atoi(argv[2]), parked = atoi(argv[3]);
	struct rlimit limit;
	check(getrlimit(RLIMIT_NOFILE, &limit) == 0, "getrlimit");
	limit.rlim_cur = (rlim_t)atol(argv[4]);
	check(setrlimit(RLIMIT_NOFILE, &limit) == 0, "setrlimit");
	unsetenv("LD_PRELOAD");
	pthread_t *threads = calloc((size_t)(runners + parked), sizeof *threads);
	for (int i = 0; i < parked; i++)
		check(pthread_create(&threads[runners + i], NULL, park, NULL) == 0, "pthread_create");
	for (int i = 0; i < WARM_UP; i++)
		run();
	struct used before = used();
	double began = now();
	deadline = began + measured_seconds;
	for (int i = 0; i < runners; i++)
		check(pthread_create(&threads[i], NULL, repeat, NULL) == 0, "pthread_create");
	if (runners == 0)
		repeat(NULL);
	for (int i = 0; i < runners; i++)
		pthread_join(threads[i], NULL);
	double elapsed = now() - began;
	struct used after = used();
	printf("{\"name\": \"%s\", \"ns\": %.0f, \"cpu_ns\": %.0f, \"faults\": %.1f}\n", argv[1],
	       elapsed / (double)done * 1e9, (after.cpu_seconds - before.cpu_seconds) / (double)done * 1e9,
	       (double)(after.minor_faults - before.minor_faults) / (double)done);
	for (int i = 0; i < parked; i++)
		sem_post(&go);
	return 0;
}
