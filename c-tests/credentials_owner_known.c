/* Credentials are changed for all threads while some wait with, or for, a mutex whose owner the kernel knows (one that is
 * robust and that processes share): whoever changes them does not wait for those, who may wait for him, and all have the
 * new ones, main too. */
#include "check.h"
#include <stdatomic.h>
#include <sys/syscall.h>

enum { ROUNDS = 20, WAITERS = 3, GROUP = 60000 };

static pthread_mutex_t mutex;
static pthread_cond_t changed;
static atomic_int ready, leave, stop;
static int is_root;
static gid_t group;

static void take(void)
{
	CHECK_OK(pthread_mutex_lock(&mutex));
}

static void give_back(void)
{
	CHECK_OK(pthread_mutex_unlock(&mutex));
}

/* The group of a kernel thread, as the kernel has it; -1 if there is no such thread. */
static long group_of(const char *task)
{
	char path[300], line[200];
	unsigned is;
	long found = -1;
	snprintf(path, sizeof path, "/proc/self/task/%s/status", task);
	FILE *status = fopen(path, "r");
	while (status && fgets(line, sizeof line, status))
		if (sscanf(line, "Gid: %u", &is) == 1)
			found = is;
	if (status)
		fclose(status);
	return found;
}

/* glibc passes over a thread that is at its very end (setxid_mark_thread), and is shown for a moment still. */
static void check_all(void)
{
	DIR *tasks = opendir("/proc/self/task");
	CHECK(tasks);
	for (struct dirent *task; (task = readdir(tasks));) {
		if (task->d_name[0] == '.' || group_of(task->d_name) == group)
			continue;
		for (long is; (is = group_of(task->d_name)) != -1;)
			CHECK(is != group);
	}
	closedir(tasks);
}

static void change(int round)
{
	group = is_root ? (gid_t)(GROUP + round) : group;
	CHECK_OK(setregid(group, group));
	CHECK_EQ(syscall(SYS_getgid), group);
	check_all();
}

static void *wait_for_lock(void *unused)
{
	ready++;
	take();
	CHECK_EQ(syscall(SYS_getgid), group);
	give_back();
	return unused;
}

static void wait_for_change(void)
{
	take();
	ready++;
	while (!leave)
		CHECK_OK(pthread_cond_wait(&changed, &mutex));
	CHECK_EQ(syscall(SYS_getgid), group);
	give_back();
}

static void *wait_for_it(void *unused)
{
	wait_for_change();
	return unused;
}

static void let_go(void)
{
	take();
	leave = 1;
	CHECK_OK(pthread_cond_broadcast(&changed));
	give_back();
}

/* A moment, after which those who have said that they are ready wait. */
static void settle(int count)
{
	while (ready < count)
		usleep(200);
	usleep(3000);
	ready = leave = 0;
}

static void *go_about(void *unused)
{
	while (!stop)
		usleep(100);
	return unused;
}

static void compute(int ms)
{
	struct timespec begin, now;
	clock_gettime(CLOCK_MONOTONIC, &begin);
	do
		clock_gettime(CLOCK_MONOTONIC, &now);
	while ((now.tv_sec - begin.tv_sec) * 1000 + (now.tv_nsec - begin.tv_nsec) / NS_PER_MS < ms);
}

/* The caller holds what they wait for. */
static void beside_lockers(int round)
{
	pthread_t waiters[WAITERS];
	take();
	for (int i = 0; i < WAITERS; i++)
		waiters[i] = check_start(wait_for_lock, NULL);
	settle(WAITERS);
	change(round);
	give_back();
	for (int i = 0; i < WAITERS; i++)
		check_join(waiters[i]);
}

static void beside_waiters(int round)
{
	pthread_t waiters[WAITERS];
	for (int i = 0; i < WAITERS; i++)
		waiters[i] = check_start(wait_for_it, NULL);
	settle(WAITERS);
	change(round);
	let_go();
	for (int i = 0; i < WAITERS; i++)
		check_join(waiters[i]);
}

static void *change_beside_main(void *round)
{
	settle(WAITERS + 1);
	change((int)(long)round);
	let_go();
	return NULL;
}

static void beside_main(int round)
{
	pthread_t waiters[WAITERS];
	/* Others want to run meanwhile: main does not go on where it was, and they wait there. */
	compute(30);
	usleep(500);
	for (int i = 0; i < WAITERS; i++)
		waiters[i] = check_start(wait_for_it, NULL);
	pthread_t other = check_start(change_beside_main, (void *)(long)round);
	wait_for_change();
	check_join(other);
	for (int i = 0; i < WAITERS; i++)
		check_join(waiters[i]);
}

int main(void)
{
	pthread_mutexattr_t attributes;
	pthread_mutexattr_init(&attributes);
	CHECK_OK(pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST));
	CHECK_OK(pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED));
	CHECK_OK(pthread_mutex_init(&mutex, &attributes));
	pthread_condattr_t condition;
	pthread_condattr_init(&condition);
	CHECK_OK(pthread_condattr_setpshared(&condition, PTHREAD_PROCESS_SHARED));
	CHECK_OK(pthread_cond_init(&changed, &condition));
	is_root = !geteuid();
	group = getgid();
	pthread_t others[WAITERS];
	for (int i = 0; i < WAITERS; i++)
		others[i] = check_start(go_about, NULL);
	for (int round = 0; round < ROUNDS; round++) {
		beside_lockers(3 * round);
		beside_waiters(3 * round + 1);
		beside_main(3 * round + 2);
	}
	stop = 1;
	for (int i = 0; i < WAITERS; i++)
		check_join(others[i]);
	return 0;
}
