/* Any number of threads wait for signals: each signal that is sent to the process goes to one of those that wait for
 * it, none is lost and none comes twice; handlers, time-outs and cancellation end the waits of whom they concern. */
#include "check.h"

enum { CROWD = 60, ROUNDS = 20, LATE = 10 };

static sem_t ready, taken;
static sigset_t first, second, both;
static long sum;
static volatile sig_atomic_t handled;

static void count(int signal_number)
{
	(void)signal_number;
	handled++;
}

static void *wait_for_value(void *set)
{
	siginfo_t info;
	CHECK_OK(sem_post(&ready));
	int got;
	/* The kernel ends a wait so if another thread was faster. */
	while ((got = sigwaitinfo(set, &info)) == -1)
		CHECK_EQ(errno, EINTR);
	CHECK_EQ(sigismember(set, got), 1);
	CHECK_EQ(info.si_code, SI_QUEUE);
	__atomic_add_fetch(&sum, info.si_value.sival_int, __ATOMIC_RELAXED);
	CHECK_OK(sem_post(&taken));
	return NULL;
}

/* Half of them wait for either signal, the others for one of the two. */
static void *set_of(int i)
{
	return i % 2 ? &both : i % 4 ? &first : &second;
}

static int signal_for(int i)
{
	return i % 2 ? (i / 2 % 2 ? SIGRTMIN : SIGRTMIN + 1) : i % 4 ? SIGRTMIN : SIGRTMIN + 1;
}

static long all_at_once(int pause_ms)
{
	pthread_t threads[CROWD];
	sum = 0;
	for (int i = 0; i < CROWD; i++)
		threads[i] = check_start(wait_for_value, set_of(i));
	for (int i = 0; i < CROWD; i++)
		check_await(&ready);
	if (pause_ms > 0)
		sleep_ms(pause_ms);
	long kernel_threads = check_kernel_threads();
	/* Those first that all can take, so that enough is left for the others. */
	for (int i = 0; i < CROWD; i++)
		if (i % 2 == 0)
			CHECK_OK(sigqueue(getpid(), signal_for(i), (union sigval){.sival_int = i}));
	for (int i = 0; i < CROWD; i++)
		if (i % 2)
			CHECK_OK(sigqueue(getpid(), signal_for(i), (union sigval){.sival_int = i}));
	/* Whoever has taken one that only another could: as many of each as there are waiters for it at least. */
	for (int i = 0; i < CROWD / 2; i++) {
		CHECK_OK(sigqueue(getpid(), SIGRTMIN, (union sigval){0}));
		CHECK_OK(sigqueue(getpid(), SIGRTMIN + 1, (union sigval){0}));
	}
	for (int i = 0; i < CROWD; i++)
		check_join(threads[i]);
	for (int i = 0; i < CROWD; i++)
		CHECK_OK(sem_wait(&taken));
	/* The rest is still there. */
	siginfo_t info;
	struct timespec none = {0};
	for (int i = 0; i < CROWD; i++) {
		CHECK(sigtimedwait(&both, &info, &none) >= SIGRTMIN);
		sum += info.si_value.sival_int;
	}
	CHECK_EQ(sum, CROWD * (CROWD - 1) / 2);
	CHECK_ERRNO(sigtimedwait(&both, &info, &none), EAGAIN);
	return kernel_threads;
}

/* One after the other, each when the one before has been taken. */
static void in_turn(void)
{
	pthread_t threads[CROWD];
	for (int i = 0; i < CROWD; i++)
		threads[i] = check_start(wait_for_value, &first);
	for (int i = 0; i < CROWD; i++) {
		CHECK_OK(sigqueue(getpid(), SIGRTMIN, (union sigval){0}));
		check_await(&taken);
	}
	for (int i = 0; i < CROWD; i++) {
		check_join(threads[i]);
		check_await(&ready);
	}
}

static void *wait_in_vain(void *unused)
{
	struct timespec soon = {.tv_nsec = LATE * NS_PER_MS};
	CHECK_ERRNO(sigtimedwait(&second, NULL, &soon), EAGAIN);
	return unused;
}

static void *wait_until_handled(void *unused)
{
	CHECK_OK(sem_post(&ready));
	CHECK_ERRNO(sigwaitinfo(&second, NULL), EINTR);
	CHECK_OK(sem_post(&taken));
	return unused;
}

static void *wait_until_cancelled(void *unused)
{
	int got;
	sigwait(&second, &got);
	return unused;
}

static void other_ends(void)
{
	pthread_t late[CROWD], handles = check_start(wait_until_handled, NULL),
			       cancelled = check_start(wait_until_cancelled, NULL);
	for (int i = 0; i < CROWD; i++)
		late[i] = check_start(wait_in_vain, NULL);
	check_await(&ready);
	/* Until it has ended by it: a handler may run before the wait has begun. */
	do {
		CHECK_OK(pthread_kill(handles, SIGUSR2));
		sleep_ms(1);
	} while (sem_trywait(&taken) == -1);
	CHECK(handled > 0);
	CHECK_OK(pthread_cancel(cancelled));
	CHECK(check_join(cancelled) == PTHREAD_CANCELED);
	check_join(handles);
	for (int i = 0; i < CROWD; i++)
		check_join(late[i]);
}

int main(void)
{
	struct sigaction action = {.sa_handler = count};
	CHECK_OK(sigaction(SIGUSR2, &action, NULL));
	CHECK_OK(sem_init(&ready, 0, 0));
	CHECK_OK(sem_init(&taken, 0, 0));
	sigemptyset(&first);
	sigemptyset(&second);
	sigemptyset(&both);
	sigaddset(&first, SIGRTMIN);
	sigaddset(&second, SIGRTMIN + 1);
	sigaddset(&both, SIGRTMIN);
	sigaddset(&both, SIGRTMIN + 1);
	CHECK_OK(pthread_sigmask(SIG_BLOCK, &both, NULL));
	long most = 0;
	for (int i = 0; i < ROUNDS; i++) {
		long kernel_threads = all_at_once(i % 3 * 5);
		most = kernel_threads > most ? kernel_threads : most;
		in_turn();
	}
	other_ends();
	printf("tasks=%ld\n", most);
	return 0;
}
