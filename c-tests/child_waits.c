/* Many threads that wait for children, or for those of a group: each gets its own child's status, or nobody's; stops,
 * signals, cancellation, ignored children and children that somebody else has waited for, as if each thread were the only one to wait. */
#include "check.h"
#include "deny.h"
#include "open_numbers.h"
#include <fcntl.h>
#include <stdatomic.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/syscall.h>

enum { BACKGROUND = 6, CROWD = 60 };

/* Children live until its write end is closed everywhere. */
struct leash {
	int ends[2];
};

static struct leash new_leash(void)
{
	struct leash leash;
	CHECK_OK(pipe2(leash.ends, O_CLOEXEC));
	return leash;
}

static void let_go(struct leash *leash)
{
	CHECK_OK(close(leash->ends[1]));
	CHECK_OK(close(leash->ends[0]));
}

static pid_t child_on(struct leash *leash, int status)
{
	pid_t pid = check_fork();
	if (pid == 0) {
		char byte;
		close(leash->ends[1]);
		_exit(read(leash->ends[0], &byte, 1) == 0 ? status : 125);
	}
	return pid;
}

static struct leash background_leash;
static pid_t background_children[BACKGROUND];
static pthread_t background_threads[BACKGROUND];

static void *wait_for_exit_7(void *pid)
{
	int status;
	CHECK_EQ(waitpid((pid_t)(long)pid, &status, 0), (long)pid);
	CHECK(WIFEXITED(status));
	CHECK_EQ(WEXITSTATUS(status), 7);
	return NULL;
}

/* From here on there are others who wait. */
static void begin_background(void)
{
	background_leash = new_leash();
	for (int i = 0; i < BACKGROUND; i++)
		background_children[i] = child_on(&background_leash, 7);
	for (int i = 0; i < BACKGROUND; i++)
		background_threads[i] = check_start(wait_for_exit_7, (void *)(long)background_children[i]);
	sleep_ms(10);
}

static void end_background(void)
{
	let_go(&background_leash);
	for (int i = 0; i < BACKGROUND; i++)
		check_join(background_threads[i]);
}

/* The children inherit the write end of every leash that is open: they are made before the next one. */
struct job {
	pthread_t thread;
	pid_t pid;
	int status;
	long result;
	int error;
};

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

static long most_kernel_threads;

static void note_kernel_threads(void)
{
	long now = check_kernel_threads();
	most_kernel_threads = now > most_kernel_threads ? now : most_kernel_threads;
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

static void *wait_for(void *argument)
{
	struct job *job = argument;
	errno = 0;
	job->result = waitpid(job->pid, &job->status, 0);
	job->error = errno;
	return job;
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

static volatile sig_atomic_t handled;

static void handle(int signal_number)
{
	(void)signal_number;
	handled++;
}

static void interruptions(void)
{
	struct leash leash = new_leash();
	struct job job = {.pid = child_on(&leash, 4)};
	struct sigaction action = {.sa_handler = handle};
	CHECK_OK(sigaction(SIGUSR1, &action, NULL));
	action.sa_flags = SA_RESTART;
	CHECK_OK(sigaction(SIGUSR2, &action, NULL));
	handled = 0;
	job.thread = check_start(wait_for, &job);
	/* until the handler has met the wait, and not what is before it */
	while (pthread_tryjoin_np(job.thread, NULL) == EBUSY) {
		pthread_kill(job.thread, SIGUSR1);
		sleep_ms(1);
	}
	CHECK(handled > 0);
	CHECK_EQ(job.result, -1);
	CHECK_EQ(job.error, EINTR);
	job.thread = check_start(wait_for, &job);
	for (int i = 0; i < 5; i++) {
		sleep_ms(1);
		CHECK_OK(pthread_kill(job.thread, SIGUSR2));
	}
	sleep_ms(1);
	let_go(&leash);
	check_join(job.thread);
	CHECK_EQ(job.result, job.pid);
	CHECK_EQ(WEXITSTATUS(job.status), 4);
}

static void cancellation(void)
{
	struct leash leash = new_leash();
	struct job job = {.pid = child_on(&leash, 5)};
	for (int i = 0; i < 3; i++) {
		job.thread = check_start(wait_for, &job);
		sleep_ms(i);
		CHECK_OK(pthread_cancel(job.thread));
		CHECK(check_join(job.thread) == PTHREAD_CANCELED);
	}
	let_go(&leash);
	int status;
	CHECK_EQ(waitpid(job.pid, &status, 0), job.pid);
	CHECK_EQ(WEXITSTATUS(status), 5);
}

static void stops(void)
{
	struct leash leash = new_leash();
	int status;
	pid_t pid = child_on(&leash, 6);
	CHECK_OK(kill(pid, SIGSTOP));
	CHECK_EQ(waitpid(pid, &status, WUNTRACED), pid);
	CHECK(WIFSTOPPED(status) && WSTOPSIG(status) == SIGSTOP);
	CHECK_OK(kill(pid, SIGCONT));
	CHECK_EQ(waitpid(pid, &status, WCONTINUED), pid);
	CHECK(WIFCONTINUED(status));
	let_go(&leash);
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	CHECK_EQ(WEXITSTATUS(status), 6);
	pid = check_fork();
	if (pid == 0)
		for (;;)
			pause();
	CHECK_OK(kill(pid, SIGKILL));
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

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

/* Each of many is told of its own child's stop, of its going on, and of its end. */

static sem_t told;

static void *wait_for_all(void *argument)
{
	struct job *job = argument;
	int status, by_number = job->status % 2;
	siginfo_t info;
	if (by_number) {
		CHECK_OK(waitid(P_PID, (id_t)job->pid, &info, WEXITED | WSTOPPED));
		CHECK(info.si_code == CLD_STOPPED && info.si_status == SIGSTOP && info.si_pid == job->pid);
	} else {
		CHECK_EQ(waitpid(job->pid, &status, WUNTRACED | WCONTINUED), job->pid);
		CHECK(WIFSTOPPED(status) && WSTOPSIG(status) == SIGSTOP);
	}
	CHECK_OK(sem_post(&told));
	CHECK_EQ(waitpid(job->pid, &status, WCONTINUED), job->pid);
	CHECK(WIFCONTINUED(status));
	CHECK_OK(sem_post(&told));
	CHECK_EQ(waitpid(job->pid, &status, WUNTRACED | WCONTINUED), job->pid);
	CHECK(WIFEXITED(status) && WEXITSTATUS(status) == job->status);
	return NULL;
}

/* May be forked while others wait. */
static void stops_of_many(int beside_one_that_nobody_waits_for)
{
	struct leash leash = new_leash();
	struct job jobs[CROWD];
	pid_t stopped = 0;
	int crowd = beside_one_that_nobody_waits_for ? CROWD / 4 : CROWD;
	CHECK_OK(sem_init(&told, 0, 0));
	if (beside_one_that_nobody_waits_for) {
		stopped = check_fork();
		if (stopped == 0) {
			close(leash.ends[1]);
			raise(SIGSTOP);
			_exit(1);
		}
	}
	for (int i = 0; i < crowd; i++)
		jobs[i] = (struct job){.pid = child_on(&leash, i), .status = i};
	for (int i = 0; i < crowd; i++)
		jobs[i].thread = check_start(wait_for_all, &jobs[i]);
	sleep_ms(5);
	if (!stopped)
		note_kernel_threads();
	for (int i = 0; i < crowd; i++)
		CHECK_OK(kill(jobs[i].pid, SIGSTOP));
	for (int i = 0; i < crowd; i++)
		check_await(&told);
	for (int i = crowd; i-- > 0;)
		CHECK_OK(kill(jobs[i].pid, SIGCONT));
	for (int i = 0; i < crowd; i++)
		check_await(&told);
	let_go(&leash);
	for (int i = 0; i < crowd; i++)
		check_join(jobs[i].thread);
	if (stopped) {
		int status;
		CHECK_EQ(waitpid(stopped, &status, WUNTRACED), stopped);
		CHECK(WIFSTOPPED(status));
		CHECK_OK(kill(stopped, SIGCONT));
		CHECK_EQ(waitpid(stopped, NULL, 0), stopped);
	}
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
	int without = 0;
	for (int i = 0; i < CROWD; i++) {
		check_join(jobs[i].thread);
		if (jobs[i].result < 0) {
			CHECK_EQ(jobs[i].error, ECHILD);
			without++;
		} else {
			CHECK(take_out(pids, 2 * EACH, jobs[i].result));
		}
	}
	CHECK_EQ(without, 4);
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
	int without = 0;
	for (int i = 0; i < CROWD; i++) {
		check_join(jobs[i].thread);
		if (jobs[i].result < 0) {
			CHECK_EQ(jobs[i].error, ECHILD);
			without++;
		} else {
			CHECK(take_out(pids, CROWD - 4, jobs[i].result));
		}
	}
	CHECK_EQ(without, 4);
}

/* Of all, and of those in the caller's own group. */
static void any_children(void)
{
	static const int all_ways[] = {0, 1, 2, 3}, group_only[] = {3};
	any_child(group_only, 1);
	any_child(all_ways, 4);
}

/* A child asks to be traced while its parent waits for its end. */
static void becomes_traced(void)
{
	struct leash leash = new_leash();
	struct job job = {.pid = check_fork()};
	if (job.pid == 0) {
		char byte;
		close(leash.ends[1]);
		CHECK_OK(read(leash.ends[0], &byte, 1));
		CHECK_OK(ptrace(PTRACE_TRACEME, 0, 0, 0));
		raise(SIGUSR1);
		_exit(1);
	}
	job.thread = check_start(wait_for, &job);
	sleep_ms(10);
	let_go(&leash);
	check_join(job.thread);
	CHECK_EQ(job.result, job.pid);
	CHECK(WIFSTOPPED(job.status) && WSTOPSIG(job.status) == SIGUSR1);
	CHECK_OK(kill(job.pid, SIGKILL));
	CHECK_EQ(waitpid(job.pid, &job.status, 0), job.pid);
	CHECK(WIFSIGNALED(job.status));
}

static void *nothing(void *unused)
{
	return unused;
}

static void all(void)
{
	check_join(check_start(nothing, NULL));
	int before = open_descriptors();
	begin_background();
	each_gets_its_own();
	one_of_two_gets_it();
	another_takes_it();
	interruptions();
	cancellation();
	stops();
	children_of_groups();
	/* Two ends of the leash that the others are on. */
	CHECK_EQ(open_descriptors(), before + 2);
	end_background();
	any_children();
	ignored_children();
	/* Last, as they may take a kernel thread for each who waits: the first if a thread is slow to come. */
	stops_of_many(0);
	stops_of_many(1);
	CHECK_EQ(open_descriptors(), before);
}

static void traced(void)
{
	begin_background();
	becomes_traced();
	end_background();
}

/* In a process of its own; the children's own threads wait for their own children. */
static void in_child(void (*act)(void))
{
	pid_t pid = check_fork();
	if (pid == 0) {
		act();
		_exit(0);
	}
	check_child_succeeds(pid);
}

static void denied(void)
{
	static const int calls[] = {SYS_pidfd_open, SYS_close_range};
	deny(calls, 2, EPERM);
	all();
}

/* A child of a process in which others wait begins anew. */
static void beside_others(void)
{
	begin_background();
	struct leash leash = new_leash();
	struct job job = {.pid = child_on(&leash, 1)};
	job.thread = check_start(wait_for, &job);
	sleep_ms(5);
	pid_t pid = check_fork();
	if (pid == 0) {
		/* or the others would never end */
		close(leash.ends[1]);
		close(background_leash.ends[1]);
		CHECK_ERRNO(waitpid(job.pid, NULL, 0), ECHILD);
		CHECK_ERRNO(wait(NULL), ECHILD);
		all();
		_exit(0);
	}
	check_child_succeeds(pid);
	let_go(&leash);
	check_join(job.thread);
	CHECK_EQ(WEXITSTATUS(job.status), 1);
	end_background();
}

int main(void)
{
	in_child(traced);
	in_child(denied);
	in_child(beside_others);
	all();
	printf("tasks=%ld\n", most_kernel_threads);
	return 0;
}
