/* Many threads that wait for any child, or for those of a group: as many are told as there are children, each of another
 * one; the others learn that there are none, also where children are ignored. */
#include "children.h"
#include <stdatomic.h>

static void *wait_for_any(void *argument)
{
	struct job *job = argument;
	errno = 0;
	switch (job->status) {
	case 0:
		job->result = wait(NULL);
		break;
	case 1:
		job->result = wait3(NULL, 0, NULL);
		break;
	case 3:
		job->result = waitpid(0, NULL, 0);
		break;
	default:
		job->result = waitpid(-1, NULL, 0);
	}
	job->error = errno;
	return NULL;
}

/* Nobody is left to be waited for, and the wait ends when the last one does. */
static void ignored_children(void)
{
	struct leash leash = new_leash();
	struct job jobs[CROWD];
	atomic_int early = 0;
	CHECK(signal(SIGCHLD, SIG_IGN) != SIG_ERR);
	for (int i = 0; i < CROWD; i++)
		jobs[i] = (struct job){.pid = child_on(&leash, 0), .status = i % 8 ? i % 2 : 3};
	for (int i = 0; i < CROWD; i++)
		jobs[i].thread = check_start(i % 4 ? wait_for : wait_for_any, &jobs[i]);
	sleep_ms(10);
	for (int i = 0; i < CROWD; i++)
		early += kill(jobs[i].pid, 0) != 0;
	CHECK_EQ(early, 0);
	let_go(&leash);
	for (int i = 0; i < CROWD; i++) {
		check_join(jobs[i].thread);
		CHECK_EQ(jobs[i].result, -1);
		CHECK_EQ(jobs[i].error, ECHILD);
	}
	CHECK(signal(SIGCHLD, SIG_DFL) != SIG_ERR);
}

/* Those of a group: no more than there are, each once; the others learn that there are none, though there are of
 * other groups. */

static pid_t child_in_group(struct leash *leash, pid_t group)
{
	pid_t pid = child_on(leash, 0);
	CHECK_OK(setpgid(pid, group));
	return pid;
}

static void *wait_for_group(void *argument)
{
	struct job *job = argument;
	siginfo_t info = {0};
	errno = 0;
	if (job->status % 2)
		job->result = waitpid(-job->pid, NULL, 0);
	else
		job->result = waitid(P_PGID, (id_t)job->pid, &info, WEXITED) ? -1 : info.si_pid;
	job->error = errno;
	return NULL;
}

static int take_out(pid_t *pids, int count, long pid)
{
	for (int i = 0; i < count; i++)
		if (pids[i] == pid) {
			pids[i] = 0;
			return 1;
		}
	return 0;
}

/* All but four of the crowd have a child each, those learn that there are none. */
static void each_is_had_once(struct job *jobs, pid_t *pids, int count)
{
	int without = 0;
	for (int i = 0; i < CROWD; i++) {
		check_join(jobs[i].thread);
		if (jobs[i].result < 0) {
			CHECK_EQ(jobs[i].error, ECHILD);
			without++;
		} else {
			CHECK(take_out(pids, count, jobs[i].result));
		}
	}
	CHECK_EQ(without, 4);
}

static void children_of_groups(void)
{
	struct leash leash = new_leash();
	enum { EACH = CROWD / 2 - 2 };
	pid_t pids[2 * EACH], groups[2];
	struct job jobs[CROWD];
	for (int i = 0; i < 2 * EACH; i++) {
		pids[i] = child_in_group(&leash, i < 2 ? 0 : groups[i % 2]);
		if (i < 2)
			groups[i] = pids[i];
	}
	for (int i = 0; i < CROWD; i++) {
		jobs[i] = (struct job){.pid = groups[i % 2], .status = i / 2};
		jobs[i].thread = check_start(wait_for_group, &jobs[i]);
	}
	sleep_ms(5);
	note_kernel_threads();
	pthread_t cancelled = check_start(wait_for_group, &(struct job){.pid = groups[0], .status = 1});
	sleep_ms(1);
	CHECK_OK(pthread_cancel(cancelled));
	CHECK(check_join(cancelled) == PTHREAD_CANCELED);
	let_go(&leash);
	each_is_had_once(jobs, pids, 2 * EACH);
}

/* No more than the children that there are, each once; the others learn that there are none. */
static void any_child(const int *ways, int count)
{
	struct leash leash = new_leash();
	pid_t pids[CROWD - 4];
	struct job jobs[CROWD];
	for (int i = 0; i < CROWD - 4; i++)
		pids[i] = child_on(&leash, 0);
	for (int i = 0; i < CROWD; i++) {
		jobs[i] = (struct job){.status = ways[i % count]};
		jobs[i].thread = check_start(wait_for_any, &jobs[i]);
	}
	sleep_ms(5);
	note_kernel_threads();
	let_go(&leash);
	each_is_had_once(jobs, pids, CROWD - 4);
}

/* Of all, and of those in the caller's own group. */
static void any_children(void)
{
	static const int all_ways[] = {0, 1, 2, 3}, group_only[] = {3};
	any_child(group_only, 1);
	any_child(all_ways, 4);
}

static void others(void)
{
	any_children();
	ignored_children();
}

int main(void)
{
	check_everywhere(children_of_groups, others);
	return 0;
}
