/* What the kernel schedules a thread by: CPUs, policy, nice value, I/O priority, timer slack, memory policy. */
#include "thread_state.h"
#include <sys/resource.h>

static cpu_set_t all;
static int nice_at_start;

static int affinity_change(void)
{
	cpu_set_t one;
	int cpu = 0;
	if (CPU_COUNT(&all) < 2) {
		errno = EOPNOTSUPP;
		return -1;
	}
	while (!CPU_ISSET(cpu, &all))
		cpu++;
	CPU_ZERO(&one);
	CPU_SET(cpu, &one);
	return sched_setaffinity((pid_t)syscall(SYS_gettid), sizeof one, &one);
}

static int affinity_is_changed(void)
{
	cpu_set_t now, by_id;
	CHECK_OK(sched_getaffinity(0, sizeof now, &now));
	CHECK_OK(sched_getaffinity((pid_t)syscall(SYS_gettid), sizeof by_id, &by_id));
	CHECK(CPU_EQUAL(&now, &by_id));
	return !CPU_EQUAL(&now, &all);
}

static int policy_change(void)
{
	struct sched_param parameters = {0};
	return sched_setscheduler(0, SCHED_BATCH, &parameters);
}

static int policy_is_changed(void)
{
	struct sched_param parameters;
	CHECK_OK(sched_getparam(0, &parameters));
	CHECK_EQ(parameters.sched_priority, 0);
	CHECK_EQ(sched_getscheduler((pid_t)syscall(SYS_gettid)), sched_getscheduler(0));
	return sched_getscheduler(0) == SCHED_BATCH;
}

static int reset_change(void)
{
	struct sched_param parameters = {0};
	return sched_setscheduler(0, SCHED_BATCH | SCHED_RESET_ON_FORK, &parameters);
}

static int reset_is_changed(void)
{
	return sched_getscheduler(0) == (SCHED_BATCH | SCHED_RESET_ON_FORK);
}

static int nice_change(void)
{
	return setpriority(PRIO_PROCESS, 0, 7);
}

static int nice_is_changed(void)
{
	return getpriority(PRIO_PROCESS, 0) == 7;
}

static int nice_by_id_change(void)
{
	return setpriority(PRIO_PROCESS, (id_t)syscall(SYS_gettid), 7);
}

static int nice_by_id_is_changed(void)
{
	return getpriority(PRIO_PROCESS, (id_t)syscall(SYS_gettid)) == 7;
}

static int nice_by_steps_change(void)
{
	return nice(7) == -1 ? -1 : 0;
}

static int nice_by_steps_is_changed(void)
{
	return getpriority(PRIO_PROCESS, 0) == nice_at_start + 7;
}

enum { IOPRIO_WHO_PROCESS = 1, IOPRIO_BEST_EFFORT_6 = 2 << 13 | 6 };

static int ioprio_change(void)
{
	return (int)syscall(SYS_ioprio_set, IOPRIO_WHO_PROCESS, 0, IOPRIO_BEST_EFFORT_6);
}

static int ioprio_is_changed(void)
{
	return syscall(SYS_ioprio_get, IOPRIO_WHO_PROCESS, syscall(SYS_gettid)) == IOPRIO_BEST_EFFORT_6;
}

static int slack_change(void)
{
	return prctl(PR_SET_TIMERSLACK, 12345, 0, 0, 0);
}

static int slack_is_changed(void)
{
	return prctl(PR_GET_TIMERSLACK, 0, 0, 0, 0) == 12345;
}

enum { MPOL_DEFAULT, MPOL_PREFERRED };

static int memory_change(void)
{
	return (int)syscall(SYS_set_mempolicy, MPOL_PREFERRED, NULL, 0);
}

static int memory_is_changed(void)
{
	int mode = MPOL_DEFAULT;
	return syscall(SYS_get_mempolicy, &mode, NULL, 0, NULL, 0) == 0 && mode != MPOL_DEFAULT;
}

int main(void)
{
	static const struct state states[] = {
		{"affinity", affinity_change, affinity_is_changed, 1},
		{"policy", policy_change, policy_is_changed, 1},
		{"policy of its own", reset_change, reset_is_changed, 0},
		{"nice value", nice_change, nice_is_changed, 1},
		{"nice value by id", nice_by_id_change, nice_by_id_is_changed, 1},
		{"nice value by steps", nice_by_steps_change, nice_by_steps_is_changed, 1},
		{"I/O priority", ioprio_change, ioprio_is_changed, 1},
		{"timer slack", slack_change, slack_is_changed, 1},
		{"memory policy", memory_change, memory_is_changed, 1},
	};
	CHECK_OK(sched_getaffinity(0, sizeof all, &all));
	nice_at_start = getpriority(PRIO_PROCESS, 0);
	check_states(states, sizeof states / sizeof *states);
	return 0;
}
