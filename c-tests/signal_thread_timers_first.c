/* Timers and files that signal main by its id, asked for before the process's first thread, go on to do so when there are
 * others, whoever runs on what kernel thread. */
#include "check.h"
#include <fcntl.h>
#include <stdatomic.h>

enum { THREADS = 8, SIGNALS = 20 };

#define SIGNAL (SIGRTMIN + 1)

static pthread_t main_thread;
static sem_t handled, over;
static atomic_int timers, files;

static void handle(int signal_number, siginfo_t *came_with, void *unused)
{
	(void)unused;
	CHECK_EQ(signal_number, SIGNAL);
	CHECK(pthread_equal(pthread_self(), main_thread));
	if (came_with->si_code == SI_TIMER)
		timers++;
	else
		files++;
	CHECK_OK(sem_post(&handled));
}

static timer_t make_timer(void)
{
	timer_t timer;
	struct sigevent event = {.sigev_notify = SIGEV_THREAD_ID, .sigev_signo = SIGNAL};
	event._sigev_un._tid = gettid();
	CHECK_OK(timer_create(CLOCK_MONOTONIC, &event, &timer));
	return timer;
}

static void own(int fd)
{
	struct f_owner_ex owner = {.type = F_OWNER_TID, .pid = gettid()};
	CHECK_OK(fcntl(fd, F_SETFL, O_ASYNC));
	CHECK_OK(fcntl(fd, F_SETSIG, SIGNAL));
	CHECK_OK(fcntl(fd, F_SETOWN_EX, &owner));
}

/* Takes turns with main on whatever kernel threads there are, closed to signals when it waits. */
static void *wait_often(void *unused)
{
	while (sem_trywait(&over) == -1)
		sleep_ms(1);
	return unused;
}

static void signals_main(timer_t timer, int ends[2])
{
	pthread_t threads[THREADS];
	sigset_t all, before;
	sigfillset(&all);
	CHECK_OK(pthread_sigmask(SIG_BLOCK, &all, &before));
	for (int i = 0; i < THREADS; i++)
		threads[i] = check_start(wait_often, NULL);
	CHECK_OK(pthread_sigmask(SIG_SETMASK, &before, NULL));
	for (int i = 1; i <= SIGNALS; i++) {
		struct itimerspec soon = {.it_value.tv_nsec = 3 * NS_PER_MS};
		char byte = 0;
		CHECK_OK(timer_settime(timer, 0, &soon, NULL));
		check_await(&handled);
		CHECK_EQ(timers, i);
		CHECK_EQ(write(ends[1], &byte, 1), 1);
		check_await(&handled);
		CHECK_EQ(files, i);
		CHECK_EQ(read(ends[0], &byte, 1), 1);
	}
	for (int i = 0; i < THREADS; i++)
		CHECK_OK(sem_post(&over));
	for (int i = 0; i < THREADS; i++)
		check_join(threads[i]);
}

static void signals_the_first_thread(void)
{
	int ends[2];
	struct sigaction action = {.sa_sigaction = handle, .sa_flags = SA_SIGINFO | SA_RESTART};
	main_thread = pthread_self();
	timers = files = 0;
	CHECK_OK(sem_init(&handled, 0, 0));
	CHECK_OK(sem_init(&over, 0, 0));
	CHECK_OK(sigaction(SIGNAL, &action, NULL));
	CHECK_OK(pipe(ends));
	own(ends[0]);
	signals_main(make_timer(), ends);
}

static void *fork_here(void *unused)
{
	check_in_a_child(signals_the_first_thread);
	return unused;
}

int main(void)
{
	check_in_a_child(signals_the_first_thread);
	signals_the_first_thread();
	check_in_a_child(signals_the_first_thread);
	check_join(check_start(fork_here, NULL));
	return 0;
}
