/* Many threads that wait for their children's stops, continuations and ends: each is told of those of its own child, also
 * of one that becomes traced, and also beside one that nobody waits for. */
#include "children.h"
#include <sys/ptrace.h>

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

static void traced(void)
{
	begin_background();
	becomes_traced();
	end_background();
}

/* They may take a kernel thread for each who waits: the first if a thread is slow to come. */
static void of_many(void)
{
	stops_of_many(0);
	stops_of_many(1);
}

int main(void)
{
	in_child(traced);
	check_everywhere(stops, of_many);
	return 0;
}
