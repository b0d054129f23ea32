/* Many threads that wait for children: each gets its own child's status, or nobody's; signals, cancellation, and children
 * that somebody else has waited for, as if each thread were the only one to wait. */
#include "children.h"
#include <sys/resource.h>
#include <sys/syscall.h>

static void *wait_by_turns(void *argument)
{
	struct job *job = argument;
	int status = -1;
	struct rusage usage = {0};
	siginfo_t info = {0};
	switch (job->status % 4) {
	case 0:
		CHECK_EQ(waitpid(job->pid, &status, 0), job->pid);
		break;
	case 1:
		CHECK_EQ(wait4(job->pid, &status, 0, &usage), job->pid);
		CHECK(usage.ru_maxrss > 0);
		break;
	case 2:
		CHECK_EQ(syscall(SYS_wait4, job->pid, &status, 0, NULL), job->pid);
		break;
	case 3:
		if (job->pid % 2) {
			CHECK_OK(waitid(P_PID, (id_t)job->pid, &info, WEXITED | WNOWAIT));
		} else {
			CHECK_OK(syscall(SYS_waitid, P_PID, job->pid, &info, WEXITED | WNOWAIT, &usage));
			CHECK(usage.ru_maxrss > 0);
		}
		CHECK_EQ(info.si_signo, SIGCHLD);
		CHECK_EQ(info.si_code, CLD_EXITED);
		CHECK_EQ(info.si_pid, job->pid);
		CHECK_EQ(info.si_uid, getuid());
		CHECK_EQ(info.si_status, job->status);
		CHECK_OK(waitid(P_PID, (id_t)job->pid, NULL, WEXITED));
		CHECK_ERRNO(waitid(P_PID, (id_t)job->pid, NULL, WEXITED), ECHILD);
		return NULL;
	}
	CHECK(WIFEXITED(status));
	CHECK_EQ(WEXITSTATUS(status), job->status);
	CHECK_ERRNO(waitpid(job->pid, NULL, 0), ECHILD);
	return NULL;
}

static void each_gets_its_own(void)
{
	struct leash leash = new_leash();
	struct job jobs[CROWD];
	for (int i = 0; i < CROWD; i++)
		jobs[i] = (struct job){.pid = child_on(&leash, i), .status = i};
	for (int i = 0; i < CROWD; i++)
		jobs[i].thread = check_start(wait_by_turns, &jobs[i]);
	sleep_ms(5);
	note_kernel_threads();
	let_go(&leash);
	for (int i = 0; i < CROWD; i++)
		check_join(jobs[i].thread);
}

static void one_of_two_gets_it(void)
{
	struct leash leash = new_leash();
	pid_t pid = child_on(&leash, 3);
	struct job jobs[4];
	int winners = 0;
	for (int i = 0; i < 4; i++) {
		jobs[i] = (struct job){.pid = pid};
		jobs[i].thread = check_start(wait_for, &jobs[i]);
	}
	sleep_ms(5);
	let_go(&leash);
	for (int i = 0; i < 4; i++) {
		check_join(jobs[i].thread);
		winners += jobs[i].result == pid && WEXITSTATUS(jobs[i].status) == 3;
		CHECK(jobs[i].result == pid || (jobs[i].result == -1 && jobs[i].error == ECHILD));
	}
	CHECK_EQ(winners, 1);
}

/* WNOHANG by somebody else takes the child away. */
static void another_takes_it(void)
{
	struct leash leash = new_leash();
	struct job job = {.pid = child_on(&leash, 0)};
	job.thread = check_start(wait_for, &job);
	sleep_ms(5);
	let_go(&leash);
	pid_t got;
	while ((got = waitpid(job.pid, NULL, WNOHANG)) == 0)
		sched_yield();
	check_join(job.thread);
	CHECK((got == job.pid) != (job.result == job.pid));
	CHECK(job.result == job.pid || job.error == ECHILD);
}

static void interruptions(void)
{
	struct leash leash = new_leash();
	struct job job = {.pid = child_on(&leash, 4)};
	interrupt_wait(wait_for, &job);
	CHECK_EQ(job.result, -1);
	CHECK_EQ(job.error, EINTR);
	pthread_t thread = restart_wait(wait_for, &job);
	let_go(&leash);
	check_join(thread);
	CHECK_EQ(job.result, job.pid);
	CHECK_EQ(WEXITSTATUS(job.status), 4);
}

static void cancellation(void)
{
	struct leash leash = new_leash();
	struct job job = {.pid = child_on(&leash, 5)};
	cancel_waits(wait_for, &job);
	let_go(&leash);
	int status;
	CHECK_EQ(waitpid(job.pid, &status, 0), job.pid);
	CHECK_EQ(WEXITSTATUS(status), 5);
}

static void is_killed(void)
{
	int status;
	pid_t pid = check_fork();
	if (pid == 0)
		for (;;)
			pause();
	CHECK_OK(kill(pid, SIGKILL));
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

static void all(void)
{
	each_gets_its_own();
	one_of_two_gets_it();
	another_takes_it();
	interruptions();
	cancellation();
	is_killed();
}

int main(void)
{
	check_everywhere(all, NULL);
	return 0;
}
