/* Within its process a thread's id does what it does natively: `kill` signals the process that it belongs to, `tgkill`,
 * `tkill` and `rt_tgsigqueueinfo` the thread; once that has ended there is nobody. */
#include "check.h"
#include <semaphore.h>
#include <sys/syscall.h>

enum { VALUE = 4711 };

/* volatile, so that the compiler does not know better */
static void *volatile nowhere = (void *)8;

static sem_t ready, handled;
static volatile pid_t handler_id;
static pid_t id;
static int over;

static void handle(int signal_number, siginfo_t *information, void *context)
{
	(void)signal_number;
	(void)context;
	CHECK(information->si_code != SI_QUEUE || information->si_value.sival_int == VALUE);
	handler_id = gettid();
	CHECK_OK(sem_post(&handled));
}

static void await(void)
{
	check_await(&handled);
}

/* With the value that the handler expects. */
static long queue_to(pid_t thread, int signal_number)
{
	siginfo_t information;
	memset(&information, 0, sizeof information);
	information.si_code = SI_QUEUE;
	information.si_pid = getpid();
	information.si_uid = getuid();
	information.si_value.sival_int = VALUE;
	return syscall(SYS_rt_tgsigqueueinfo, getpid(), thread, signal_number, &information);
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
	CHECK_OK(queue_to(gettid(), SIGUSR1));
	await();
	CHECK_EQ(handler_id, gettid());
	return unused;
}

/* pthread_join may return before the kernel has forgotten the thread, if it has known it. */
static void await_kernel(void)
{
	char path[64];
	snprintf(path, sizeof path, "/proc/self/task/%d", (int)id);
	while (access(path, F_OK) == 0)
		sleep_ms(1);
	CHECK_EQ(errno, ENOENT);
}

int main(void)
{
	CHECK_OK(sem_init(&ready, 0, 0));
	CHECK_OK(sem_init(&handled, 0, 0));
	struct sigaction action = {.sa_sigaction = handle, .sa_flags = SA_SIGINFO};
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
	CHECK_OK(queue_to(id, SIGUSR1));
	await();
	CHECK_EQ(handler_id, id);
	CHECK_ERRNO(queue_to(id, 65), EINVAL);
	CHECK_ERRNO(syscall(SYS_rt_tgsigqueueinfo, getpid(), id, SIGUSR1, nowhere), EFAULT);
	__atomic_store_n(&over, 1, __ATOMIC_RELEASE);
	check_join(thread);
	await_kernel();
	CHECK_ERRNO(kill(id, 0), ESRCH);
	CHECK_ERRNO(tgkill(getpid(), id, 0), ESRCH);
	CHECK_ERRNO(queue_to(id, SIGUSR1), ESRCH);
	check_join(check_start(signal_oneself, NULL));
	return 0;
}
