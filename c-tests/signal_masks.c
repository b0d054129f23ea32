/* The signal mask is each thread's own, inherited from its creator; a blocked signal stays pending; pthread_kill
 * reaches just its thread, and with signal 0 just asks. */
#include "check.h"
#include <semaphore.h>
#include <sys/syscall.h>

static pthread_t handler_thread;
static volatile sig_atomic_t handled;
static sem_t ready;

static void handle(int signal_number)
{
	(void)signal_number;
	handler_thread = pthread_self();
	handled++;
}

static sigset_t set_of(int signal_number)
{
	sigset_t set;
	CHECK_OK(sigemptyset(&set));
	CHECK_OK(sigaddset(&set, signal_number));
	return set;
}

static int is_blocked(int signal_number)
{
	sigset_t now;
	CHECK_OK(pthread_sigmask(SIG_SETMASK, NULL, &now));
	return sigismember(&now, signal_number);
}

static void *check_inherited(void *unused)
{
	sigset_t usr2 = set_of(SIGUSR2);
	CHECK(is_blocked(SIGUSR1));
	CHECK(!is_blocked(SIGUSR2));
	CHECK_OK(pthread_sigmask(SIG_BLOCK, &usr2, NULL));
	for (int i = 0; i < 10; i++) {
		sleep_ms(1);
		CHECK(is_blocked(SIGUSR1) && is_blocked(SIGUSR2));
	}
	return unused;
}

static void masks_are_private_and_inherited(void)
{
	sigset_t usr1 = set_of(SIGUSR1);
	CHECK_OK(pthread_sigmask(SIG_BLOCK, &usr1, NULL));
	pthread_t threads[8];
	for (int i = 0; i < 8; i++)
		threads[i] = check_start(check_inherited, NULL);
	for (int i = 0; i < 10; i++) {
		sleep_ms(1);
		CHECK(is_blocked(SIGUSR1) && !is_blocked(SIGUSR2));
	}
	for (int i = 0; i < 8; i++)
		check_join(threads[i]);
	CHECK_OK(pthread_sigmask(SIG_UNBLOCK, &usr1, NULL));
	CHECK_EQ(pthread_sigmask(99, &usr1, NULL), EINVAL);
	CHECK(!is_blocked(SIGUSR1));
}

static void *wait_for_handler(void *before)
{
	CHECK_OK(sem_post(&ready));
	while (handled == (long)before)
		usleep(1000);
	CHECK(pthread_equal(handler_thread, pthread_self()));
	return NULL;
}

static void *raise_here(void *unused)
{
	int before = handled;
	CHECK_OK(raise(SIGUSR1));
	CHECK_EQ(handled, before + 1);
	CHECK(pthread_equal(handler_thread, pthread_self()));
	CHECK_OK(syscall(SYS_tgkill, getpid(), gettid(), SIGUSR1));
	CHECK_EQ(handled, before + 2);
	CHECK(pthread_equal(handler_thread, pthread_self()));
	return unused;
}

static void pthread_kill_and_raise_reach_their_thread(void)
{
	for (int i = 0; i < 10; i++) {
		pthread_t thread = check_start(wait_for_handler, (void *)(long)handled);
		CHECK_OK(sem_wait(&ready));
		CHECK_OK(pthread_kill(thread, 0));
		CHECK_OK(pthread_kill(thread, SIGUSR1));
		check_join(thread);
	}
	CHECK_OK(pthread_kill(pthread_self(), 0));
	CHECK_OK(tgkill(getpid(), gettid(), 0));
	CHECK_ERRNO(tgkill(getpid(), gettid(), 9999), EINVAL);
	CHECK_EQ(pthread_kill(pthread_self(), 9999), EINVAL);
	check_here_and_in_thread(raise_here, NULL);
}

static void *kill_process(void *unused)
{
	CHECK_OK(kill(getpid(), SIGUSR1));
	return unused;
}

static void a_blocked_signal_stays_pending(void)
{
	sigset_t usr1 = set_of(SIGUSR1), pending;
	int before = handled;
	CHECK_OK(pthread_sigmask(SIG_BLOCK, &usr1, NULL));
	/* the new thread inherits the mask, so nobody can take it */
	check_join(check_start(kill_process, NULL));
	CHECK_OK(sigpending(&pending));
	CHECK(sigismember(&pending, SIGUSR1));
	sleep_ms(2);
	CHECK_EQ(handled, before);
	CHECK_OK(pthread_sigmask(SIG_UNBLOCK, &usr1, NULL));
	CHECK_EQ(handled, before + 1);
	CHECK(pthread_equal(handler_thread, pthread_self()));
}

int main(void)
{
	struct sigaction action = {.sa_handler = handle};
	CHECK_OK(sigaction(SIGUSR1, &action, NULL));
	CHECK_OK(sem_init(&ready, 0, 0));
	masks_are_private_and_inherited();
	pthread_kill_and_raise_reach_their_thread();
	a_blocked_signal_stays_pending();
	return 0;
}
