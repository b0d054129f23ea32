/* sem_wait and waits on futexes fail with EINTR after a handler, unless it was installed with SA_RESTART and there is no
 * time limit: for every kind of thread, in a process that has but one, and in a forked child. */
#include "check.h"
#include <linux/futex.h>
#include <sched.h>
#include <semaphore.h>
#include <sys/syscall.h>

static sem_t semaphore;
static __thread volatile int handled;
static unsigned word;

static void handle(int signal_number)
{
	CHECK_EQ(signal_number, SIGUSR1);
	handled++;
}

static void post(int signal_number)
{
	CHECK_EQ(signal_number, SIGUSR1);
	if (++handled % 3 == 0)
		CHECK_OK(sem_post(&semaphore));
}

static void install(void (*handler)(int), int flags)
{
	struct sigaction action = {.sa_handler = handler, .sa_flags = flags};
	CHECK_OK(sigaction(SIGUSR1, &action, NULL));
}

/* A process that sends the signal until it is killed. */
static pid_t start_sending(void)
{
	pid_t target = getpid(), sender = fork();
	CHECK(sender >= 0);
	while (sender == 0) {
		usleep(2000);
		if (kill(target, SIGUSR1) != 0)
			_exit(0);
	}
	return sender;
}

static void stop_sending(pid_t sender)
{
	sigset_t usr1, before;
	CHECK_OK(sigemptyset(&usr1));
	CHECK_OK(sigaddset(&usr1, SIGUSR1));
	CHECK_OK(kill(sender, SIGKILL));
	CHECK_OK(pthread_sigmask(SIG_BLOCK, &usr1, &before));
	CHECK_EQ(waitpid(sender, NULL, 0), sender);
	CHECK_OK(pthread_sigmask(SIG_SETMASK, &before, NULL));
}

static long wait_on_word(const struct timespec *limit)
{
	return syscall(SYS_futex, &word, FUTEX_WAIT | FUTEX_PRIVATE_FLAG, 0, limit, NULL, 0);
}

/* The caller alone accepts the signal. */
static void waits_are_interrupted(void)
{
	struct timespec limit = {.tv_sec = 20}, deadline;
	CHECK_OK(sem_init(&semaphore, 0, 0));
	install(handle, 0);
	pid_t sender = start_sending();
	CHECK_ERRNO(sem_wait(&semaphore), EINTR);
	deadline = in_ms(CLOCK_REALTIME, 20000);
	CHECK_ERRNO(sem_timedwait(&semaphore, &deadline), EINTR);
	deadline = in_ms(CLOCK_MONOTONIC, 20000);
	CHECK_ERRNO(sem_clockwait(&semaphore, CLOCK_MONOTONIC, &deadline), EINTR);
	CHECK_ERRNO(wait_on_word(NULL), EINTR);
	CHECK_ERRNO(wait_on_word(&limit), EINTR);
	CHECK(handled >= 5);

	install(handle, SA_RESTART);
	deadline = in_ms(CLOCK_REALTIME, 20000);
	CHECK_ERRNO(sem_timedwait(&semaphore, &deadline), EINTR);
	CHECK_ERRNO(wait_on_word(&limit), EINTR);

	install(post, SA_RESTART);
	handled = 0;
	CHECK_OK(sem_wait(&semaphore));
	CHECK(handled >= 3);
	stop_sending(sender);
	CHECK_OK(sem_destroy(&semaphore));
}

static void *on_a_thread(void *wire)
{
	sigset_t usr1;
	if (wire != NULL) {
		cpu_set_t cpus;
		CHECK_OK(sched_getaffinity(0, sizeof cpus, &cpus));
		CHECK_OK(sched_setaffinity(0, sizeof cpus, &cpus));
	}
	CHECK_OK(sigemptyset(&usr1));
	CHECK_OK(sigaddset(&usr1, SIGUSR1));
	CHECK_OK(pthread_sigmask(SIG_UNBLOCK, &usr1, NULL));
	waits_are_interrupted();
	return NULL;
}

int main(void)
{
	static char native_stack[256 * 1024] __attribute__((aligned(4096)));
	pthread_attr_t attributes;
	pthread_t thread;
	sigset_t usr1;
	waits_are_interrupted();
	pid_t child = check_fork();
	if (child == 0) {
		waits_are_interrupted();
		_exit(0);
	}
	check_child_succeeds(child);

	CHECK_OK(sigemptyset(&usr1));
	CHECK_OK(sigaddset(&usr1, SIGUSR1));
	CHECK_OK(pthread_sigmask(SIG_BLOCK, &usr1, NULL));
	check_join(check_start(on_a_thread, NULL));
	check_join(check_start(on_a_thread, &attributes));
	CHECK_OK(pthread_attr_init(&attributes));
	CHECK_OK(pthread_attr_setstack(&attributes, native_stack, sizeof native_stack));
	CHECK_OK(pthread_create(&thread, &attributes, on_a_thread, NULL));
	check_join(thread);
	CHECK_OK(pthread_sigmask(SIG_UNBLOCK, &usr1, NULL));
	waits_are_interrupted();
	child = check_fork();
	if (child == 0) {
		waits_are_interrupted();
		CHECK_OK(pthread_sigmask(SIG_BLOCK, &usr1, NULL));
		check_join(check_start(on_a_thread, NULL));
		_exit(0);
	}
	check_child_succeeds(child);
	return 0;
}
