/* The kernel knows who holds a robust or priority-inheriting mutex that processes share: whether the thread that holds
 * it ends, its process ends, or is killed, the next owner learns of it, in whatever order threads and processes come. */
#include "check.h"
#include <sys/mman.h>

enum { THREADS = 4, ROUNDS = 200, MUTEXES = 3 };

static struct shared {
	pthread_mutex_t mutexes[MUTEXES];
	pthread_cond_t condition;
	int counter, held, died;
} *shared;

static void make(int robust, int protocol, int type)
{
	pthread_mutexattr_t attributes;
	pthread_condattr_t condition;
	shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	CHECK(shared != MAP_FAILED);
	CHECK_OK(pthread_mutexattr_init(&attributes));
	CHECK_OK(pthread_mutexattr_settype(&attributes, type));
	CHECK_OK(pthread_mutexattr_setrobust(&attributes, robust));
	CHECK_OK(pthread_mutexattr_setprotocol(&attributes, protocol));
	CHECK_OK(pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED));
	for (int i = 0; i < MUTEXES; i++)
		CHECK_OK(pthread_mutex_init(&shared->mutexes[i], &attributes));
	CHECK_OK(pthread_condattr_init(&condition));
	CHECK_OK(pthread_condattr_setpshared(&condition, PTHREAD_PROCESS_SHARED));
	CHECK_OK(pthread_cond_init(&shared->condition, &condition));
}

/* Whether the mutex was left behind by a dead owner, which is mended. */
static int lock(int which)
{
	int error = pthread_mutex_lock(&shared->mutexes[which]);
	if (error == EOWNERDEAD) {
		CHECK_OK(pthread_mutex_consistent(&shared->mutexes[which]));
		return 1;
	}
	CHECK_OK(error);
	return 0;
}

static void unlock(int which)
{
	CHECK_OK(pthread_mutex_unlock(&shared->mutexes[which]));
}

static void *count(void *unused)
{
	for (int i = 0; i < ROUNDS; i++) {
		lock(0);
		lock(1);
		int seen = shared->counter;
		if (i % 50 == 0)
			usleep(10);
		shared->counter = seen + 1;
		if (i % 2)
			unlock(1);
		unlock(0);
		if (i % 2 == 0)
			unlock(1);
		sched_yield();
	}
	return unused;
}

static void threads_and_processes_exclude_each_other(void)
{
	shared->counter = 0;
	pid_t pid = check_fork();
	pthread_t threads[THREADS];
	for (int i = 0; i < THREADS; i++)
		threads[i] = check_start(count, NULL);
	for (int i = 0; i < THREADS; i++)
		check_join(threads[i]);
	if (pid == 0)
		_exit(0);
	check_child_succeeds(pid);
	CHECK_EQ(shared->counter, 2 * THREADS * ROUNDS);
}

static void *take_turns(void *own)
{
	lock(0);
	for (int i = 0; i < 50; i++) {
		while (shared->counter % 2 != (long)own)
			CHECK_OK(pthread_cond_wait(&shared->condition, &shared->mutexes[0]));
		shared->counter++;
		CHECK_OK(pthread_cond_signal(&shared->condition));
	}
	unlock(0);
	return NULL;
}

static void a_condition_variable_goes_with_it(void)
{
	shared->counter = 0;
	pid_t pid = check_fork();
	check_join(check_start(take_turns, (void *)(long)(pid == 0)));
	if (pid == 0)
		_exit(0);
	check_child_succeeds(pid);
	CHECK_EQ(shared->counter, 100);
}

static void take_another(int signal)
{
	CHECK_EQ(signal, SIGUSR1);
	lock(1);
	unlock(1);
	__atomic_add_fetch(&shared->held, 1, __ATOMIC_RELEASE);
}

static void *wait_through_handlers(void *unused)
{
	lock(0);
	shared->counter = 1;
	while (shared->counter)
		CHECK_OK(pthread_cond_wait(&shared->condition, &shared->mutexes[0]));
	unlock(0);
	return unused;
}

/* A handler takes one and gives it back, while its thread waits to be told, or for another one. */
static void handlers_may_take_others(void)
{
	CHECK(signal(SIGUSR1, take_another) != SIG_ERR);
	shared->counter = shared->held = 0;
	pthread_t waiter = check_start(wait_through_handlers, NULL);
	for (int told = 0; !told;) {
		sleep_ms(1);
		lock(0);
		told = shared->counter;
		unlock(0);
	}
	for (int i = 0; i < 3; i++) {
		CHECK_OK(pthread_kill(waiter, SIGUSR1));
		while (__atomic_load_n(&shared->held, __ATOMIC_ACQUIRE) <= i)
			sleep_ms(1);
	}
	lock(0);
	shared->counter = 0;
	CHECK_OK(pthread_cond_signal(&shared->condition));
	/* It waits for the mutex now, or will. */
	CHECK_OK(pthread_kill(waiter, SIGUSR1));
	while (__atomic_load_n(&shared->held, __ATOMIC_ACQUIRE) <= 3)
		sleep_ms(1);
	unlock(0);
	check_join(waiter);
}

static void *hold_all(void *unused)
{
	for (int i = 0; i < MUTEXES; i++)
		lock(i);
	__atomic_add_fetch(&shared->held, 1, __ATOMIC_RELEASE);
	return unused;
}

static void *hold_all_for_ever(void *unused)
{
	hold_all(unused);
	while (shared->held)
		pause();
	return unused;
}

static void *be_next(void *unused)
{
	for (int i = 0; i < MUTEXES; i++) {
		__atomic_add_fetch(&shared->died, lock(i), __ATOMIC_RELAXED);
		unlock(i);
	}
	return unused;
}

static void await_holder(void)
{
	while (!__atomic_load_n(&shared->held, __ATOMIC_ACQUIRE))
		sleep_ms(1);
}

static void the_next_owner_learns_of_a_thread_that_ends(void)
{
	shared->held = shared->died = 0;
	check_join(check_start(hold_all, NULL));
	for (int i = 0; i < MUTEXES; i++) {
		CHECK_EQ(pthread_mutex_trylock(&shared->mutexes[i]), EOWNERDEAD);
		CHECK_OK(pthread_mutex_consistent(&shared->mutexes[i]));
		unlock(i);
	}
}

static void *hold_until_waited_for(void *unused)
{
	hold_all(unused);
	sleep_ms(20);
	return NULL;
}

static void one_that_waits_learns_of_a_thread_that_ends(void)
{
	shared->held = shared->died = 0;
	pthread_t holder = check_start(hold_until_waited_for, NULL);
	await_holder();
	pthread_t next = check_start(be_next, NULL);
	check_join(holder);
	check_join(next);
	CHECK_EQ(shared->died, MUTEXES);
}

static void the_next_owner_learns_of_a_process_that_is_killed(void)
{
	shared->held = shared->died = 0;
	pid_t pid = check_fork();
	if (pid == 0) {
		check_start(hold_all_for_ever, NULL);
		pause();
	}
	await_holder();
	pthread_t next = check_start(be_next, NULL);
	sleep_ms(10);
	CHECK_OK(kill(pid, SIGKILL));
	check_join(next);
	CHECK_EQ(shared->died, MUTEXES);
	int status;
	CHECK_EQ(waitpid(pid, &status, 0), pid);
}

static void *hold_and_release(void *unused)
{
	hold_all(unused);
	for (int i = 0; i < MUTEXES; i++)
		unlock(i);
	/* What it has held it holds no more, wherever it goes on. */
	sleep_ms(1);
	return NULL;
}

static void what_was_taken_before_there_were_threads_is_held(void)
{
	make(PTHREAD_MUTEX_ROBUST, PTHREAD_PRIO_INHERIT, PTHREAD_MUTEX_RECURSIVE);
	lock(0);
	lock(0);
	shared->died = 0;
	pthread_t next = check_start(be_next, NULL);
	sleep_ms(5);
	CHECK_EQ(__atomic_load_n(&shared->died, __ATOMIC_RELAXED), 0);
	unlock(0);
	unlock(0);
	check_join(next);
	CHECK_EQ(shared->died, 0);
}

int main(void)
{
	what_was_taken_before_there_were_threads_is_held();
	const int robust[] = {PTHREAD_MUTEX_ROBUST, PTHREAD_MUTEX_ROBUST, PTHREAD_MUTEX_STALLED};
	const int protocols[] = {PTHREAD_PRIO_NONE, PTHREAD_PRIO_INHERIT, PTHREAD_PRIO_INHERIT};
	const int types[] = {PTHREAD_MUTEX_NORMAL, PTHREAD_MUTEX_RECURSIVE, PTHREAD_MUTEX_ERRORCHECK};
	for (int i = 0; i < 3; i++) {
		make(robust[i], protocols[i], types[i]);
		check_join(check_start(hold_and_release, NULL));
		threads_and_processes_exclude_each_other();
		a_condition_variable_goes_with_it();
		handlers_may_take_others();
		if (robust[i] != PTHREAD_MUTEX_ROBUST)
			continue;
		the_next_owner_learns_of_a_thread_that_ends();
		one_that_waits_learns_of_a_thread_that_ends();
		the_next_owner_learns_of_a_process_that_is_killed();
	}
	return 0;
}
