/* No wake-up is lost: many producers and consumers pass every item through a tiny bounded queue, with signal,
 * broadcast, waits without deadline and waits that often expire. */
#include "check.h"

enum { PRODUCERS = 12, CONSUMERS = 12, ITEMS = 2500, CAPACITY = 3 };

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t not_empty = PTHREAD_COND_INITIALIZER;
static pthread_cond_t not_full = PTHREAD_COND_INITIALIZER;
static long queue[CAPACITY], items;
static int length, first;
static long long produced_sum, consumed_sum;

/* Each thread waits its own way; a deadline in between costs a wake-up now and then but must lose none. */
static void wait_on(pthread_cond_t *condition, long way)
{
	if (way % 3 != 0) {
		CHECK_OK(pthread_cond_wait(condition, &mutex));
		return;
	}
	struct timespec deadline = in_ms(CLOCK_REALTIME, 1);
	int error = pthread_cond_timedwait(condition, &mutex, &deadline);
	CHECK(error == 0 || error == ETIMEDOUT);
}

static void *produce(void *argument)
{
	long own = (long)argument;
	for (long i = 0; i < items; i++) {
		CHECK_OK(pthread_mutex_lock(&mutex));
		while (length == CAPACITY)
			wait_on(&not_full, own);
		queue[(first + length++) % CAPACITY] = own * items + i;
		produced_sum += own * items + i;
		CHECK_OK(i % 7 ? pthread_cond_signal(&not_empty) : pthread_cond_broadcast(&not_empty));
		CHECK_OK(pthread_mutex_unlock(&mutex));
	}
	return NULL;
}

static void *consume(void *argument)
{
	long own = (long)argument;
	for (long i = 0; i < items * PRODUCERS / CONSUMERS; i++) {
		CHECK_OK(pthread_mutex_lock(&mutex));
		while (length == 0)
			wait_on(&not_empty, own);
		consumed_sum += queue[first];
		first = (first + 1) % CAPACITY;
		length--;
		CHECK(length >= 0 && length < CAPACITY);
		CHECK_OK(pthread_mutex_unlock(&mutex));
		CHECK_OK(pthread_cond_signal(&not_full));
	}
	return NULL;
}

int main(int argc, char **argv)
{
	items = size_argument(argc, argv, 1, ITEMS);
	pthread_t threads[PRODUCERS + CONSUMERS];
	for (long i = 0; i < PRODUCERS + CONSUMERS; i++)
		threads[i] = check_start(i % 2 ? produce : consume, (void *)(i / 2));
	for (int i = 0; i < PRODUCERS + CONSUMERS; i++)
		check_join(threads[i]);
	CHECK_EQ(length, 0);
	CHECK(produced_sum == consumed_sum);
	return 0;
}
