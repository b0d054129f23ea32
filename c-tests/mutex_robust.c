/* Robust mutexes: the death of the owner, thread or process, is EOWNERDEAD for the next one, who can make the
 * mutex consistent, or leaves it ENOTRECOVERABLE. */
#include "check.h"
#include <sys/mman.h>

static pthread_mutex_t *new_robust(int pshared)
{
	pthread_mutex_t *mutex = mmap(NULL, sizeof *mutex, PROT_READ | PROT_WRITE,
				      (pshared ? MAP_SHARED : MAP_PRIVATE) | MAP_ANONYMOUS, -1, 0);
	CHECK(mutex != MAP_FAILED);
	pthread_mutexattr_t attributes;
	int robust = -1;
	CHECK_OK(pthread_mutexattr_init(&attributes));
	CHECK_OK(pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST));
	CHECK_OK(pthread_mutexattr_getrobust(&attributes, &robust));
	CHECK_EQ(robust, PTHREAD_MUTEX_ROBUST);
	if (pshared)
		CHECK_OK(pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED));
	CHECK_OK(pthread_mutex_init(mutex, &attributes));
	CHECK_OK(pthread_mutexattr_destroy(&attributes));
	return mutex;
}

static void *lock_and_end(void *mutex)
{
	CHECK_OK(pthread_mutex_lock(mutex));
	sched_yield();
	return NULL;
}

static void *lock_sleep_and_end(void *mutex)
{
	CHECK_OK(pthread_mutex_lock(mutex));
	sleep_ms(20);
	return NULL;
}

static void let_thread_die(pthread_mutex_t *mutex)
{
	check_join(check_start(lock_and_end, mutex));
}

static void let_process_die(pthread_mutex_t *mutex)
{
	pid_t pid = check_fork();
	if (pid == 0) {
		CHECK_OK(pthread_mutex_lock(mutex));
		_exit(0);
	}
	check_child_succeeds(pid);
}

static void check_recovery(pthread_mutex_t *mutex, void (*let_owner_die)(pthread_mutex_t *))
{
	CHECK_EQ(pthread_mutex_consistent(mutex), EINVAL);
	let_owner_die(mutex);
	CHECK_EQ(pthread_mutex_lock(mutex), EOWNERDEAD);
	CHECK_OK(pthread_mutex_consistent(mutex));
	CHECK_OK(pthread_mutex_unlock(mutex));
	CHECK_OK(pthread_mutex_lock(mutex));
	CHECK_OK(pthread_mutex_unlock(mutex));

	let_owner_die(mutex);
	CHECK_EQ(pthread_mutex_trylock(mutex), EOWNERDEAD);
	CHECK_OK(pthread_mutex_unlock(mutex));
	CHECK_EQ(pthread_mutex_lock(mutex), ENOTRECOVERABLE);
	CHECK_EQ(pthread_mutex_trylock(mutex), ENOTRECOVERABLE);
	CHECK_OK(pthread_mutex_destroy(mutex));
}

static void a_waiter_is_woken_by_the_death(void)
{
	pthread_mutex_t *mutex = new_robust(0);
	pthread_t owner = check_start(lock_sleep_and_end, mutex);
	int error;
	/* Until the owner has it, this thread may. */
	while ((error = pthread_mutex_lock(mutex)) == 0) {
		CHECK_OK(pthread_mutex_unlock(mutex));
		sched_yield();
	}
	CHECK_EQ(error, EOWNERDEAD);
	CHECK_OK(pthread_mutex_consistent(mutex));
	CHECK_OK(pthread_mutex_unlock(mutex));
	check_join(owner);
}

int main(void)
{
	check_recovery(new_robust(0), let_thread_die);
	check_recovery(new_robust(1), let_thread_die);
	check_recovery(new_robust(1), let_process_die);
	a_waiter_is_woken_by_the_death();
	return 0;
}
