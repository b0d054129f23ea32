/* A signal that a thread sends to its own process, and that all others block, has been handled by it when the call
 * returns (POSIX, kill), whatever the others do. */
#include "check.h"
#include <semaphore.h>
#include <stdatomic.h>
#include <sys/syscall.h>

enum { TIMES = 300 };

static atomic_int handled, over;
static atomic_int code, value;
static pthread_t who;
static int own_descriptor;
static sem_t never;

static void handle(int signal_number, siginfo_t *info, void *context)
{
	(void)signal_number;
	(void)context;
	who = pthread_self();
	code = info->si_code;
	value = info->si_value.sival_int;
	CHECK_EQ(info->si_pid, getpid());
	CHECK_EQ(info->si_uid, getuid());
	handled++;
}

static void *wait_in_vain(void *unused)
{
	(void)unused;
	CHECK_OK(sem_wait(&never));
	return NULL;
}

static void *tick(void *unused)
{
	(void)unused;
	while (!over)
		sleep_ms(1);
	return NULL;
}

static void *compute(void *unused)
{
	(void)unused;
	while (!over)
		;
	return NULL;
}

static void handled_here(int count)
{
	CHECK_EQ(handled, count);
	CHECK(pthread_equal(who, pthread_self()));
}

static void send_by_number(int signal_number)
{
	int before = handled;
	siginfo_t information = {.si_signo = signal_number, .si_code = SI_QUEUE, .si_pid = getpid(), .si_uid = getuid()};
	CHECK_OK(syscall(SYS_rt_sigqueueinfo, getpid(), signal_number, &information));
	handled_here(before + 1);
	if (own_descriptor < 0)
		return;
	CHECK_OK(syscall(SYS_pidfd_send_signal, own_descriptor, signal_number, NULL, 0));
	handled_here(before + 2);
	CHECK_EQ(code, SI_USER);
}

static void send_each_way(int signal_number)
{
	for (int i = 0; i < TIMES; i++) {
		int before = handled;
		CHECK_OK(kill(getpid(), signal_number));
		handled_here(before + 1);
		CHECK_EQ(code, SI_USER);
		CHECK_OK(sigqueue(getpid(), signal_number, (union sigval){.sival_int = i}));
		handled_here(before + 2);
		CHECK_EQ(code, SI_QUEUE);
		CHECK_EQ(value, i);
		send_by_number(signal_number);
		/* Perhaps it goes on elsewhere. */
		if (i % 10 == 0)
			sleep_ms(1);
	}
}

static void send_all(void)
{
	send_each_way(SIGUSR1);
	send_each_way(SIGRTMIN + 1);
}

static void change_mask(int how)
{
	sigset_t set;
	CHECK_OK(sigemptyset(&set));
	CHECK_OK(sigaddset(&set, SIGUSR1));
	CHECK_OK(sigaddset(&set, SIGRTMIN + 1));
	CHECK_OK(pthread_sigmask(how, &set, NULL));
}

static void *send_from_here(void *unused)
{
	(void)unused;
	change_mask(SIG_UNBLOCK);
	send_all();
	return NULL;
}

/* They block the signals from the beginning. */
static pthread_t start(void *(*routine)(void *))
{
	change_mask(SIG_BLOCK);
	pthread_t thread = check_start(routine, NULL);
	change_mask(SIG_UNBLOCK);
	return thread;
}

int main(void)
{
	struct sigaction action = {.sa_sigaction = handle, .sa_flags = SA_SIGINFO};
	CHECK_OK(sigaction(SIGUSR1, &action, NULL));
	CHECK_OK(sigaction(SIGRTMIN + 1, &action, NULL));
	CHECK_OK(sem_init(&never, 0, 0));
	/* of Linux 5.3 */
	own_descriptor = (int)syscall(SYS_pidfd_open, getpid(), 0);
	send_all();
	pthread_t waiter = start(wait_in_vain);
	send_all();
	pthread_t ticker = start(tick);
	send_all();
	pthread_t computer = start(compute);
	send_all();
	change_mask(SIG_BLOCK);
	check_join(check_start(send_from_here, NULL));
	over = 1;
	CHECK_OK(sem_post(&never));
	check_join(waiter);
	check_join(ticker);
	check_join(computer);
	return 0;
}
