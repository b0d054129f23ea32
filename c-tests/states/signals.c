/* Signals: to oneself, to a thread, to the process; waited for, blocked, queued. */
#include "states.h"
#include <poll.h>
#include <semaphore.h>
#include <sys/select.h>
#include <sys/signalfd.h>

static volatile sig_atomic_t handled, value;
static pthread_t handler_thread;

static void count(int signal_number)
{
	(void)signal_number;
	handler_thread = pthread_self();
	handled++;
}

static void note_value(int signal_number, siginfo_t *information, void *context)
{
	(void)signal_number;
	(void)context;
	value = value * 10 + information->si_value.sival_int;
	handled++;
}

static void handle(int signal_number)
{
	struct sigaction action = {.sa_handler = count};
	CHECK_OK(sigaction(signal_number, &action, NULL));
}

static void block(int signal_number)
{
	sigset_t set = only(signal_number);
	CHECK_OK(pthread_sigmask(SIG_BLOCK, &set, NULL));
}

static void unblock(int signal_number)
{
	sigset_t set = only(signal_number);
	CHECK_OK(pthread_sigmask(SIG_UNBLOCK, &set, NULL));
}

static void raise_runs_the_handler_here(void)
{
	handle(SIGUSR2);
	CHECK_OK(raise(SIGUSR2));
	CHECK_EQ(handled, 1);
	CHECK(pthread_equal(handler_thread, pthread_self()));
	CHECK_OK(pthread_kill(pthread_self(), SIGUSR2));
	CHECK_EQ(handled, 2);
	CHECK(pthread_equal(handler_thread, pthread_self()));
}

static void blocked_signal_stays_pending(void)
{
	sigset_t pending;
	handle(SIGUSR2);
	block(SIGUSR2);
	CHECK_OK(raise(SIGUSR2));
	CHECK_EQ(handled, 0);
	CHECK_OK(sigpending(&pending));
	CHECK(sigismember(&pending, SIGUSR2));
	unblock(SIGUSR2);
	CHECK_EQ(handled, 1);
}

static void signal_the_process(long process)
{
	CHECK_OK(kill((pid_t)process, SIGUSR2));
}

static void pause_ends_for_the_process(void)
{
	handle(SIGUSR2);
	pid_t child = child_signalling();
	CHECK_ERRNO(pause(), EINTR);
	CHECK(handled >= 1);
	end_child(child);
}

static void sigsuspend_ends_for_the_process(void)
{
	handle(SIGUSR2);
	sigset_t before, open;
	sigset_t usr2 = only(SIGUSR2);
	CHECK_OK(pthread_sigmask(SIG_BLOCK, &usr2, &before));
	pid_t child = child_soon(signal_the_process, getpid());
	open = before;
	sigdelset(&open, SIGUSR2);
	CHECK_ERRNO(sigsuspend(&open), EINTR);
	CHECK_EQ(handled, 1);
	check_child_succeeds(child);
}

static void read_ends_for_the_process(void)
{
	int ends[2];
	char byte;
	pipe_pair(ends);
	handle(SIGUSR2);
	pid_t child = child_signalling();
	CHECK_ERRNO(read(ends[1], &byte, 1), EINTR);
	CHECK(handled >= 1);
	end_child(child);
	close_both(ends);
}

static void sleep_ends_for_the_process(void)
{
	struct timespec time = {.tv_sec = 5}, left = {0};
	handle(SIGUSR2);
	pid_t child = child_signalling();
	CHECK_ERRNO(nanosleep(&time, &left), EINTR);
	CHECK(handled >= 1);
	CHECK(left.tv_sec >= 3 && left.tv_sec < 5);
	end_child(child);
}

static void sigwait_gets_what_is_sent_to_the_process(void)
{
	sigset_t set = only(SIGUSR2);
	siginfo_t information;
	block(SIGUSR2);
	pid_t child = child_soon(signal_the_process, getpid());
	CHECK_EQ(sigwaitinfo(&set, &information), SIGUSR2);
	CHECK_EQ(information.si_pid, child);
	check_child_succeeds(child);
}

static void sigtimedwait_expires(void)
{
	sigset_t set = only(SIGUSR2);
	struct timespec limit = {.tv_nsec = EXPIRES_MS * NS_PER_MS};
	block(SIGUSR2);
	long start = monotonic_ms();
	CHECK_ERRNO(sigtimedwait(&set, NULL, &limit), EAGAIN);
	check_waited(start, EXPIRES_MS);
	CHECK_OK(raise(SIGUSR2));
	CHECK_EQ(sigtimedwait(&set, NULL, &limit), SIGUSR2);
}

static void queued_values_come_in_order(void)
{
	struct sigaction action = {.sa_sigaction = note_value, .sa_flags = SA_SIGINFO};
	CHECK_OK(sigaction(SIGRTMIN + 1, &action, NULL));
	block(SIGRTMIN + 1);
	for (int i = 1; i <= 3; i++) {
		union sigval with = {.sival_int = i};
		CHECK_OK(pthread_sigqueue(pthread_self(), SIGRTMIN + 1, with));
	}
	unblock(SIGRTMIN + 1);
	CHECK_EQ(handled, 3);
	CHECK_EQ(value, 123);
}

static void values_queued_to_the_process_come_in_order(void)
{
	struct sigaction action = {.sa_sigaction = note_value, .sa_flags = SA_SIGINFO};
	CHECK_OK(sigaction(SIGRTMIN + 1, &action, NULL));
	block(SIGRTMIN + 1);
	for (int i = 1; i <= 3; i++) {
		union sigval with = {.sival_int = i};
		CHECK_OK(sigqueue(getpid(), SIGRTMIN + 1, with));
	}
	unblock(SIGRTMIN + 1);
	CHECK_EQ(handled, 3);
	CHECK_EQ(value, 123);
}

static void signalfd_reads_what_is_sent_to_the_process(void)
{
	sigset_t set = only(SIGUSR2);
	struct signalfd_siginfo information;
	block(SIGUSR2);
	int descriptor = signalfd(-1, &set, SFD_CLOEXEC);
	CHECK(descriptor >= 0);
	pid_t child = child_soon(signal_the_process, getpid());
	CHECK_EQ(read(descriptor, &information, sizeof information), sizeof information);
	CHECK_EQ(information.ssi_signo, SIGUSR2);
	CHECK_EQ(information.ssi_pid, child);
	check_child_succeeds(child);
	CHECK_OK(close(descriptor));
}

static volatile int first_handled, second_handled;

static void handle_first(int signal_number)
{
	sigset_t now;
	(void)signal_number;
	CHECK_OK(sigprocmask(SIG_BLOCK, NULL, &now));
	CHECK_EQ(sigismember(&now, SIGUSR1), 1);
	CHECK_EQ(sigismember(&now, SIGUSR2), 1);
	CHECK_OK(tgkill(getpid(), gettid(), SIGUSR2));
	CHECK_EQ(second_handled, 0);
	first_handled = 1;
}

static void handle_second(int signal_number)
{
	(void)signal_number;
	CHECK_EQ(first_handled, 1);
	second_handled = 1;
}

/* A call that waits under another mask: what that blocks the handler does not let in, what was open before comes
 * after it. */
static void handler_runs_under_the_calls_mask(void)
{
	struct sigaction first = {.sa_handler = handle_first}, second = {.sa_handler = handle_second};
	sigset_t mask = only(SIGUSR2);
	struct timespec far = {.tv_sec = 1000};
	CHECK_OK(sigaction(SIGUSR1, &first, NULL));
	CHECK_OK(sigaction(SIGUSR2, &second, NULL));
	unblock(SIGUSR2);
	for (int round = 0; round < 3; round++) {
		block(SIGUSR1);
		first_handled = second_handled = 0;
		CHECK_OK(tgkill(getpid(), gettid(), SIGUSR1));
		if (round == 0)
			CHECK_ERRNO(sigsuspend(&mask), EINTR);
		else if (round == 1)
			CHECK_ERRNO(ppoll(NULL, 0, &far, &mask), EINTR);
		else
			CHECK_ERRNO(pselect(0, NULL, NULL, NULL, &far, &mask), EINTR);
		CHECK_EQ(first_handled, 1);
		CHECK_EQ(second_handled, 1);
	}
}

static void reset_handler_runs_once(void)
{
	struct sigaction action = {.sa_handler = count, .sa_flags = SA_RESETHAND}, now;
	CHECK_OK(sigaction(SIGUSR2, &action, NULL));
	CHECK_OK(raise(SIGUSR2));
	CHECK_EQ(handled, 1);
	CHECK_OK(sigaction(SIGUSR2, NULL, &now));
	CHECK(now.sa_handler == SIG_DFL);
}

static int interrupted;

static void *keep_interrupting(void *thread)
{
	while (!__atomic_load_n(&interrupted, __ATOMIC_ACQUIRE)) {
		sleep_ms(SOON_MS);
		CHECK_OK(pthread_kill(*(pthread_t *)thread, SIGUSR2));
	}
	return NULL;
}

static void thread_is_interrupted_by_another(void)
{
	pthread_t self = pthread_self();
	struct timespec time = {.tv_sec = 5};
	handle(SIGUSR2);
	pthread_t thread = check_start(keep_interrupting, &self);
	CHECK_ERRNO(nanosleep(&time, NULL), EINTR);
	__atomic_store_n(&interrupted, 1, __ATOMIC_RELEASE);
	CHECK(pthread_equal(handler_thread, self));
	check_join(thread);
}

static sem_t waiting;

static void *wait_in_semaphore(void *unused)
{
	CHECK_ERRNO(sem_wait(&waiting), EINTR);
	return unused;
}

static void other_thread_takes_what_is_blocked_here(void)
{
	CHECK_OK(sem_init(&waiting, 0, 0));
	handle(SIGUSR2);
	unblock(SIGUSR2);
	pthread_t thread = check_start(wait_in_semaphore, NULL);
	block(SIGUSR2);
	do {
		sleep_ms(SOON_MS);
		CHECK_OK(kill(getpid(), SIGUSR2));
	} while (pthread_tryjoin_np(thread, NULL) == EBUSY);
	CHECK(handled >= 1);
	CHECK(pthread_equal(handler_thread, thread));
}

CHECKS({"raise_runs_the_handler_here", raise_runs_the_handler_here, 0},
       {"blocked_signal_stays_pending", blocked_signal_stays_pending, SIGNAL_SAFE},
       {"pause_ends_for_the_process", pause_ends_for_the_process, SIGNAL_SAFE | FORKS},
       {"sigsuspend_ends_for_the_process", sigsuspend_ends_for_the_process, SIGNAL_SAFE | FORKS},
       {"handler_runs_under_the_calls_mask", handler_runs_under_the_calls_mask, SIGNAL_SAFE},
       {"read_ends_for_the_process", read_ends_for_the_process, SIGNAL_SAFE | FORKS},
       {"sleep_ends_for_the_process", sleep_ends_for_the_process, SIGNAL_SAFE | FORKS},
       {"sigwait_gets_what_is_sent_to_the_process", sigwait_gets_what_is_sent_to_the_process, 0},
       {"sigtimedwait_expires", sigtimedwait_expires, 0},
       {"queued_values_come_in_order", queued_values_come_in_order, 0},
       {"values_queued_to_the_process_come_in_order", values_queued_to_the_process_come_in_order, 0},
       {"signalfd_reads_what_is_sent_to_the_process", signalfd_reads_what_is_sent_to_the_process, 0},
       {"reset_handler_runs_once", reset_handler_runs_once, 0},
       {"thread_is_interrupted_by_another", thread_is_interrupted_by_another, 0},
       {"other_thread_takes_what_is_blocked_here", other_thread_takes_what_is_blocked_here, 0});
