/* The clock of a thread's CPU time tells what that thread has used and not what others have, by each of its names. */
#include "check.h"
#include <dlfcn.h>
#include <semaphore.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/syscall.h>

enum { THREADS = 4, WORK_MS = 40, LITTLE_MS = 20, READINGS = 500 };

static long own_ns(void)
{
	return now_ns(CLOCK_THREAD_CPUTIME_ID);
}

static long by_number_ns(void)
{
	struct timespec time;
	CHECK_OK(syscall(SYS_clock_gettime, CLOCK_THREAD_CPUTIME_ID, &time));
	return time.tv_sec * (long)NS_PER_S + time.tv_nsec;
}

/* Who stands in for libc's function may look for this one (libfaketime). */
static long by_private_name_ns(void)
{
	static int (*volatile private_name)(clockid_t, struct timespec *);
	if (private_name == NULL)
		private_name = (int (*)(clockid_t, struct timespec *))dlsym(RTLD_DEFAULT, "__clock_gettime");
	if (private_name == NULL)
		return own_ns();
	struct timespec time;
	CHECK_OK(private_name(CLOCK_THREAD_CPUTIME_ID, &time));
	return time.tv_sec * (long)NS_PER_S + time.tv_nsec;
}

static long usage_ns(void)
{
	struct rusage usage;
	CHECK_OK(getrusage(RUSAGE_THREAD, &usage));
	return (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * (long)NS_PER_S +
	       (usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) * 1000L;
}

static long (*const clocks[])(void) = {own_ns, by_number_ns, by_private_name_ns, usage_ns};
enum { CLOCKS = sizeof clocks / sizeof *clocks };

/* Of the process's time, since nothing else runs: independent of what is to be shown. */
static void work(void)
{
	long until = now_ns(CLOCK_PROCESS_CPUTIME_ID) + WORK_MS * (long)NS_PER_MS;
	while (now_ns(CLOCK_PROCESS_CPUTIME_ID) < until)
		;
}

static sem_t turn_of_idle, turn_of_busy;

static void *work_when_told(void *unused)
{
	long before[CLOCKS];
	for (int i = 0; i < CLOCKS; i++)
		before[i] = clocks[i]();
	for (int round = 0; round < 3; round++) {
		CHECK_OK(sem_wait(&turn_of_busy));
		work();
		CHECK_OK(sem_post(&turn_of_idle));
	}
	for (int i = 0; i < CLOCKS; i++)
		CHECK(clocks[i]() - before[i] > WORK_MS * (long)NS_PER_MS);
	return unused;
}

static void *wait_for_work(void *unused)
{
	long before[CLOCKS];
	for (int i = 0; i < CLOCKS; i++)
		before[i] = clocks[i]();
	for (int round = 0; round < 3; round++) {
		CHECK_OK(sem_post(&turn_of_busy));
		CHECK_OK(sem_wait(&turn_of_idle));
	}
	for (int i = 0; i < CLOCKS; i++)
		CHECK(clocks[i]() - before[i] < LITTLE_MS * (long)NS_PER_MS);
	return unused;
}

static void others_do_not_count(void)
{
	pthread_t busy = check_start(work_when_told, NULL), idle = check_start(wait_for_work, NULL);
	check_join(idle);
	check_join(busy);
}

static void change_kernel_thread(void)
{
	struct timespec moment = {.tv_nsec = 20000};
	CHECK_OK(nanosleep(&moment, NULL));
	sched_yield();
}

static void *never_goes_back(void *unused)
{
	long last = own_ns();
	for (int i = 0; i < READINGS; i++) {
		if (i % 3 == 0)
			change_kernel_thread();
		long now = own_ns();
		CHECK(now >= last);
		last = now;
	}
	return unused;
}

static void none_goes_back(void)
{
	pthread_t threads[THREADS];
	for (int i = 0; i < THREADS; i++)
		threads[i] = check_start(never_goes_back, NULL);
	for (int i = 0; i < THREADS; i++)
		check_join(threads[i]);
}

static void *begin_with_little(void *unused)
{
	CHECK(own_ns() < LITTLE_MS * (long)NS_PER_MS);
	return unused;
}

static sem_t known, stop;

static void *work_until_stopped(void *unused)
{
	CHECK_OK(sem_post(&known));
	while (sem_trywait(&stop) == -1)
		;
	return unused;
}

static void *wait_until_stopped(void *unused)
{
	CHECK_OK(sem_post(&known));
	CHECK_OK(sem_wait(&stop));
	return unused;
}

/* A clock that others read. */
static void clocks_of_others(void)
{
	clockid_t clock, idle_clock;
	pthread_t idle = check_start(wait_until_stopped, NULL);
	CHECK_OK(sem_wait(&known));
	CHECK_OK(pthread_getcpuclockid(idle, &idle_clock));
	pthread_t busy = check_start(work_until_stopped, NULL);
	CHECK_OK(sem_wait(&known));
	CHECK_OK(pthread_getcpuclockid(busy, &clock));
	long before = now_ns(clock), idle_before = now_ns(idle_clock);
	while (now_ns(clock) - before < WORK_MS * (long)NS_PER_MS)
		sched_yield();
	CHECK(now_ns(idle_clock) - idle_before < LITTLE_MS * (long)NS_PER_MS);
	CHECK_OK(sem_post(&stop));
	CHECK_OK(sem_post(&stop));
	/* Not joined yet. */
	while (pthread_getcpuclockid(busy, &clock) == 0)
		sched_yield();
	CHECK_EQ(pthread_getcpuclockid(busy, &clock), ESRCH);
	check_join(busy);
	check_join(idle);
}

static void *ask_once(void *unused)
{
	struct timespec resolution, time = {0};
	CHECK_OK(clock_getres(CLOCK_THREAD_CPUTIME_ID, &resolution));
	CHECK_EQ(clock_nanosleep(CLOCK_THREAD_CPUTIME_ID, 0, &time, NULL), EINVAL);
	own_ns();
	return unused;
}

int main(void)
{
	CHECK_OK(sem_init(&turn_of_idle, 0, 0));
	CHECK_OK(sem_init(&turn_of_busy, 0, 0));
	CHECK_OK(sem_init(&known, 0, 0));
	CHECK_OK(sem_init(&stop, 0, 0));
	work();
	long alone = own_ns();
	CHECK(alone >= WORK_MS * (long)NS_PER_MS / 2);
	check_join(check_start(ask_once, NULL));
	CHECK(own_ns() >= alone);
	others_do_not_count();
	none_goes_back();
	check_join(check_start(begin_with_little, NULL));
	clocks_of_others();
	CHECK(own_ns() >= alone);
	pid_t child = check_fork();
	if (child == 0) {
		CHECK(own_ns() < LITTLE_MS * (long)NS_PER_MS);
		check_join(check_start(begin_with_little, NULL));
		others_do_not_count();
		_exit(0);
	}
	check_child_succeeds(child);
	return 0;
}
