/* System calls made by number: they wait, wake, and fail like the functions. */
#include "states.h"
#include <linux/futex.h>
#include <stdint.h>
#include <sys/syscall.h>

static int word;

static void *wake_soon(void *unused)
{
	sleep_ms(SOON_MS);
	__atomic_store_n(&word, 1, __ATOMIC_SEQ_CST);
	syscall(SYS_futex, &word, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
	return unused;
}

static void futex_is_woken(void)
{
	pthread_t thread = check_start(wake_soon, NULL);
	while (__atomic_load_n(&word, __ATOMIC_SEQ_CST) == 0) {
		long result = syscall(SYS_futex, &word, FUTEX_WAIT_PRIVATE, 0, NULL, NULL, 0);
		CHECK(result == 0 || errno == EAGAIN);
	}
	check_join(thread);
}

static void futex_expires(void)
{
	struct timespec limit = {.tv_nsec = EXPIRES_MS * NS_PER_MS};
	long start = monotonic_ms();
	CHECK_ERRNO(syscall(SYS_futex, &word, FUTEX_WAIT_PRIVATE, 0, &limit, NULL, 0), ETIMEDOUT);
	check_waited(start, EXPIRES_MS);
	CHECK_ERRNO(syscall(SYS_futex, &word, FUTEX_WAIT_PRIVATE, 1, &limit, NULL, 0), EAGAIN);
}

/* Of two, the word is the second. The result is -1 where the kernel has no such call, with ENOSYS. */
static long wait_for_either(const struct timespec *until)
{
	static int other;
	enum { PRIVATE_U32 = FUTEX_32 | FUTEX_PRIVATE_FLAG };
	struct futex_waitv words[] = {{0, (uintptr_t)&other, PRIVATE_U32, 0}, {0, (uintptr_t)&word, PRIVATE_U32, 0}};
	return syscall(SYS_futex_waitv, words, 2, 0, until, CLOCK_MONOTONIC);
}

static void either_futex_is_woken(void)
{
	pthread_t thread = check_start(wake_soon, NULL);
	while (__atomic_load_n(&word, __ATOMIC_SEQ_CST) == 0) {
		long result = wait_for_either(NULL);
		CHECK(result == 1 || errno == EAGAIN || errno == ENOSYS);
	}
	check_join(thread);
}

static void either_futex_expires(void)
{
	struct timespec until = in_ms(CLOCK_MONOTONIC, EXPIRES_MS);
	long start = monotonic_ms();
	CHECK_EQ(wait_for_either(&until), -1);
	if (errno == ENOSYS)
		return;
	CHECK_EQ(errno, ETIMEDOUT);
	check_waited(start, EXPIRES_MS);
	word = 1;
	CHECK_ERRNO(wait_for_either(&until), EAGAIN);
}

static void lock(uint32_t *owner)
{
	uint32_t none = 0;
	if (!__atomic_compare_exchange_n(owner, &none, (uint32_t)gettid(), 0, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
		CHECK_OK((int)syscall(SYS_futex, owner, FUTEX_LOCK_PI_PRIVATE, 0, NULL, NULL, 0));
	CHECK_EQ(*owner & FUTEX_TID_MASK, gettid());
}

static void unlock(uint32_t *owner)
{
	uint32_t own = (uint32_t)gettid();
	if (!__atomic_compare_exchange_n(owner, &own, 0, 0, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
		CHECK_OK((int)syscall(SYS_futex, owner, FUTEX_UNLOCK_PI_PRIVATE, 0, NULL, NULL, 0));
}

static uint32_t owner;
static sem_t locked;

static void *hold_for_a_while(void *unused)
{
	lock(&owner);
	CHECK_OK(sem_post(&locked));
	sleep_ms(SOON_MS);
	unlock(&owner);
	return unused;
}

static void *take(void *unused)
{
	lock(&owner);
	unlock(&owner);
	return unused;
}

static void futex_names_its_owner(void)
{
	CHECK_OK(sem_init(&locked, 0, 0));
	pthread_t thread = check_start(hold_for_a_while, NULL);
	check_await(&locked);
	lock(&owner);
	CHECK_ERRNO(syscall(SYS_futex, &owner, FUTEX_LOCK_PI_PRIVATE, 0, NULL, NULL, 0), EDEADLK);
	pthread_t waiter = check_start(take, NULL);
	sleep_ms(SOON_MS);
	unlock(&owner);
	check_join(waiter);
	check_join(thread);
	CHECK_EQ(owner & FUTEX_TID_MASK, 0);
}

static void raw_read_waits(void)
{
	int ends[2];
	char byte;
	pipe_pair(ends);
	pid_t child = child_soon(write_byte, ends[0]);
	CHECK_EQ(syscall(SYS_read, ends[1], &byte, 1), 1);
	check_child_succeeds(child);
	CHECK_OK((int)syscall(SYS_close, ends[0]));
	CHECK_EQ(syscall(SYS_read, ends[1], &byte, 1), 0);
	CHECK_OK((int)syscall(SYS_close, ends[1]));
	CHECK_ERRNO(syscall(SYS_read, ends[1], &byte, 1), EBADF);
}

static void unknown_number_is_refused(void)
{
	CHECK_ERRNO(syscall(100000), ENOSYS);
}

CHECKS({"futex_is_woken", futex_is_woken, 0},
       {"futex_expires", futex_expires, SIGNAL_SAFE},
       {"either_futex_is_woken", either_futex_is_woken, 0},
       {"either_futex_expires", either_futex_expires, SIGNAL_SAFE},
       {"futex_names_its_owner", futex_names_its_owner, 0},
       {"raw_read_waits", raw_read_waits, SIGNAL_SAFE | FORKS},
       {"unknown_number_is_refused", unknown_number_is_refused, SIGNAL_SAFE});
