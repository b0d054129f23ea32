/* While nobody accepts a signal that was sent to the process it stays pending, where all who ask find it, until it is
 * taken or somebody accepts it: who ends passes it on, and the default action needs only one who does. */
#include "signal_process.h"
#include <poll.h>
#include <sched.h>
#include <sys/signalfd.h>

static int is_pending(void)
{
	sigset_t pending;
	CHECK_OK(sigpending(&pending));
	return sigismember(&pending, SIGTERM);
}

static void *check_pending(void *unused)
{
	CHECK(is_pending());
	return unused;
}

static void *accept_at_last(void *unused)
{
	int before = handled;
	acceptor = pthread_self();
	usleep(500);
	CHECK_OK(pthread_sigmask(SIG_UNBLOCK, &term, NULL));
	CHECK_EQ(handled, before + 1);
	CHECK_EQ(handled_by_acceptor, handled);
	CHECK_OK(pthread_sigmask(SIG_BLOCK, &term, NULL));
	return unused;
}

static void nobody_accepts_it(void)
{
	struct timespec at_once = {0};
	int fd = signalfd(-1, &term, 0);
	CHECK(fd >= 0);
	for (int i = 0; i < 30; i++) {
		struct signalfd_siginfo info;
		struct pollfd readable = {.fd = fd, .events = POLLIN};
		int before = handled;
		CHECK(!is_pending());
		CHECK_OK(kill(getpid(), SIGTERM));
		CHECK(is_pending());
		check_join(check_start(check_pending, NULL));
		usleep(i % 5 * 100);
		CHECK(is_pending());
		CHECK_EQ(handled, before);
		switch (i % 3) {
		case 0:
			CHECK_EQ(sigtimedwait(&term, NULL, &at_once), SIGTERM);
			break;
		case 1:
			CHECK_EQ(poll(&readable, 1, 1000), 1);
			CHECK_EQ(read(fd, &info, sizeof info), sizeof info);
			CHECK_EQ(info.ssi_signo, SIGTERM);
			CHECK_EQ(info.ssi_pid, getpid());
			break;
		default:
			check_join(check_start(accept_at_last, NULL));
			before++;
		}
		CHECK(!is_pending());
		CHECK_EQ(handled, before);
	}
	CHECK_OK(close(fd));
}

/* Threads come and go, and with them those who accept; none is lost. */
static void *accept_briefly(void *unused)
{
	CHECK_OK(pthread_sigmask(SIG_UNBLOCK, &term, NULL));
	sched_yield();
	return unused;
}

static void who_ends_passes_it_on(void)
{
	for (int i = 0; i < 200; i++) {
		int before = handled;
		pthread_t threads[3];
		for (int j = 0; j < 3; j++)
			threads[j] = check_start(accept_briefly, NULL);
		if (i % 2)
			sched_yield();
		CHECK_OK(kill(getpid(), SIGTERM));
		for (int j = 0; j < 3; j++)
			check_join(threads[j]);
		/* they had it, or have left it */
		CHECK_EQ(handled + is_pending(), before + 1);
		CHECK_OK(pthread_sigmask(SIG_UNBLOCK, &term, NULL));
		CHECK_OK(pthread_sigmask(SIG_BLOCK, &term, NULL));
		CHECK_EQ(handled, before + 1);
	}
}

static void *accept_and_wait(void *unused)
{
	CHECK_OK(pthread_sigmask(SIG_UNBLOCK, &term, NULL));
	CHECK_OK(sem_post(&ready));
	CHECK_OK(sem_wait(&never_posted));
	return unused;
}

/* The default action, too, needs only one who accepts. */
static void default_actions_take_place(void)
{
	for (int i = 0; i < 3; i++) {
		int status = -1;
		pid_t child = check_fork();
		if (child == 0) {
			signal(SIGTERM, SIG_DFL);
			pthread_t thread = check_start(accept_and_wait, NULL);
			CHECK_OK(sem_wait(&ready));
			usleep(i * 1000);
			if (i == 2)
				CHECK_OK(pthread_kill(thread, SIGTERM));
			else
				CHECK_OK(kill(getpid(), SIGTERM));
			check_join(thread);
			_exit(0);
		}
		CHECK_EQ(waitpid(child, &status, 0), child);
		CHECK(WIFSIGNALED(status));
		CHECK_EQ(WTERMSIG(status), SIGTERM);
	}
}

int main(void)
{
	block_in_main();
	nobody_accepts_it();
	who_ends_passes_it_on();
	default_actions_take_place();
	return 0;
}
