/* Within its process a thread's id does what it does natively: `kill` signals the process that it belongs to, `tgkill`
 * and `tkill` the thread; once that has ended there is nobody. */
#include "check.h"
#include <semaphore.h>
#include <sys/syscall.h>

static sem_t ready, handled;
static volatile pid_t handler_id;
static pid_t id;
static int over;

static void handle(int signal_number)
{
	(void)signal_number;
	handler_id = gettid();
	CHECK_OK(sem_post(&handled));
}

static void await(void)
{
	while (sem_wait(&handled) == -1)
		CHECK_EQ(errno, EINTR);
}

static void *live(void *unused)
{
	id = gettid();
	CHECK_OK(sem_post(&ready));
	while (!__atomic_load_n(&over, __ATOMIC_ACQUIRE))
		usleep(1000);
	return unused;
}

static void *signal_oneself(void *unused)
{
	CHECK_OK(kill(gettid(), SIGUSR1));
	await();
	CHECK_OK(syscall(SYS_kill, gettid(), SIGUSR1));
	await();
	CHECK_OK(tgkill(getpid(), gettid(), SIGUSR1));
	await();
	CHECK_EQ(handler_id, gettid());
	return unused;
}

int main(void)
{
	CHECK_OK(sem_init(&ready, 0, 0));
	CHECK_OK(sem_init(&handled, 0, 0));
	struct sigaction action = {.sa_handler = handle};
	CHECK_OK(sigaction(SIGUSR1, &action, NULL));
	pthread_t thread = check_start(live, NULL);
	CHECK_OK(sem_wait(&ready));
	CHECK_OK(kill(id, 0));
	CHECK_OK(kill(id, SIGUSR1));
	await();
	CHECK_OK(tgkill(getpid(), id, SIGUSR1));
	await();
	CHECK_EQ(handler_id, id);
	CHECK_OK(syscall(SYS_tkill, id, SIGUSR1));
	await();
	CHECK_EQ(handler_id, id);
	__atomic_store_n(&over, 1, __ATOMIC_RELEASE);
	check_join(thread);
	CHECK_ERRNO(kill(id, 0), ESRCH);
	CHECK_ERRNO(tgkill(getpid(), id, 0), ESRCH);
	check_join(check_start(signal_oneself, NULL));
	return 0;
}
