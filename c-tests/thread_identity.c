/* pthread_self and gettid name live threads uniquely and never change under a thread; the main thread's gettid
 * is the process id. */
#include "check.h"
#include <sys/syscall.h>

enum { THREADS = 200 };

static pthread_barrier_t all_started, all_checked;
static pthread_t selves[THREADS];
static pid_t tids[THREADS];

static void *run(void *argument)
{
	long index = (long)argument;
	selves[index] = pthread_self();
	tids[index] = gettid();
	CHECK(tids[index] > 0);
	CHECK_EQ(syscall(SYS_gettid), tids[index]);
	CHECK_EQ(getpid(), syscall(SYS_getpid));
	pthread_barrier_wait(&all_started);
	for (int i = 0; i < 20; i++) {
		sleep_ms(1);
		CHECK(pthread_equal(selves[index], pthread_self()));
		CHECK_EQ(gettid(), tids[index]);
	}
	pthread_barrier_wait(&all_checked);
	return NULL;
}

int main(void)
{
	CHECK_EQ(gettid(), getpid());
	CHECK_OK(pthread_barrier_init(&all_started, NULL, THREADS + 1));
	CHECK_OK(pthread_barrier_init(&all_checked, NULL, THREADS + 1));
	pthread_t threads[THREADS];
	for (long i = 0; i < THREADS; i++)
		threads[i] = check_start(run, (void *)i);
	pthread_barrier_wait(&all_started);
	for (int i = 0; i < THREADS; i++) {
		CHECK(pthread_equal(threads[i], selves[i]));
		CHECK(!pthread_equal(threads[i], pthread_self()));
		CHECK(tids[i] != getpid());
		for (int j = 0; j < i; j++) {
			CHECK(!pthread_equal(selves[i], selves[j]));
			CHECK(tids[i] != tids[j]);
		}
	}
	pthread_barrier_wait(&all_checked);
	for (int i = 0; i < THREADS; i++)
		check_join(threads[i]);
	CHECK_EQ(gettid(), getpid());
	return 0;
}
