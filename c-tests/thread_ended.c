/* What is said of a thread that has ended: while it can be joined, and, since programs ask too late, of the last
 * one that was joined or detached. */
#include "check.h"
#include <sched.h>
#include <signal.h>
#include <time.h>

static void *end(void *unused)
{
	return unused;
}

static void await_end(pthread_t thread)
{
	clockid_t clock;
	while (pthread_getcpuclockid(thread, &clock) == 0)
		sched_yield();
	CHECK_EQ(pthread_getcpuclockid(thread, &clock), ESRCH);
}

static void refuses(pthread_t thread)
{
	CHECK_EQ(pthread_kill(thread, 0), 0);
	CHECK_EQ(pthread_kill(thread, SIGUSR1), 0);
	CHECK_EQ(pthread_kill(thread, 1000), 0);
	CHECK_EQ(pthread_kill(thread, 32), EINVAL);
	union sigval value = { 0 };
	CHECK_EQ(pthread_sigqueue(thread, 0, value), ESRCH);
	CHECK_EQ(pthread_sigqueue(thread, SIGUSR1, value), ESRCH);
	CHECK_EQ(pthread_sigqueue(thread, 1000, value), ESRCH);
	CHECK_OK(pthread_cancel(thread));

	int policy;
	struct sched_param parameters = { 0 };
	CHECK_EQ(pthread_getschedparam(thread, &policy, &parameters), ESRCH);
	CHECK_EQ(pthread_setschedparam(thread, SCHED_OTHER, &parameters), ESRCH);
	CHECK_EQ(pthread_setschedparam(thread, 1000, &parameters), ESRCH);
	CHECK_EQ(pthread_setschedprio(thread, 0), ESRCH);

	char name[16];
	CHECK_EQ(pthread_getname_np(thread, name, sizeof name), ENOENT);
	CHECK_EQ(pthread_getname_np(thread, name, 1), ERANGE);
	CHECK_EQ(pthread_setname_np(thread, "late"), ENOENT);
	CHECK_EQ(pthread_setname_np(thread, "later than it may be"), ERANGE);
}

static void is_detached(pthread_t thread)
{
	struct timespec now = { 0 };
	CHECK_EQ(pthread_join(thread, NULL), EINVAL);
	CHECK_EQ(pthread_tryjoin_np(thread, NULL), EINVAL);
	CHECK_EQ(pthread_timedjoin_np(thread, NULL, &now), EINVAL);
	CHECK_EQ(pthread_detach(thread), EINVAL);
	pthread_attr_t attributes;
	int state;
	CHECK_OK(pthread_getattr_np(thread, &attributes));
	CHECK_OK(pthread_attr_getdetachstate(&attributes, &state));
	CHECK_EQ(state, PTHREAD_CREATE_DETACHED);
	CHECK_OK(pthread_attr_destroy(&attributes));
}

int main(void)
{
	pthread_t thread = check_start(end, NULL);
	await_end(thread);
	refuses(thread);
	CHECK_OK(pthread_detach(thread));
	refuses(thread);
	is_detached(thread);

	pthread_attr_t detached;
	CHECK_OK(pthread_attr_init(&detached));
	CHECK_OK(pthread_attr_setdetachstate(&detached, PTHREAD_CREATE_DETACHED));
	CHECK_OK(pthread_create(&thread, &detached, end, NULL));
	CHECK_OK(pthread_attr_destroy(&detached));
	await_end(thread);
	refuses(thread);
	is_detached(thread);

	thread = check_start(end, NULL);
	check_join(thread);
	refuses(thread);
	CHECK_EQ(pthread_join(thread, NULL), ESRCH);
	CHECK_EQ(pthread_detach(thread), ESRCH);
	return 0;
}
