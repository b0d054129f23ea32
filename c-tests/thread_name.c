/* pthread_setname_np and pthread_getname_np: each thread has a name of its own, inherited from its creator,
 * of at most 15 bytes; a child that it forks has it. */
#include "check.h"
#include <sched.h>
#include <semaphore.h>
#include <sys/prctl.h>

static sem_t named, checked;

static void check_name(pthread_t thread, const char *expected)
{
	char name[16];
	CHECK_OK(pthread_getname_np(thread, name, sizeof name));
	CHECK_EQ(strcmp(name, expected), 0);
}

static void *run(void *unused)
{
	check_name(pthread_self(), "creator");
	CHECK_OK(pthread_setname_np(pthread_self(), "self-named"));
	check_name(pthread_self(), "self-named");
	CHECK_OK(sem_post(&named));
	CHECK_OK(sem_wait(&checked));
	check_name(pthread_self(), "named-by-other");
	return unused;
}

static void *use_prctl(void *unused)
{
	char name[16] = "";
	CHECK_OK(prctl(PR_SET_NAME, "by-prctl"));
	sleep_ms(5);
	CHECK_OK(prctl(PR_GET_NAME, name));
	CHECK_EQ(strcmp(name, "by-prctl"), 0);
	check_name(pthread_self(), "by-prctl");
	return unused;
}

static void *fork_named(void *unused)
{
	CHECK_OK(pthread_setname_np(pthread_self(), "of-the-thread"));
	pid_t pid = check_fork();
	if (pid == 0) {
		check_name(pthread_self(), "of-the-thread");
		_exit(0);
	}
	check_child_succeeds(pid);
	return unused;
}

static void *wait_checked(void *unused)
{
	CHECK_OK(sem_wait(&checked));
	return unused;
}

/* One whose threads are kernel threads of their own begins them with its name, before anybody gives them another. */
static void *name_at_once(void *unused)
{
	cpu_set_t cpus;
	CHECK_OK(sched_getaffinity(0, sizeof cpus, &cpus));
	CHECK_OK(sched_setaffinity(0, sizeof cpus, &cpus));
	CHECK_OK(pthread_setname_np(pthread_self(), "another"));
	for (int i = 0; i < 200; i++) {
		pthread_t thread = check_start(wait_checked, NULL);
		if (i % 2)
			CHECK_OK(pthread_setname_np(thread, "given"));
		else
			sched_yield();
		check_name(thread, i % 2 ? "given" : "another");
		CHECK_OK(sem_post(&checked));
		check_join(thread);
	}
	return unused;
}

int main(void)
{
	CHECK_OK(sem_init(&named, 0, 0));
	CHECK_OK(sem_init(&checked, 0, 0));
	CHECK_OK(pthread_setname_np(pthread_self(), "creator"));
	pthread_t thread = check_start(run, NULL);
	CHECK_OK(sem_wait(&named));
	check_name(thread, "self-named");
	check_name(pthread_self(), "creator");
	CHECK_OK(pthread_setname_np(thread, "named-by-other"));
	check_name(thread, "named-by-other");
	CHECK_OK(sem_post(&checked));
	check_join(thread);

	CHECK_EQ(pthread_setname_np(pthread_self(), "sixteen-bytes-xx"), ERANGE);
	CHECK_OK(pthread_setname_np(pthread_self(), "fifteen-bytes-x"));
	check_name(pthread_self(), "fifteen-bytes-x");
	char small[15];
	CHECK_EQ(pthread_getname_np(pthread_self(), small, sizeof small), ERANGE);
	check_join(check_start(use_prctl, NULL));
	check_join(check_start(fork_named, NULL));
	check_name(pthread_self(), "fifteen-bytes-x");
	check_join(check_start(name_at_once, NULL));
	return 0;
}
