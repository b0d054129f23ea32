/* pthread_atfork handlers run in order in parent and child of any thread's fork, with the lock that they guard;
 * a mutex held by another thread stays held in the child; exit in a forked child runs its handlers once. */
#include "check.h"

enum { USERS = 8, FORKS = 50 };

static char trace[8];
static pthread_mutex_t guarded = PTHREAD_MUTEX_INITIALIZER;
static int stop;

static void note(char letter)
{
	trace[strlen(trace)] = letter;
}

static void prepare_first(void)
{
	CHECK_OK(pthread_mutex_lock(&guarded));
	note('1');
}

static void prepare_second(void)
{
	note('2');
}

static void parent_first(void)
{
	note('3');
	CHECK_OK(pthread_mutex_unlock(&guarded));
}

static void parent_second(void)
{
	note('4');
}

static void child_first(void)
{
	note('5');
	CHECK_OK(pthread_mutex_unlock(&guarded));
}

static void child_second(void)
{
	note('6');
}

static void *use_guarded(void *unused)
{
	while (!__atomic_load_n(&stop, __ATOMIC_RELAXED)) {
		CHECK_OK(pthread_mutex_lock(&guarded));
		sched_yield();
		CHECK_OK(pthread_mutex_unlock(&guarded));
		usleep(10);
	}
	return unused;
}

static void *fork_and_check(void *unused)
{
	for (int i = 0; i < 5; i++) {
		memset(trace, 0, sizeof trace);
		pid_t pid = check_fork();
		if (pid == 0) {
			CHECK_EQ(strcmp(trace, "2156"), 0);
			CHECK_OK(pthread_mutex_lock(&guarded));
			CHECK_OK(pthread_mutex_unlock(&guarded));
			_exit(0);
		}
		CHECK_EQ(strcmp(trace, "2134"), 0);
		check_child_succeeds(pid);
	}
	return unused;
}

/* Many want the lock, so that it is contended, and may be handed over, when the child's handler unlocks it. */
static void *fork_under_contention(void *unused)
{
	for (int i = 0; i < FORKS; i++) {
		memset(trace, 0, sizeof trace);
		pid_t pid = check_fork();
		if (pid == 0) {
			CHECK_OK(pthread_mutex_lock(&guarded));
			CHECK_OK(pthread_mutex_unlock(&guarded));
			_exit(0);
		}
		check_child_succeeds(pid);
	}
	return unused;
}

static pthread_mutex_t held = PTHREAD_MUTEX_INITIALIZER;

static void *fork_while_held(void *unused)
{
	pid_t pid = check_fork();
	if (pid == 0) {
		CHECK_EQ(pthread_mutex_trylock(&held), EBUSY);
		struct timespec soon = in_ms(CLOCK_REALTIME, 20);
		CHECK_EQ(pthread_mutex_timedlock(&held, &soon), ETIMEDOUT);
		exit(0);
	}
	check_child_succeeds(pid);
	return unused;
}

int main(void)
{
	CHECK_OK(pthread_atfork(prepare_first, parent_first, child_first));
	CHECK_OK(pthread_atfork(prepare_second, parent_second, child_second));
	pthread_t users[USERS];
	users[0] = check_start(use_guarded, NULL);
	check_here_and_in_thread(fork_and_check, NULL);
	for (int i = 1; i < USERS; i++)
		users[i] = check_start(use_guarded, NULL);
	check_here_and_in_thread(fork_under_contention, NULL);
	__atomic_store_n(&stop, 1, __ATOMIC_RELAXED);
	for (int i = 0; i < USERS; i++)
		check_join(users[i]);

	CHECK_OK(pthread_mutex_lock(&held));
	check_join(check_start(fork_while_held, NULL));
	CHECK_OK(pthread_mutex_unlock(&held));
	return 0;
}
