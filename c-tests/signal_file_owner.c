/* Whoever is to be told of a file's readiness by a signal is: a thread (F_OWNER_TID), wherever it is, or the process;
 * and fcntl says who that is by the id that the program knows. */
#include "signalled.h"
#include <fcntl.h>
#include <sys/syscall.h>

enum { ROUNDS = 20 };

static int ends[2];

static void own(int type, pid_t owner)
{
	struct f_owner_ex wanted = {.type = type, .pid = owner}, found = {0};
	CHECK_OK(fcntl(ends[0], F_SETOWN_EX, &wanted));
	CHECK_OK(fcntl(ends[0], F_GETOWN_EX, &found));
	CHECK_EQ(found.type, type);
	CHECK_EQ(found.pid, owner);
	CHECK_EQ(fcntl(ends[0], F_GETOWN), owner);
	memset(&found, 0, sizeof(found));
	CHECK_OK(syscall(SYS_fcntl, ends[0], F_GETOWN_EX, &found));
	CHECK_EQ(found.type, type);
	CHECK_EQ(found.pid, owner);
	CHECK_EQ(syscall(SYS_fcntl, ends[0], F_GETOWN), owner);
}

/* A byte more to read is a signal. */
static void write_and_await(pthread_t expected, int code)
{
	char byte = 0;
	CHECK_EQ(write(ends[1], &byte, 1), 1);
	check_await(&handled);
	CHECK(pthread_equal(handled_by, expected));
	CHECK_EQ(came_with.si_code, code);
	if (code != SI_KERNEL)
		CHECK_EQ(came_with.si_fd, ends[0]);
	CHECK_EQ(read(ends[0], &byte, 1), 1);
}

static void signals_the_thread(void *(*routine)(void *))
{
	pthread_t thread = start_signalled(routine);
	own(F_OWNER_TID, id);
	for (int i = 0; i < ROUNDS; i++) {
		CHECK_OK(fcntl(ends[0], F_SETSIG, SIGRTMIN));
		write_and_await(thread, POLL_IN);
		CHECK_OK(fcntl(ends[0], F_SETSIG, 0));
		write_and_await(thread, SI_KERNEL);
	}
	end_signalled(thread);
}

/* By its own choice, and taken by a call. */
static void *accept_own(void *unused)
{
	sigset_t set;
	siginfo_t info;
	char byte = 0;
	sigemptyset(&set);
	sigaddset(&set, SIGRTMIN);
	CHECK_OK(pthread_sigmask(SIG_BLOCK, &set, NULL));
	own(F_OWNER_TID, gettid());
	CHECK_OK(fcntl(ends[0], F_SETSIG, SIGRTMIN));
	CHECK_EQ(write(ends[1], &byte, 1), 1);
	CHECK_EQ(sigwaitinfo(&set, &info), SIGRTMIN);
	CHECK_EQ(info.si_code, POLL_IN);
	CHECK_EQ(info.si_fd, ends[0]);
	CHECK_EQ(read(ends[0], &byte, 1), 1);
	return unused;
}

static void signals_the_process(void)
{
	own(F_OWNER_PID, getpid());
	CHECK_OK(fcntl(ends[0], F_SETSIG, SIGRTMIN));
	write_and_await(pthread_self(), POLL_IN);
	own(F_OWNER_TID, getpid());
	write_and_await(pthread_self(), POLL_IN);
}

static void knows_nobody(pid_t ended)
{
	struct f_owner_ex wanted = {.type = F_OWNER_TID, .pid = ended}, found = {0};
	CHECK_ERRNO(fcntl(ends[0], F_SETOWN_EX, &wanted), ESRCH);
	CHECK_OK(fcntl(ends[0], F_GETOWN_EX, &found));
	CHECK_EQ(found.pid, getpid());
	CHECK_ERRNO(fcntl(ends[0], F_SETOWN_EX, (struct f_owner_ex *)8), EFAULT);
	CHECK_ERRNO(fcntl(ends[0], F_GETOWN_EX, (struct f_owner_ex *)8), EFAULT);
	CHECK_ERRNO(fcntl(-1, F_SETOWN_EX, &found), EBADF);
}

int main(void)
{
	handle_signal(SIGRTMIN);
	handle_signal(SIGIO);
	init_signalled();
	CHECK_OK(pipe(ends));
	CHECK_OK(fcntl(ends[0], F_SETFL, O_ASYNC));
	signals_the_process();
	signals_the_thread(wait_parked);
	signals_the_process();
	signals_the_thread(compute);
	signals_the_thread(wait_asleep);
	signals_the_process();
	knows_nobody(id);
	check_join(check_start(accept_own, NULL));
	return 0;
}
