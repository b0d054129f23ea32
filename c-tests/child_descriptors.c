/* Threads that wait for children by their descriptors (waitid with P_PIDFD): each gets its own child's status, whoever
 * else has that descriptor or waits by the child's id; a descriptor that is not to block; what is no descriptor of a
 * child; signals and cancellation. */
#include "children.h"
#include <fcntl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>

static int descriptor_of(pid_t pid)
{
	return (int)syscall(SYS_pidfd_open, pid, 0);
}

static int wait_by(int fd, siginfo_t *info, int options)
{
	return waitid(P_PIDFD, (id_t)fd, info, options);
}

struct wait {
	pthread_t thread;
	pid_t pid;
	int fd, status, options, result, error;
};

static struct wait new_wait(struct leash *leash, int status)
{
	pid_t pid = child_on(leash, status);
	int fd = descriptor_of(pid);
	CHECK(fd >= 0);
	return (struct wait){.pid = pid, .fd = fd, .status = status, .options = WEXITED};
}

static void *wait_for_it(void *argument)
{
	struct wait *wait = argument;
	siginfo_t info = {0};
	errno = 0;
	wait->result = wait_by(wait->fd, &info, wait->options);
	wait->error = errno;
	if (wait->result == 0) {
		CHECK_EQ(info.si_signo, SIGCHLD);
		CHECK_EQ(info.si_code, CLD_EXITED);
		CHECK_EQ(info.si_pid, wait->pid);
		CHECK_EQ(info.si_status, wait->status);
	}
	return wait;
}

static void each_gets_its_own(void)
{
	struct leash leash = new_leash();
	struct wait waits[CROWD];
	for (int i = 0; i < CROWD; i++)
		waits[i] = new_wait(&leash, i);
	for (int i = 0; i < CROWD; i++) {
		waits[i].options |= i % 2 ? WNOWAIT : 0;
		waits[i].thread = check_start(wait_for_it, &waits[i]);
	}
	sleep_ms(5);
	note_kernel_threads();
	let_go(&leash);
	for (int i = 0; i < CROWD; i++) {
		check_join(waits[i].thread);
		CHECK_OK(waits[i].result);
		if (i % 2)
			CHECK_OK(wait_by(waits[i].fd, NULL, WEXITED));
		CHECK_ERRNO(wait_by(waits[i].fd, NULL, WEXITED), ECHILD);
		CHECK_OK(close(waits[i].fd));
	}
}

/* Of those who wait for one child one gets it; the others learn that there is none any more. */
static void one_of_many_gets_it(void)
{
	enum { MANY = 8 };
	struct leash leash = new_leash();
	struct wait one = new_wait(&leash, 3), waits[MANY];
	struct job job = {.pid = one.pid};
	for (int i = 0; i < MANY; i++) {
		waits[i] = one;
		waits[i].fd = i % 2 ? one.fd : dup(one.fd);
		CHECK(waits[i].fd >= 0);
		waits[i].thread = check_start(wait_for_it, &waits[i]);
	}
	job.thread = check_start(wait_for, &job);
	sleep_ms(5);
	let_go(&leash);
	int got = 0;
	for (int i = 0; i < MANY; i++) {
		check_join(waits[i].thread);
		got += waits[i].result == 0;
		CHECK(waits[i].result == 0 || waits[i].error == ECHILD);
		if (waits[i].fd != one.fd)
			CHECK_OK(close(waits[i].fd));
	}
	check_join(job.thread);
	CHECK(job.result == job.pid || job.error == ECHILD);
	CHECK_EQ(got + (job.result == job.pid), 1);
	CHECK_OK(close(one.fd));
}

static void nothing_to_wait_for(void)
{
	struct leash leash = new_leash();
	struct wait wait = new_wait(&leash, 1);
	siginfo_t info = {0};
	CHECK_OK(wait_by(wait.fd, &info, WEXITED | WNOHANG));
	CHECK_EQ(info.si_pid, 0);
	CHECK_OK(fcntl(wait.fd, F_SETFL, fcntl(wait.fd, F_GETFL) | O_NONBLOCK));
	CHECK_ERRNO(wait_by(wait.fd, &info, WEXITED), EAGAIN);
	CHECK_ERRNO(syscall(SYS_waitid, P_PIDFD, wait.fd, &info, WEXITED, NULL), EAGAIN);
	CHECK_ERRNO(wait_by(leash.ends[0], &info, WEXITED), EBADF);
	CHECK_ERRNO(wait_by(-1, &info, WEXITED), EINVAL);
	CHECK_ERRNO(wait_by(wait.fd, &info, 0), EINVAL);
	int own = descriptor_of(getpid());
	CHECK(own >= 0);
	CHECK_ERRNO(wait_by(own, &info, WEXITED), ECHILD);
	CHECK_OK(close(own));
	let_go(&leash);
	CHECK_EQ(waitpid(wait.pid, NULL, 0), wait.pid);
	CHECK_OK(close(wait.fd));
}

static void interruptions(void)
{
	struct leash leash = new_leash();
	struct wait wait = new_wait(&leash, 4);
	interrupt_wait(wait_for_it, &wait);
	CHECK_EQ(wait.result, -1);
	CHECK_EQ(wait.error, EINTR);
	pthread_t thread = restart_wait(wait_for_it, &wait);
	let_go(&leash);
	check_join(thread);
	CHECK_OK(wait.result);
	CHECK_OK(close(wait.fd));
}

static void cancellation(void)
{
	struct leash leash = new_leash();
	struct wait wait = new_wait(&leash, 5);
	cancel_waits(wait_for_it, &wait);
	let_go(&leash);
	wait_for_it(&wait);
	CHECK_OK(wait.result);
	CHECK_OK(close(wait.fd));
}

/* A child's stop is none of its descriptor's affair, nor that it goes on. */
static void stops(void)
{
	struct leash leash = new_leash();
	struct wait wait = new_wait(&leash, 6);
	siginfo_t info = {0};
	CHECK_OK(kill(wait.pid, SIGSTOP));
	CHECK_OK(wait_by(wait.fd, &info, WSTOPPED | WEXITED));
	CHECK_EQ(info.si_code, CLD_STOPPED);
	CHECK_OK(kill(wait.pid, SIGCONT));
	CHECK_OK(wait_by(wait.fd, &info, WCONTINUED));
	CHECK_EQ(info.si_code, CLD_CONTINUED);
	let_go(&leash);
	wait_for_it(&wait);
	CHECK_OK(wait.result);
	CHECK_OK(close(wait.fd));
}

static void all(void)
{
	int own = descriptor_of(getpid());
	/* where that is denied */
	if (own < 0)
		return;
	CHECK_OK(close(own));
	each_gets_its_own();
	one_of_many_gets_it();
	nothing_to_wait_for();
	interruptions();
	cancellation();
	stops();
}

static void *write_late(void *fd)
{
	sleep_ms(10);
	CHECK_EQ(write(*(int *)fd, "", 1), 1);
	return NULL;
}

/* A child that makes itself traced while somebody waits for it: from then on its stops are told, too. */
static void traced(void)
{
	int ends[2];
	siginfo_t info = {0};
	begin_background();
	CHECK_OK(pipe(ends));
	pid_t pid = check_fork();
	if (pid == 0) {
		char byte;
		CHECK_EQ(read(ends[0], &byte, 1), 1);
		CHECK_OK(ptrace(PTRACE_TRACEME, 0, 0, 0));
		CHECK_OK(raise(SIGSTOP));
		_exit(9);
	}
	int fd = descriptor_of(pid);
	if (fd >= 0) {
		pthread_t writer = check_start(write_late, &ends[1]);
		CHECK_OK(wait_by(fd, &info, WEXITED));
		check_join(writer);
		CHECK_EQ(info.si_code, CLD_TRAPPED);
		CHECK_EQ(info.si_status, SIGSTOP);
		CHECK_OK(close(fd));
	}
	CHECK_OK(kill(pid, SIGKILL));
	int status;
	do
		CHECK_EQ(waitpid(pid, &status, 0), pid);
	while (!WIFSIGNALED(status));
	CHECK_OK(close(ends[0]));
	CHECK_OK(close(ends[1]));
	end_background();
}

int main(void)
{
	check_everywhere(all, traced);
	return 0;
}
