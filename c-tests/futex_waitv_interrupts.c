/* futex_waitv among signals, cancellation, forks, filters of system calls: a handler ends it or, with SA_RESTART, does not, whether it has a time
 * limit or not; who leaves it in whatever way waits nowhere any more. */
#include "deny.h"
#include "futex_waitv.h"
#include "interrupt.h"

static uint32_t first, second;
static sem_t ready;

static void nobody_waits(void)
{
	CHECK_EQ(waiting_at(&first), 0);
	CHECK_EQ(waiting_at(&second), 0);
	CHECK_EQ(wake(&first, INT_MAX) + wake(&second, INT_MAX), 0);
}

static void *is_interrupted(void *until)
{
	struct futex_waitv words[2] = {at(&first, 0), at(&second, 0)};
	CHECK_ERRNO(wait_any(words, 2, until, CLOCK_MONOTONIC), EINTR);
	return NULL;
}

static void *goes_on(void *until)
{
	struct futex_waitv words[2] = {at(&first, 0), at(&second, 0)};
	CHECK_EQ(wait_any(words, 2, until, CLOCK_MONOTONIC), 1);
	return NULL;
}

static void *goes_on_until_then(void *until)
{
	struct futex_waitv words[2] = {at(&first, 0), at(&second, 0)};
	CHECK_ERRNO(wait_any(words, 2, until, CLOCK_MONOTONIC), ETIMEDOUT);
	return NULL;
}

static void handlers_end_it(void)
{
	struct timespec late = in_ms(CLOCK_MONOTONIC, 50000);
	handle_usr1(count_signal, 0);
	signal_until_over(check_start(is_interrupted, NULL));
	signal_until_over(check_start(is_interrupted, &late));
	nobody_waits();

	handle_usr1(count_signal, SA_RESTART);
	for (int is_limited = 0; is_limited < 2; is_limited++) {
		pthread_t thread = check_start(goes_on, is_limited ? &late : NULL);
		await_waiting_at(&second, 1);
		signal_often(thread);
		await_waiting_at(&second, 1);
		CHECK_EQ(wake(&second, INT_MAX), 1);
		check_join(thread);
	}
	struct timespec soon = in_ms(CLOCK_MONOTONIC, 60);
	signal_until_over(check_start(goes_on_until_then, &soon));
	CHECK(now_ns(CLOCK_MONOTONIC) >= soon.tv_sec * (long)NS_PER_S + soon.tv_nsec);
	nobody_waits();
}

/* It starts again with what its arguments lead to then. */
static struct futex_waitv changed[2];

static void change_words(int signal_number)
{
	(void)signal_number;
	changed[0] = at(&first, 1);
	handled++;
}

static void *finds_changed(void *unused)
{
	changed[0] = at(&first, 0);
	changed[1] = at(&second, 0);
	CHECK_ERRNO(wait_any(changed, 2, NULL, 0), EAGAIN);
	return unused;
}

static void starts_anew(void)
{
	handle_usr1(change_words, SA_RESTART);
	pthread_t thread = check_start(finds_changed, NULL);
	await_waiting_at(&second, 1);
	CHECK_OK(pthread_kill(thread, SIGUSR1));
	check_join(thread);
	nobody_waits();
}

static void *jumps_away(void *unused)
{
	uint32_t many[MOST_WORDS] = {0};
	struct futex_waitv words[MOST_WORDS];
	for (int i = 0; i < MOST_WORDS; i++)
		words[i] = at(i ? &many[i] : &first, 0);
	if (!sigsetjmp(away, 1)) {
		wait_any(words, MOST_WORDS, NULL, 0);
		CHECK(0);
	}
	nobody_waits();
	CHECK_OK(sem_post(&ready));
	words[1] = at(&second, 0);
	CHECK_EQ(wait_any(words, 2, NULL, 0), 1);
	return unused;
}

static void handlers_need_not_return(void)
{
	handle_usr1(jump_away, 0);
	pthread_t thread = check_start(jumps_away, NULL);
	await_waiting_at(&first, 1);
	CHECK_OK(pthread_kill(thread, SIGUSR1));
	check_await(&ready);
	await_waiting_at(&second, 1);
	CHECK_EQ(wake(&second, INT_MAX), 1);
	check_join(thread);
}

static void *is_cancelled_anywhere(void *unused)
{
	int kind;
	struct futex_waitv words[2] = {at(&first, 0), at(&second, 0)};
	CHECK_OK(pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, &kind));
	wait_any(words, 2, NULL, 0);
	CHECK(0);
	return unused;
}

static void *is_no_point(void *unused)
{
	struct futex_waitv words[2] = {at(&first, 0), at(&second, 0)};
	CHECK_EQ(wait_any(words, 2, NULL, 0), 0);
	CHECK_OK(sem_post(&ready));
	pthread_testcancel();
	CHECK(0);
	return unused;
}

static void cancellation(void)
{
	pthread_t thread = check_start(is_cancelled_anywhere, NULL);
	await_waiting_at(&second, 1);
	CHECK_OK(pthread_cancel(thread));
	CHECK(check_join(thread) == PTHREAD_CANCELED);
	nobody_waits();
	thread = check_start(is_no_point, NULL);
	await_waiting_at(&second, 1);
	CHECK_OK(pthread_cancel(thread));
	sleep_ms(20);
	CHECK_EQ(waiting_at(&second), 1);
	CHECK_EQ(wake(&first, 1), 1);
	check_await(&ready);
	CHECK(check_join(thread) == PTHREAD_CANCELED);
	nobody_waits();
}

/* A thread of the child's waits and is woken, and the parent's still waits. */
static void forks(void)
{
	pthread_t thread = check_start(goes_on, NULL);
	await_waiting_at(&second, 1);
	pid_t child = check_fork();
	if (child == 0) {
		struct timespec past = {1, 0};
		struct futex_waitv words[2] = {at(&first, 0), at(&second, 0)};
		nobody_waits();
		CHECK_ERRNO(wait_any(words, 2, &past, CLOCK_MONOTONIC), ETIMEDOUT);
		thread = check_start(goes_on, NULL);
		await_waiting_at(&second, 1);
		CHECK_EQ(wake(&second, INT_MAX), 1);
		check_join(thread);
		exit(0);
	}
	check_child_succeeds(child);
	CHECK_EQ(waiting_at(&second), 1);
	CHECK_EQ(wake(&second, INT_MAX), 1);
	check_join(thread);
}

static void *is_refused(void *unused)
{
	struct futex_waitv words[2] = {at(&first, 0), at(&second, 0)};
	CHECK_ERRNO(wait_any(words, 2, NULL, 0), EPERM);
	return unused;
}

static void may_be_denied(void)
{
	pid_t child = check_fork();
	if (child == 0) {
		static const int call = SYS_futex_waitv;
		deny(&call, 1, EPERM);
		check_join(check_start(is_refused, NULL));
		exit(0);
	}
	check_child_succeeds(child);
}

/* A kernel thread's own green thread. */
static void *waits_wired(void *unused)
{
	cpu_set_t all;
	CHECK_OK(sched_getaffinity(0, sizeof all, &all));
	CHECK_OK(sched_setaffinity(0, sizeof all, &all));
	goes_on(NULL);
	is_interrupted(NULL);
	return unused;
}

static void is_wired(void)
{
	handle_usr1(count_signal, 0);
	pthread_t thread = check_start(waits_wired, NULL);
	await_waiting_at(&second, 1);
	CHECK_EQ(wake(&second, INT_MAX), 1);
	signal_until_over(thread);
	nobody_waits();
}

int main(void)
{
	if (!is_there())
		return 0;
	CHECK_OK(sem_init(&ready, 0, 0));
	stay_on_one_cpu();
	handlers_end_it();
	starts_anew();
	handlers_need_not_return();
	cancellation();
	forks();
	is_wired();
	may_be_denied();
	return 0;
}
