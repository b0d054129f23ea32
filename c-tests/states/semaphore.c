/* Semaphores: posted by threads, processes and handlers, deadlines, EINTR. */
#include "states.h"
#include <semaphore.h>
#include <sys/mman.h>

static sem_t semaphore;

static void *post_soon(void *unused)
{
	sleep_ms(SOON_MS);
	CHECK_OK(sem_post(&semaphore));
	return unused;
}

static void wait_for_a_thread(void)
{
	CHECK_OK(sem_init(&semaphore, 0, 0));
	pthread_t thread = check_start(post_soon, NULL);
	CHECK_OK(sem_wait(&semaphore));
	check_join(thread);
}

static void post_shared(long place)
{
	CHECK_OK(sem_post((sem_t *)place));
}

static void wait_for_a_process(void)
{
	sem_t *shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	CHECK_OK(sem_init(shared, 1, 0));
	pid_t child = child_soon(post_shared, (long)shared);
	CHECK_OK(sem_wait(shared));
	check_child_succeeds(child);
}

static void deadline_expires(void)
{
	CHECK_OK(sem_init(&semaphore, 0, 0));
	CHECK_ERRNO(sem_trywait(&semaphore), EAGAIN);
	long start = monotonic_ms();
	struct timespec deadline = in_ms(CLOCK_REALTIME, EXPIRES_MS);
	CHECK_ERRNO(sem_timedwait(&semaphore, &deadline), ETIMEDOUT);
	deadline = in_ms(CLOCK_MONOTONIC, EXPIRES_MS);
	CHECK_ERRNO(sem_clockwait(&semaphore, CLOCK_MONOTONIC, &deadline), ETIMEDOUT);
	check_waited(start, 2 * EXPIRES_MS - 2);
}

static void post_counts(void)
{
	int value;
	CHECK_OK(sem_init(&semaphore, 0, 1));
	CHECK_OK(sem_post(&semaphore));
	CHECK_OK(sem_getvalue(&semaphore, &value));
	CHECK_EQ(value, 2);
	CHECK_OK(sem_wait(&semaphore));
	CHECK_OK(sem_trywait(&semaphore));
	CHECK_ERRNO(sem_trywait(&semaphore), EAGAIN);
}

static volatile sig_atomic_t handled;

static void count(int signal_number)
{
	(void)signal_number;
	handled++;
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

/* sem_wait is never restarted without SA_RESTART, and sem_timedwait never at all (signal(7)). */
static void handler_interrupts(void)
{
	struct sigaction action = {.sa_handler = count};
	pthread_t self = pthread_self();
	CHECK_OK(sigaction(SIGUSR2, &action, NULL));
	CHECK_OK(sem_init(&semaphore, 0, 0));
	pthread_t thread = check_start(keep_interrupting, &self);
	CHECK_ERRNO(sem_wait(&semaphore), EINTR);
	__atomic_store_n(&interrupted, 1, __ATOMIC_RELEASE);
	check_join(thread);
	CHECK(handled >= 1);
}

static void handler_of_another_process_interrupts(void)
{
	struct sigaction action = {.sa_handler = count};
	CHECK_OK(sigaction(SIGUSR2, &action, NULL));
	CHECK_OK(sem_init(&semaphore, 0, 0));
	pid_t child = child_signalling();
	struct timespec deadline = in_ms(CLOCK_REALTIME, 5000);
	CHECK_ERRNO(sem_timedwait(&semaphore, &deadline), EINTR);
	CHECK(handled >= 1);
	end_child(child);
}

CHECKS({"wait_for_a_thread", wait_for_a_thread, 0},
       {"wait_for_a_process", wait_for_a_process, 0},
       {"deadline_expires", deadline_expires, 0},
       {"post_counts", post_counts, 0},
       {"handler_interrupts", handler_interrupts, 0},
       {"handler_of_another_process_interrupts", handler_of_another_process_interrupts, 0});
