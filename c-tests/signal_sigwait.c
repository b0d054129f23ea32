/* sigwait, sigwaitinfo and sigtimedwait get what is sent to the process and what is sent to the thread, before or
 * during the wait, with what came with it; other threads' signals they leave alone. */
#include "check.h"
#include <semaphore.h>

enum { WAITERS = 8, ROUNDS = 50 };

static sem_t ready;
static sigset_t waited_for;
static volatile sig_atomic_t handled;

static void count(int signal_number)
{
	(void)signal_number;
	handled++;
}

static void *wait_for_one(void *expected)
{
	int signal_number = 0;
	CHECK_OK(sem_post(&ready));
	CHECK_OK(sigwait(&waited_for, &signal_number));
	CHECK_EQ(signal_number, (long)expected);
	return NULL;
}

/* Each gets its own, though all wait for both. */
static void sent_to_a_thread(int pause_ms)
{
	pthread_t threads[WAITERS];
	for (long i = 0; i < WAITERS; i++)
		threads[i] = check_start(wait_for_one, (void *)(i % 2 ? (long)SIGUSR1 : (long)SIGTERM));
	for (int i = 0; i < WAITERS; i++)
		CHECK_OK(sem_wait(&ready));
	if (pause_ms > 0)
		sleep_ms(pause_ms);
	for (int i = WAITERS - 1; i >= 0; i--)
		CHECK_OK(pthread_kill(threads[i], i % 2 ? SIGUSR1 : SIGTERM));
	for (int i = 0; i < WAITERS; i++)
		check_join(threads[i]);
}

static void sent_to_the_process(int pause_ms)
{
	pthread_t thread = check_start(wait_for_one, (void *)(long)SIGUSR1);
	CHECK_OK(sem_wait(&ready));
	if (pause_ms > 0)
		sleep_ms(pause_ms);
	CHECK_OK(kill(getpid(), SIGUSR1));
	check_join(thread);
}

static void *send_value(void *unused)
{
	sleep_ms(5);
	CHECK_OK(sigqueue(getpid(), SIGUSR1, (union sigval){.sival_int = 4711}));
	return unused;
}

static void *raise_here(void *unused)
{
	siginfo_t info;
	CHECK_OK(raise(SIGUSR1));
	CHECK_EQ(sigwaitinfo(&waited_for, &info), SIGUSR1);
	CHECK_EQ(info.si_signo, SIGUSR1);
	CHECK_EQ(info.si_pid, getpid());
	CHECK_EQ(info.si_uid, getuid());
	return unused;
}

static void *wait_for_value(void *value)
{
	siginfo_t info;
	CHECK_OK(sem_post(&ready));
	CHECK_EQ(sigwaitinfo(&waited_for, &info), SIGTERM);
	CHECK_EQ(info.si_code, SI_QUEUE);
	CHECK(info.si_value.sival_ptr == value);
	CHECK_EQ(info.si_pid, getpid());
	return NULL;
}

static void information_comes_with_it(void)
{
	siginfo_t info;
	pthread_t waiter = check_start(wait_for_value, &info);
	CHECK_OK(sem_wait(&ready));
	CHECK_OK(pthread_sigqueue(waiter, SIGTERM, (union sigval){.sival_ptr = &info}));
	check_join(waiter);
	pthread_t sender = check_start(send_value, NULL);
	CHECK_EQ(sigwaitinfo(&waited_for, &info), SIGUSR1);
	CHECK_EQ(info.si_code, SI_QUEUE);
	CHECK_EQ(info.si_value.sival_int, 4711);
	CHECK_EQ(info.si_pid, getpid());
	check_join(sender);
	check_join(check_start(raise_here, NULL));
	raise_here(NULL);
}

static int interrupted;

/* Until the wait has ended by it: a signal that came before the wait began was spent. */
static void *interrupt_soon(void *target)
{
	do {
		sleep_ms(10);
		CHECK_OK(pthread_kill(*(pthread_t *)target, SIGUSR2));
	} while (!__atomic_load_n(&interrupted, __ATOMIC_ACQUIRE));
	return NULL;
}

static void *time_out(void *unused)
{
	struct timespec short_time = {.tv_nsec = 20 * NS_PER_MS}, none = {0}, wrong = {.tv_nsec = NS_PER_S},
			long_time = {.tv_sec = 100};
	long before = monotonic_ms();
	CHECK_ERRNO(sigtimedwait(&waited_for, NULL, &short_time), EAGAIN);
	CHECK(monotonic_ms() - before >= 19);
	CHECK_ERRNO(sigtimedwait(&waited_for, NULL, &none), EAGAIN);
	CHECK_ERRNO(sigtimedwait(&waited_for, NULL, &wrong), EINVAL);
	/* a handler of another signal */
	pthread_t self = pthread_self();
	int handlers = handled;
	__atomic_store_n(&interrupted, 0, __ATOMIC_RELEASE);
	pthread_t interrupter = check_start(interrupt_soon, &self);
	CHECK_ERRNO(sigtimedwait(&waited_for, NULL, &long_time), EINTR);
	CHECK(handled > handlers);
	__atomic_store_n(&interrupted, 1, __ATOMIC_RELEASE);
	check_join(interrupter);
	CHECK_OK(raise(SIGTERM));
	CHECK_EQ(sigtimedwait(&waited_for, NULL, &none), SIGTERM);
	return unused;
}

int main(void)
{
	struct sigaction action = {.sa_handler = count};
	CHECK_OK(sigaction(SIGUSR2, &action, NULL));
	CHECK_OK(sem_init(&ready, 0, 0));
	CHECK_OK(sigemptyset(&waited_for));
	CHECK_OK(sigaddset(&waited_for, SIGUSR1));
	CHECK_OK(sigaddset(&waited_for, SIGTERM));
	CHECK_OK(pthread_sigmask(SIG_BLOCK, &waited_for, NULL));
	for (int i = 0; i < ROUNDS; i++) {
		sent_to_a_thread(i % 3);
		sent_to_the_process(i % 3);
	}
	information_comes_with_it();
	check_here_and_in_thread(time_out, NULL);
	return 0;
}
