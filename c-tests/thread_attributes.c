/* Thread attributes: defaults, round trips, refusals, and what a running thread reports of its own. */
#include "check.h"
#include <limits.h>
#include <sched.h>
#include <semaphore.h>
#include <sys/resource.h>

static void attributes_round_trip(void)
{
	pthread_attr_t attributes;
	int value;
	size_t size;
	CHECK_OK(pthread_attr_init(&attributes));

	CHECK_OK(pthread_attr_getdetachstate(&attributes, &value));
	CHECK_EQ(value, PTHREAD_CREATE_JOINABLE);
	CHECK_OK(pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED));
	CHECK_OK(pthread_attr_getdetachstate(&attributes, &value));
	CHECK_EQ(value, PTHREAD_CREATE_DETACHED);
	CHECK_EQ(pthread_attr_setdetachstate(&attributes, 42), EINVAL);

	CHECK_OK(pthread_attr_getstacksize(&attributes, &size));
	CHECK(size >= (size_t)sysconf(_SC_THREAD_STACK_MIN));
	CHECK_OK(pthread_attr_setstacksize(&attributes, 1 << 20));
	CHECK_OK(pthread_attr_getstacksize(&attributes, &size));
	CHECK_EQ(size, 1 << 20);
	CHECK_EQ(pthread_attr_setstacksize(&attributes, 100), EINVAL);

	CHECK_OK(pthread_attr_getguardsize(&attributes, &size));
	CHECK_EQ(size, sysconf(_SC_PAGESIZE));
	CHECK_OK(pthread_attr_setguardsize(&attributes, 3 * size));
	CHECK_OK(pthread_attr_getguardsize(&attributes, &size));
	CHECK_EQ(size, 3 * sysconf(_SC_PAGESIZE));

	CHECK_OK(pthread_attr_getscope(&attributes, &value));
	CHECK_EQ(value, PTHREAD_SCOPE_SYSTEM);
	CHECK_EQ(pthread_attr_setscope(&attributes, PTHREAD_SCOPE_PROCESS), ENOTSUP);
	CHECK_OK(pthread_attr_getinheritsched(&attributes, &value));
	CHECK_EQ(value, PTHREAD_INHERIT_SCHED);
	CHECK_OK(pthread_attr_destroy(&attributes));
}

struct reported {
	size_t stack, guard;
	int detach_state;
};

static sem_t filled;

static void *report(void *place)
{
	struct reported *reported = place;
	pthread_attr_t own;
	void *address;
	CHECK_OK(pthread_getattr_np(pthread_self(), &own));
	CHECK_OK(pthread_attr_getstack(&own, &address, &reported->stack));
	CHECK_OK(pthread_attr_getguardsize(&own, &reported->guard));
	CHECK_OK(pthread_attr_getdetachstate(&own, &reported->detach_state));
	CHECK_OK(pthread_attr_destroy(&own));
	CHECK_OK(sem_post(&filled));
	return NULL;
}

static void a_thread_reports_what_it_was_given(void)
{
	struct reported reported;
	pthread_attr_t attributes;
	pthread_t thread;
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	CHECK_OK(pthread_attr_init(&attributes));
	CHECK_OK(pthread_attr_setstacksize(&attributes, 3 << 20));
	CHECK_OK(pthread_attr_setguardsize(&attributes, 4 * page));
	CHECK_OK(pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED));
	CHECK_OK(pthread_create(&thread, &attributes, report, &reported));
	CHECK_OK(sem_wait(&filled));
	/* It may be more: glibc hands out a larger stack that it has cached. */
	CHECK(reported.stack >= (3 << 20) - 4 * page);
	CHECK_EQ(reported.guard, 4 * page);
	CHECK_EQ(reported.detach_state, PTHREAD_CREATE_DETACHED);
	CHECK_OK(pthread_attr_destroy(&attributes));

	CHECK_OK(pthread_create(&thread, NULL, report, &reported));
	CHECK_OK(sem_wait(&filled));
	CHECK_EQ(reported.detach_state, PTHREAD_CREATE_JOINABLE);
	CHECK_OK(pthread_join(thread, NULL));
}

static void *report_exactly(void *place)
{
	pthread_attr_t own;
	void *address;
	size_t size;
	int inherit;
	CHECK_OK(pthread_getattr_np(pthread_self(), &own));
	CHECK_OK(pthread_attr_getstack(&own, &address, &size));
	CHECK_OK(pthread_attr_getinheritsched(&own, &inherit));
	CHECK_OK(pthread_attr_destroy(&own));
	CHECK((char *)&own > (char *)address && (char *)&own < (char *)address + size);
	*(size_t *)place = size;
	return (void *)(long)inherit;
}

/* The stack as it was asked for, the smallest as well, and whether the attributes say how the thread is scheduled. (No
 * thread before has left a stack that glibc would use again.) */
static void a_thread_reports_what_it_has_asked_for(void)
{
	size_t sizes[] = {(size_t)sysconf(_SC_THREAD_STACK_MIN), 100032, 128 << 10}, size;
	for (int i = 0; i < 3; i++) {
		pthread_attr_t attributes;
		pthread_t thread;
		CHECK_OK(pthread_attr_init(&attributes));
		CHECK_OK(pthread_attr_setstacksize(&attributes, sizes[i]));
		if (i == 1)
			CHECK_OK(pthread_attr_setinheritsched(&attributes, PTHREAD_EXPLICIT_SCHED));
		CHECK_OK(pthread_create(&thread, &attributes, report_exactly, &size));
		CHECK_EQ(check_join(thread), i == 1 ? PTHREAD_EXPLICIT_SCHED : PTHREAD_INHERIT_SCHED);
		CHECK_EQ(size, sizes[i]);
		CHECK_OK(pthread_attr_destroy(&attributes));
	}
}

static void default_attributes_apply(void)
{
	pthread_attr_t defaults;
	struct reported reported;
	CHECK_OK(pthread_getattr_default_np(&defaults));
	CHECK_OK(pthread_attr_setstacksize(&defaults, 24 << 20));
	CHECK_OK(pthread_setattr_default_np(&defaults));
	CHECK_OK(pthread_attr_destroy(&defaults));
	check_join(check_start(report, &reported));
	CHECK_OK(sem_wait(&filled));
	CHECK(reported.stack >= (24 << 20) - (size_t)sysconf(_SC_PAGESIZE));
}

static void scheduling_parameters_can_be_read(void)
{
	int policy = -1;
	struct sched_param parameters = {.sched_priority = -1};
	CHECK_OK(pthread_getschedparam(pthread_self(), &policy, &parameters));
	CHECK_EQ(policy, SCHED_OTHER);
	CHECK_EQ(parameters.sched_priority, 0);
	CHECK_OK(pthread_setschedparam(pthread_self(), policy, &parameters));
}

static void *check_own_scheduling(void *unused)
{
	scheduling_parameters_can_be_read();
	cpu_set_t set;
	CPU_ZERO(&set);
	CHECK_OK(pthread_getaffinity_np(pthread_self(), sizeof set, &set));
	CHECK(CPU_COUNT(&set) >= 1);
	clockid_t clock;
	CHECK_OK(pthread_getcpuclockid(pthread_self(), &clock));
	return unused;
}

/* One that the policy does not have, which the functions for attributes alone do not notice. */
static void a_bad_priority_is_refused(void)
{
	pthread_t thread;
	pthread_attr_t attributes;
	struct sched_param parameters = {.sched_priority = 99};
	CHECK_OK(pthread_attr_init(&attributes));
	CHECK_OK(pthread_attr_setinheritsched(&attributes, PTHREAD_EXPLICIT_SCHED));
	CHECK_OK(pthread_attr_setschedpolicy(&attributes, SCHED_FIFO));
	CHECK_OK(pthread_attr_setschedparam(&attributes, &parameters));
	CHECK_OK(pthread_attr_setschedpolicy(&attributes, SCHED_OTHER));
	CHECK_EQ(pthread_create(&thread, &attributes, check_own_scheduling, NULL), EINVAL);
	CHECK_OK(pthread_attr_destroy(&attributes));
}

int main(void)
{
	CHECK_OK(sem_init(&filled, 0, 0));
	attributes_round_trip();
	a_thread_reports_what_it_has_asked_for();
	a_thread_reports_what_it_was_given();
	default_attributes_apply();
	scheduling_parameters_can_be_read();
	check_join(check_start(check_own_scheduling, NULL));
	a_bad_priority_is_refused();
	return 0;
}
