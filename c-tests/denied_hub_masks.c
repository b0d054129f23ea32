/* Where threads have to be the kernel's since there is no epoll: a handler that ends a call with a mask of its own runs
 * under that mask, also if another thread has waited for something meanwhile for the first time. */
#include "check.h"
#include "deny.h"
#include <semaphore.h>
#include <sys/syscall.h>

static volatile int handled;
static pid_t waiter;

static void note_mask(int signal_number)
{
	sigset_t now;
	(void)signal_number;
	CHECK_OK(sigprocmask(SIG_BLOCK, NULL, &now));
	CHECK_EQ(sigismember(&now, SIGUSR1), 1);
	CHECK_EQ(sigismember(&now, SIGUSR2), 1);
	handled = 1;
}

/* Whether the main thread is in sigsuspend. */
static int is_suspended(void)
{
	char path[64];
	long number = -1;
	snprintf(path, sizeof path, "/proc/self/task/%d/syscall", waiter);
	FILE *file = fopen(path, "r");
	CHECK(file != NULL);
	int found = fscanf(file, "%ld", &number);
	CHECK_OK(fclose(file));
	return found == 1 && number == SYS_rt_sigsuspend;
}

static void *wait_then_signal(void *main_thread)
{
	sem_t never;
	struct timespec soon;
	while (!is_suspended())
		usleep(1000);
	CHECK_OK(sem_init(&never, 0, 0));
	CHECK_OK(clock_gettime(CLOCK_REALTIME, &soon));
	CHECK_ERRNO(sem_timedwait(&never, &soon), ETIMEDOUT);
	CHECK_OK(pthread_kill(*(pthread_t *)main_thread, SIGUSR1));
	return NULL;
}

int main(void)
{
	static const int calls[] = {SYS_epoll_create, SYS_epoll_create1};
	struct sigaction action = {.sa_handler = note_mask};
	pthread_t self = pthread_self(), thread;
	sigset_t blocked, mask;
	waiter = getpid();
	deny(calls, 2, EPERM);
	CHECK_OK(sigaction(SIGUSR1, &action, NULL));
	CHECK_OK(sigemptyset(&blocked));
	CHECK_OK(sigaddset(&blocked, SIGUSR1));
	CHECK_OK(pthread_sigmask(SIG_BLOCK, &blocked, NULL));
	CHECK_OK(sigemptyset(&mask));
	CHECK_OK(sigaddset(&mask, SIGUSR2));
	CHECK_OK(pthread_create(&thread, NULL, wait_then_signal, &self));
	CHECK_ERRNO(sigsuspend(&mask), EINTR);
	CHECK_EQ(handled, 1);
	check_join(thread);
	return 0;
}
