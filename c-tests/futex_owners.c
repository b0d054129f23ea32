/* syscall(SYS_futex) with LOCK_PI, LOCK_PI2, TRYLOCK_PI, UNLOCK_PI, WAIT_REQUEUE_PI and CMP_REQUEUE_PI: the word names
 * the thread that holds the lock by what gettid says, and is handed to one that waits. */
#include "check.h"
#include <linux/futex.h>
#include <stdint.h>
#include <sys/syscall.h>

#ifndef FUTEX_LOCK_PI2
#define FUTEX_LOCK_PI2 13
#endif
enum { THREADS = 20, ROUNDS = 200 };

static uint32_t lock_word, condition;

static long futex(uint32_t *address, int operation, uint32_t value, const void *fourth, uint32_t *second, uint32_t last)
{
	return syscall(SYS_futex, address, operation | FUTEX_PRIVATE_FLAG, value, fourth, second, last);
}

static void lock(void)
{
	uint32_t none = 0;
	if (!__atomic_compare_exchange_n(&lock_word, &none, (uint32_t)gettid(), 0, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
		CHECK_OK(futex(&lock_word, FUTEX_LOCK_PI, 0, NULL, NULL, 0));
	CHECK_EQ(lock_word & FUTEX_TID_MASK, gettid());
}

static void unlock(void)
{
	uint32_t own = (uint32_t)gettid();
	if (!__atomic_compare_exchange_n(&lock_word, &own, 0, 0, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
		CHECK_OK(futex(&lock_word, FUTEX_UNLOCK_PI, 0, NULL, NULL, 0));
}

static int inside, count;

static void *take_turns(void *unused)
{
	for (int i = 0; i < ROUNDS; i++) {
		lock();
		CHECK_EQ(inside++, 0);
		count++;
		if (i % 16 == 0)
			sched_yield();
		CHECK_EQ(--inside, 0);
		unlock();
	}
	return unused;
}

static void exclusion(void)
{
	pthread_t threads[THREADS];
	count = 0;
	for (int i = 0; i < THREADS; i++)
		threads[i] = check_start(take_turns, NULL);
	for (int i = 0; i < THREADS; i++)
		check_join(threads[i]);
	CHECK_EQ(count, THREADS * ROUNDS);
	CHECK_EQ(lock_word & FUTEX_TID_MASK, 0);
}

static void *finds_it_held(void *unused)
{
	struct timespec past = {1, 0}, soon = in_ms(CLOCK_REALTIME, 10), invalid = {0, NS_PER_S};
	CHECK_ERRNO(futex(&lock_word, FUTEX_TRYLOCK_PI, 0, NULL, NULL, 0), EAGAIN);
	CHECK_ERRNO(futex(&lock_word, FUTEX_UNLOCK_PI, 0, NULL, NULL, 0), EPERM);
	CHECK_ERRNO(futex(&lock_word, FUTEX_LOCK_PI, 0, &past, NULL, 0), ETIMEDOUT);
	CHECK_ERRNO(futex(&lock_word, FUTEX_LOCK_PI, 0, &soon, NULL, 0), ETIMEDOUT);
	CHECK(now_ns(CLOCK_REALTIME) >= soon.tv_sec * (long)NS_PER_S + soon.tv_nsec);
	CHECK_ERRNO(futex(&lock_word, FUTEX_LOCK_PI, 0, &invalid, NULL, 0), EINVAL);
	soon = in_ms(CLOCK_MONOTONIC, 10);
	/* of Linux 5.14 */
	CHECK_EQ(futex(&lock_word, FUTEX_LOCK_PI2, 0, &soon, NULL, 0), -1);
	CHECK(errno == ETIMEDOUT || errno == ENOSYS);
	return unused;
}

static void *answers(void *unused)
{
	enum { NO_THREAD = 0x3ffffffe };
	lock_word = 0;
	CHECK_OK(futex(&lock_word, FUTEX_TRYLOCK_PI, 0, NULL, NULL, 0));
	CHECK_EQ(lock_word & FUTEX_TID_MASK, gettid());
	CHECK_ERRNO(futex(&lock_word, FUTEX_LOCK_PI, 0, NULL, NULL, 0), EDEADLK);
	CHECK_ERRNO(futex(&lock_word, FUTEX_TRYLOCK_PI, 0, NULL, NULL, 0), EDEADLK);
	CHECK_OK(futex(&lock_word, FUTEX_UNLOCK_PI, 0, NULL, NULL, 0));
	CHECK_EQ(lock_word, 0);
	CHECK_ERRNO(futex(&lock_word, FUTEX_UNLOCK_PI, 0, NULL, NULL, 0), EPERM);
	lock_word = NO_THREAD;
	CHECK_ERRNO(futex(&lock_word, FUTEX_LOCK_PI, 0, NULL, NULL, 0), ESRCH);
	lock_word = 0;
	CHECK_ERRNO(futex(&condition, FUTEX_WAIT_REQUEUE_PI, 1, NULL, &lock_word, 0), EAGAIN);
	CHECK_ERRNO(futex(&condition, FUTEX_WAIT_REQUEUE_PI, 0, NULL, &condition, 0), EINVAL);
	CHECK_ERRNO(futex(&condition, FUTEX_CMP_REQUEUE_PI, 2, NULL, &lock_word, 0), EINVAL);
	CHECK_ERRNO(futex(&condition, FUTEX_CMP_REQUEUE_PI, 1, NULL, &lock_word, 1), EAGAIN);
	CHECK_EQ(futex(&condition, FUTEX_CMP_REQUEUE_PI, 1, NULL, &lock_word, 0), 0);
	return unused;
}

static void held_by_another(void)
{
	lock();
	check_join(check_start(finds_it_held, NULL));
	unlock();
}

/* A condition variable of these. */

static int waiting, go;

static void *wait_for_go(void *unused)
{
	lock();
	waiting++;
	while (!go) {
		uint32_t seen = condition;
		unlock();
		if (futex(&condition, FUTEX_WAIT_REQUEUE_PI, seen, NULL, &lock_word, 0) == -1) {
			CHECK_EQ(errno, EAGAIN);
			lock();
		}
		CHECK_EQ(lock_word & FUTEX_TID_MASK, gettid());
	}
	CHECK_EQ(inside++, 0);
	sched_yield();
	CHECK_EQ(--inside, 0);
	unlock();
	return unused;
}

static void conditions(int holds_the_lock)
{
	pthread_t threads[THREADS];
	waiting = go = 0;
	for (int i = 0; i < THREADS; i++)
		threads[i] = check_start(wait_for_go, NULL);
	for (int ready = 0; ready < THREADS; sleep_ms(1)) {
		lock();
		ready = waiting;
		unlock();
	}
	sleep_ms(2);
	lock();
	go = 1;
	condition++;
	if (!holds_the_lock)
		unlock();
	long moved = futex(&condition, FUTEX_CMP_REQUEUE_PI, 1, (void *)(long)THREADS, &lock_word, condition);
	CHECK(moved >= 0 && moved <= THREADS);
	if (holds_the_lock)
		unlock();
	for (int i = 0; i < THREADS; i++)
		check_join(threads[i]);
	CHECK_EQ(lock_word & FUTEX_TID_MASK, 0);
}

/* Of a lock that processes may share the kernel writes the owner; another thread of the process is another owner. */

static uint32_t shared_word;
static sem_t has_it, give_back;

static long shared(int operation, const struct timespec *until)
{
	return syscall(SYS_futex, &shared_word, operation, 0, until, NULL, 0);
}

static void *holds_shared(void *unused)
{
	CHECK_OK(shared(FUTEX_LOCK_PI, NULL));
	CHECK_OK(sem_post(&has_it));
	check_await(&give_back);
	CHECK_OK(shared(FUTEX_UNLOCK_PI, NULL));
	return unused;
}

static void shared_by_threads(void)
{
	CHECK_OK(sem_init(&has_it, 0, 0));
	CHECK_OK(sem_init(&give_back, 0, 0));
	pthread_t thread = check_start(holds_shared, NULL);
	check_await(&has_it);
	struct timespec soon = in_ms(CLOCK_REALTIME, 10);
	CHECK_ERRNO(shared(FUTEX_TRYLOCK_PI, NULL), EAGAIN);
	CHECK_ERRNO(shared(FUTEX_LOCK_PI, &soon), ETIMEDOUT);
	CHECK_ERRNO(shared(FUTEX_UNLOCK_PI, NULL), EPERM);
	CHECK_OK(sem_post(&give_back));
	CHECK_OK(shared(FUTEX_LOCK_PI, NULL));
	CHECK_OK(shared(FUTEX_UNLOCK_PI, NULL));
	check_join(thread);
	CHECK_EQ(shared_word, 0);
}

/* Who waits by FUTEX_WAIT is not moved to a lock. */
static void *waits_for_a_wake(void *unused)
{
	CHECK_OK(futex(&condition, FUTEX_WAIT, 0, NULL, NULL, 0));
	return unused;
}

static void plain_waiters(void)
{
	condition = 0;
	pthread_t thread = check_start(waits_for_a_wake, NULL);
	long moved;
	while ((moved = futex(&condition, FUTEX_CMP_REQUEUE_PI, 1, NULL, &lock_word, 0)) == 0)
		sched_yield();
	CHECK(moved == -1 && errno == EINVAL);
	CHECK_EQ(lock_word, 0);
	CHECK_EQ(futex(&condition, FUTEX_WAKE, 1, NULL, NULL, 0), 1);
	check_join(thread);
}

/* A handler does not end the wait, but begins it anew; once the thread has been moved to the lock it does. */

static int handled;

static void handle(int signal_number)
{
	(void)signal_number;
	__atomic_add_fetch(&handled, 1, __ATOMIC_SEQ_CST);
}

static void *is_interrupted(void *unused)
{
	CHECK_ERRNO(futex(&condition, FUTEX_WAIT_REQUEUE_PI, 0, NULL, &lock_word, 0), EAGAIN);
	CHECK_EQ(lock_word & FUTEX_TID_MASK, *(uint32_t *)unused);
	return NULL;
}

static void interrupt_moved(int flags)
{
	struct sigaction action = {.sa_handler = handle, .sa_flags = flags};
	uint32_t own = (uint32_t)gettid();
	CHECK_OK(sigaction(SIGUSR1, &action, NULL));
	condition = handled = 0;
	lock();
	pthread_t thread = check_start(is_interrupted, &own);
	while (futex(&condition, FUTEX_CMP_REQUEUE_PI, 1, NULL, &lock_word, 0) == 0) {
		CHECK_OK(pthread_kill(thread, SIGUSR1));
		sched_yield();
	}
	int before = handled;
	CHECK_OK(pthread_kill(thread, SIGUSR1));
	check_join(thread);
	CHECK(handled > 0 && handled >= before);
	unlock();
	CHECK_EQ(lock_word & FUTEX_TID_MASK, 0);
}

static void *time_is_over(void *unused)
{
	struct timespec soon = in_ms(CLOCK_MONOTONIC, 5);
	condition = 0;
	CHECK_ERRNO(futex(&condition, FUTEX_WAIT_REQUEUE_PI, 0, &soon, &lock_word, 0), ETIMEDOUT);
	return unused;
}

int main(void)
{
	check_here_and_in_thread(answers, NULL);
	check_here_and_in_thread(time_is_over, NULL);
	held_by_another();
	shared_by_threads();
	plain_waiters();
	interrupt_moved(0);
	interrupt_moved(SA_RESTART);
	exclusion();
	conditions(1);
	conditions(0);
	exclusion();
	return 0;
}
