/* Before the first pthread_create handlers may jump out of waits for locks of all kinds, or wait for some themselves;
 * the waits after that, and the threads, are as if nothing had been. */
#include "check.h"
#include <linux/futex.h>
#include <setjmp.h>
#include <sys/syscall.h>
#include <sys/time.h>

enum { ROUNDS = 20, LIMIT_MS = 30000 };

static sigjmp_buf out;
static volatile sig_atomic_t jumps, waits, handled, armed;
static sem_t empty, again;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER, held = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t never = PTHREAD_COND_INITIALIZER;
static pthread_rwlock_t read_by_us = PTHREAD_RWLOCK_INITIALIZER;

static void expire(int signal_number)
{
	(void)signal_number;
	handled++;
	if (waits) {
		struct timespec soon = in_ms(CLOCK_REALTIME, 1);
		CHECK_ERRNO(sem_timedwait(&again, &soon), ETIMEDOUT);
		soon = in_ms(CLOCK_REALTIME, 1);
		CHECK_EQ(pthread_rwlock_timedwrlock(&read_by_us, &soon), ETIMEDOUT);
	}
	if (jumps && armed) {
		armed = 0;
		siglongjmp(out, 1);
	}
}

static void wait_for_semaphore(void)
{
	while (sem_wait(&empty) == -1)
		CHECK_EQ(errno, EINTR);
}

static void wait_for_condition(void)
{
	struct timespec late = in_ms(CLOCK_REALTIME, LIMIT_MS);
	CHECK_OK(pthread_mutex_lock(&mutex));
	CHECK_EQ(pthread_cond_timedwait(&never, &mutex, &late), ETIMEDOUT);
}

static void wait_for_mutex(void)
{
	struct timespec late = in_ms(CLOCK_REALTIME, LIMIT_MS);
	CHECK_EQ(pthread_mutex_timedlock(&held, &late), ETIMEDOUT);
}

static void wait_to_write(void)
{
	struct timespec late = in_ms(CLOCK_REALTIME, LIMIT_MS);
	CHECK_EQ(pthread_rwlock_timedwrlock(&read_by_us, &late), ETIMEDOUT);
}

static void wait_at_word(void)
{
	int word = 0;
	while (syscall(SYS_futex, &word, FUTEX_WAIT_PRIVATE, 0, NULL) == -1)
		CHECK_EQ(errno, EINTR);
}

/* In a moment, and from then on: one signal alone may come before the wait that it is to end. */
static void set_timer(void)
{
	struct itimerval again_and_again = {.it_value.tv_usec = 1000, .it_interval.tv_usec = 20000};
	CHECK_OK(setitimer(ITIMER_REAL, &again_and_again, NULL));
}

static char state_of(pid_t process)
{
	char path[64], state = 0;
	snprintf(path, sizeof path, "/proc/%d/stat", process);
	FILE *status = fopen(path, "r");
	CHECK(status);
	CHECK_EQ(fscanf(status, "%*d (%*[^)]) %c", &state), 1);
	CHECK_OK(fclose(status));
	return state;
}

/* One signal, which a child sends as soon as we sleep. */
static pid_t interrupt_wait(void)
{
	pid_t process = getpid(), child = check_fork();
	if (child == 0) {
		while (state_of(process) != 'S')
			usleep(100);
		CHECK_OK(kill(process, SIGALRM));
		_exit(0);
	}
	return child;
}

static void jump_out(void (*wait)(void))
{
	for (volatile int round = 0; round < ROUNDS; round++) {
		if (sigsetjmp(out, 1) == 0) {
			armed = 1;
			set_timer();
			wait();
			CHECK(!"the wait has ended");
		}
	}
}

static void jump_out_of_all(void)
{
	jump_out(wait_for_semaphore);
	jump_out(wait_for_mutex);
	jump_out(wait_to_write);
	jump_out(wait_at_word);
}

static void *nothing(void *argument)
{
	return argument;
}

int main(void)
{
	struct sigaction action = {.sa_handler = expire};
	CHECK_OK(sem_init(&empty, 0, 0));
	CHECK_OK(sem_init(&again, 0, 0));
	CHECK_OK(pthread_mutex_lock(&held));
	CHECK_OK(pthread_rwlock_rdlock(&read_by_us));
	CHECK_OK(sigaction(SIGALRM, &action, NULL));

	/* Handlers that wait and return. */
	waits = 1;
	for (int round = 0; round < ROUNDS; round++) {
		int before = handled;
		pid_t child = interrupt_wait();
		CHECK_ERRNO(sem_wait(&empty), EINTR);
		CHECK_EQ(handled, before + 1);
		check_child_succeeds(child);
	}
	/* That jump, with and without that. */
	jumps = 1;
	jump_out_of_all();
	waits = 0;
	jump_out_of_all();
	/* What libc itself leaves of a wait on a condition variable is not for another one. */
	if (sigsetjmp(out, 1) == 0) {
		armed = 1;
		set_timer();
		wait_for_condition();
	}

	for (long i = 0; i < 3; i++)
		CHECK(check_join(check_start(nothing, (void *)i)) == (void *)i);
	jump_out_of_all();
	jumps = 0;
	int before = handled;
	set_timer();
	while (handled == before)
		pause();
	waits = 1;
	CHECK_ERRNO(sem_wait(&empty), EINTR);
	return 0;
}
