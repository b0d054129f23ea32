/* C11 mtx_*, cnd_*, tss_* and call_once. */
#include "check.h"
#include <threads.h>

enum { THREADS = 8, ROUNDS = 2000 };

static mtx_t mutex;
static cnd_t condition;
static tss_t slot;
static once_flag once = ONCE_FLAG_INIT;
static int counter, initialisations, destroyed, turn;

static void initialise(void)
{
	sleep_ms(20);
	initialisations++;
}

static void destroy(void *value)
{
	CHECK(value != NULL);
	__atomic_add_fetch(&destroyed, 1, __ATOMIC_RELAXED);
}

static int count(void *argument)
{
	call_once(&once, initialise);
	CHECK_EQ(initialisations, 1);
	CHECK(tss_get(slot) == NULL);
	CHECK_EQ(tss_set(slot, &argument), thrd_success);
	for (int i = 0; i < ROUNDS; i++) {
		CHECK_EQ(mtx_lock(&mutex), thrd_success);
		counter++;
		CHECK_EQ(mtx_unlock(&mutex), thrd_success);
	}
	CHECK(tss_get(slot) == &argument);
	return 0;
}

static int take_turns(void *argument)
{
	int own = (int)(long)argument;
	CHECK_EQ(mtx_lock(&mutex), thrd_success);
	for (int i = 0; i < 100; i++) {
		while (turn % THREADS != own)
			CHECK_EQ(cnd_wait(&condition, &mutex), thrd_success);
		turn++;
		CHECK_EQ(cnd_broadcast(&condition), thrd_success);
	}
	CHECK_EQ(mtx_unlock(&mutex), thrd_success);
	return 0;
}

static int try_held_locks(void *timed)
{
	CHECK_EQ(mtx_trylock(&mutex), thrd_busy);
	CHECK_EQ(mtx_trylock(timed), thrd_busy);
	struct timespec deadline = in_ms(CLOCK_REALTIME, 30);
	CHECK_EQ(mtx_timedlock(timed, &deadline), thrd_timedout);
	CHECK(now_ns(CLOCK_REALTIME) >= deadline.tv_sec * (long)NS_PER_S + deadline.tv_nsec);
	return 0;
}

static void run_all(int (*routine)(void *))
{
	thrd_t threads[THREADS];
	for (long i = 0; i < THREADS; i++)
		CHECK_EQ(thrd_create(&threads[i], routine, (void *)i), thrd_success);
	for (int i = 0; i < THREADS; i++)
		CHECK_EQ(thrd_join(threads[i], NULL), thrd_success);
}

int main(void)
{
	CHECK_EQ(mtx_init(&mutex, mtx_plain), thrd_success);
	CHECK_EQ(cnd_init(&condition), thrd_success);
	CHECK_EQ(tss_create(&slot, destroy), thrd_success);
	run_all(count);
	CHECK_EQ(counter, THREADS * ROUNDS);
	CHECK_EQ(destroyed, THREADS);
	run_all(take_turns);
	CHECK_EQ(turn, THREADS * 100);

	mtx_t timed;
	CHECK_EQ(mtx_init(&timed, mtx_timed | mtx_recursive), thrd_success);
	CHECK_EQ(mtx_lock(&timed), thrd_success);
	CHECK_EQ(mtx_lock(&timed), thrd_success);
	CHECK_EQ(mtx_lock(&mutex), thrd_success);
	thrd_t thread;
	CHECK_EQ(thrd_create(&thread, try_held_locks, &timed), thrd_success);
	CHECK_EQ(thrd_join(thread, NULL), thrd_success);

	struct timespec deadline = in_ms(CLOCK_REALTIME, 30);
	CHECK_EQ(cnd_timedwait(&condition, &mutex, &deadline), thrd_timedout);
	CHECK(now_ns(CLOCK_REALTIME) >= deadline.tv_sec * (long)NS_PER_S + deadline.tv_nsec);
	CHECK_EQ(cnd_signal(&condition), thrd_success);
	CHECK_EQ(mtx_unlock(&mutex), thrd_success);
	CHECK_EQ(mtx_unlock(&timed), thrd_success);
	CHECK_EQ(mtx_unlock(&timed), thrd_success);
	mtx_destroy(&timed);
	mtx_destroy(&mutex);
	cnd_destroy(&condition);
	tss_delete(slot);
	return 0;
}
