/* A handler that runs in the midst of pthread_cond_wait does not end it, and loses no wake-up: as glibc has it. */
#include "check.h"
#include <semaphore.h>

enum { SIGNALS = 200 };

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t cond = PTHREAD_COND_INITIALIZER, inner = PTHREAD_COND_INITIALIZER;
static sem_t waiting, entered, leave;
static int returned;

static void note(int signal_number)
{
	(void)signal_number;
	CHECK_OK(sem_post(&entered));
}

static void linger(int signal_number)
{
	note(signal_number);
	check_await(&leave);
}

static void wait_inside(int signal_number)
{
	static pthread_mutex_t own = PTHREAD_MUTEX_INITIALIZER;
	CHECK_OK(pthread_mutex_lock(&own));
	note(signal_number);
	CHECK_OK(pthread_cond_wait(&inner, &own));
	CHECK_OK(pthread_mutex_unlock(&own));
}

static void unlock(void *unused)
{
	(void)unused;
	CHECK_OK(pthread_mutex_unlock(&mutex));
}

/* One wait, without a look at what it is for. */
static void *wait_once(void *deadline)
{
	int result;
	CHECK_OK(pthread_mutex_lock(&mutex));
	pthread_cleanup_push(unlock, NULL);
	CHECK_OK(sem_post(&waiting));
	if (deadline)
		result = pthread_cond_timedwait(&cond, &mutex, deadline);
	else
		result = pthread_cond_wait(&cond, &mutex);
	returned++;
	pthread_cleanup_pop(1);
	return result ? PTHREAD_CANCELED - result : NULL;
}

static pthread_t start(struct timespec *deadline)
{
	pthread_t thread = check_start(wait_once, deadline);
	check_await(&waiting);
	/* It has let the mutex go. */
	CHECK_OK(pthread_mutex_lock(&mutex));
	CHECK_OK(pthread_mutex_unlock(&mutex));
	return thread;
}

static void interrupt(pthread_t thread, int signal_number)
{
	CHECK_OK(pthread_kill(thread, signal_number));
	check_await(&entered);
}

static int how_many_returned(void)
{
	CHECK_OK(pthread_mutex_lock(&mutex));
	int now = returned;
	CHECK_OK(pthread_mutex_unlock(&mutex));
	return now;
}

static void handlers_do_not_end_it(struct timespec *deadline)
{
	returned = 0;
	pthread_t thread = start(deadline);
	for (int i = 0; i < SIGNALS; i++) {
		interrupt(thread, SIGUSR1);
		if (i % 16 == 0)
			sleep_ms(1);
	}
	CHECK_EQ(how_many_returned(), 0);
	CHECK_OK(pthread_cond_signal(&cond));
	CHECK(check_join(thread) == NULL);
}

static void a_wake_up_during_the_handler_counts(int (*wake)(pthread_cond_t *))
{
	pthread_t thread = start(NULL);
	interrupt(thread, SIGUSR2);
	CHECK_OK(wake(&cond));
	CHECK_OK(sem_post(&leave));
	CHECK(check_join(thread) == NULL);
}

/* It goes to who can have it at once, and the next one to who cannot. */
static void another_one_goes_first(void)
{
	pthread_t late = start(NULL), soon = start(NULL);
	interrupt(late, SIGUSR2);
	CHECK_OK(pthread_cond_signal(&cond));
	CHECK(check_join(soon) == NULL);
	CHECK_OK(pthread_cond_signal(&cond));
	CHECK_OK(sem_post(&leave));
	CHECK(check_join(late) == NULL);
}

static void all_means_all(void)
{
	pthread_t late = start(NULL), soon = start(NULL);
	interrupt(late, SIGUSR2);
	CHECK_OK(pthread_cond_broadcast(&cond));
	CHECK(check_join(soon) == NULL);
	CHECK_OK(sem_post(&leave));
	CHECK(check_join(late) == NULL);
}

static void a_request_for_cancellation_ends_it(void)
{
	pthread_t thread = start(NULL);
	CHECK_OK(pthread_kill(thread, SIGUSR1));
	check_await(&entered);
	CHECK_OK(pthread_cancel(thread));
	CHECK(check_join(thread) == PTHREAD_CANCELED);
	CHECK_OK(pthread_mutex_lock(&mutex));
	CHECK_OK(pthread_mutex_unlock(&mutex));
}

static void its_time_goes_on(void)
{
	struct timespec deadline = in_ms(CLOCK_REALTIME, 20);
	pthread_t thread = start(&deadline);
	interrupt(thread, SIGUSR2);
	sleep_ms(30);
	CHECK_OK(sem_post(&leave));
	CHECK(check_join(thread) == PTHREAD_CANCELED - ETIMEDOUT);
}

/* POSIX has no place for this; it must not go wrong for all that. */
static void a_handler_waits_itself(void)
{
	pthread_t thread = start(NULL);
	interrupt(thread, SIGTERM);
	sleep_ms(1);
	interrupt(thread, SIGUSR1);
	for (int ended = 0; !ended;) {
		CHECK_OK(pthread_cond_signal(&inner));
		CHECK_OK(pthread_cond_signal(&cond));
		sleep_ms(1);
		ended = pthread_tryjoin_np(thread, NULL) == 0;
	}
}

/* Signals of both kinds at once: as many waits end as there were wake-ups, and no more threads wait. */
enum { WAITERS = 4, WAKE_UPS = 2000 };
static int tokens, taken;

static void *take_tokens(void *unused)
{
	CHECK_OK(pthread_mutex_lock(&mutex));
	while (taken < WAKE_UPS) {
		while (tokens == 0 && taken < WAKE_UPS)
			CHECK_OK(pthread_cond_wait(&cond, &mutex));
		if (tokens > 0) {
			tokens--;
			taken++;
		}
	}
	CHECK_OK(pthread_cond_broadcast(&cond));
	CHECK_OK(pthread_mutex_unlock(&mutex));
	return unused;
}

static void no_wake_up_is_lost(void)
{
	pthread_t threads[WAITERS];
	for (int i = 0; i < WAITERS; i++)
		threads[i] = check_start(take_tokens, NULL);
	for (int i = 0; i < WAKE_UPS; i++) {
		CHECK_OK(pthread_kill(threads[i % WAITERS], SIGUSR1));
		CHECK_OK(pthread_mutex_lock(&mutex));
		tokens++;
		CHECK_OK(pthread_cond_signal(&cond));
		CHECK_OK(pthread_mutex_unlock(&mutex));
	}
	for (int i = 0; i < WAITERS; i++)
		check_join(threads[i]);
}

int main(void)
{
	struct sigaction action = {.sa_handler = note};
	CHECK_OK(sigaction(SIGUSR1, &action, NULL));
	action.sa_handler = linger;
	CHECK_OK(sigaction(SIGUSR2, &action, NULL));
	action.sa_handler = wait_inside;
	CHECK_OK(sigaction(SIGTERM, &action, NULL));
	CHECK_OK(sem_init(&waiting, 0, 0));
	CHECK_OK(sem_init(&entered, 0, 0));
	CHECK_OK(sem_init(&leave, 0, 0));

	struct timespec late = in_ms(CLOCK_REALTIME, 1000L * WATCHDOG_SECONDS);
	handlers_do_not_end_it(NULL);
	handlers_do_not_end_it(&late);
	a_wake_up_during_the_handler_counts(pthread_cond_signal);
	a_wake_up_during_the_handler_counts(pthread_cond_broadcast);
	another_one_goes_first();
	all_means_all();
	a_request_for_cancellation_ends_it();
	its_time_goes_on();
	a_handler_waits_itself();
	no_wake_up_is_lost();
	CHECK_OK(pthread_cond_destroy(&cond));
	return 0;
}
