/* Thread-specific data: private and NULL at first in every thread, destructors run with the value, again while
 * they set new values (PTHREAD_DESTRUCTOR_ITERATIONS rounds at most), and not for deleted keys or NULL. */
#include "check.h"
#include <limits.h>

enum { THREADS = 500, WAVES = 3 };

static pthread_key_t plain, counted, stubborn, revived;
static int plain_destroyed, stubborn_rounds, revived_rounds;
static pthread_barrier_t all_written;

static void destroy_plain(void *value)
{
	/* the key's value is NULL while its destructor runs */
	CHECK(pthread_getspecific(plain) == NULL);
	CHECK(value != NULL);
	__atomic_add_fetch(&plain_destroyed, 1, __ATOMIC_RELAXED);
}

static void destroy_counted(void *value)
{
	long rounds_left = (long)value;
	__atomic_add_fetch(&revived_rounds, 1, __ATOMIC_RELAXED);
	if (rounds_left > 1)
		CHECK_OK(pthread_setspecific(counted, (void *)(rounds_left - 1)));
}

static void destroy_stubborn(void *value)
{
	__atomic_add_fetch(&stubborn_rounds, 1, __ATOMIC_RELAXED);
	CHECK_OK(pthread_setspecific(stubborn, value));
}

static void *run(void *argument)
{
	CHECK(pthread_getspecific(plain) == NULL);
	CHECK_OK(pthread_setspecific(plain, argument));
	pthread_barrier_wait(&all_written);
	CHECK(pthread_getspecific(plain) == argument);
	return NULL;
}

static void *set_counted(void *rounds)
{
	CHECK(pthread_getspecific(counted) == NULL);
	CHECK_OK(pthread_setspecific(counted, rounds));
	return NULL;
}

static void *set_stubborn(void *value)
{
	CHECK(pthread_getspecific(stubborn) == NULL);
	CHECK_OK(pthread_setspecific(stubborn, value));
	return NULL;
}

static void *set_revived(void *value)
{
	CHECK(pthread_getspecific(revived) == NULL);
	CHECK_OK(pthread_setspecific(revived, value));
	return NULL;
}

static void values_are_private_and_destroyed(long threads)
{
	pthread_t *ids = calloc((size_t)threads, sizeof *ids);
	CHECK(ids != NULL);
	CHECK_OK(pthread_barrier_init(&all_written, NULL, (unsigned)threads));
	for (int wave = 0; wave < WAVES; wave++) {
		for (long i = 0; i < threads; i++)
			ids[i] = check_start(run, (void *)(i + 1));
		for (long i = 0; i < threads; i++)
			check_join(ids[i]);
		CHECK_EQ(plain_destroyed, threads * (wave + 1));
	}
	free(ids);
}

static void destructors_run_in_rounds(void)
{
	check_join(check_start(set_counted, (void *)3L));
	CHECK_EQ(revived_rounds, 3);
	check_join(check_start(set_counted, NULL));
	CHECK_EQ(revived_rounds, 3);
	for (int i = 1; i <= 20; i++) {
		check_join(check_start(set_stubborn, &stubborn));
		CHECK_EQ(stubborn_rounds, i * PTHREAD_DESTRUCTOR_ITERATIONS);
	}
}

static void a_recreated_key_is_fresh(void)
{
	CHECK_OK(pthread_key_create(&revived, NULL));
	CHECK_OK(pthread_setspecific(revived, "main"));
	check_join(check_start(set_revived, "left behind"));
	CHECK_OK(pthread_key_delete(revived));
	CHECK_EQ(pthread_setspecific(revived, "deleted"), EINVAL);
	CHECK_EQ(pthread_key_delete(revived), EINVAL);
	CHECK_OK(pthread_key_create(&revived, NULL));
	CHECK(pthread_getspecific(revived) == NULL);
	check_join(check_start(set_revived, "again"));
	CHECK_OK(pthread_key_delete(revived));
}

static void keys_run_out_with_eagain(void)
{
	static pthread_key_t keys[PTHREAD_KEYS_MAX + 1];
	int created = 0, error;
	while ((error = pthread_key_create(&keys[created], NULL)) == 0) {
		created++;
		CHECK(created <= PTHREAD_KEYS_MAX);
		CHECK_OK(pthread_setspecific(keys[created - 1], &keys[created - 1]));
	}
	CHECK_EQ(error, EAGAIN);
	/* POSIX promises a program at least 128 keys, and nobody may have taken most of them before. */
	CHECK(created >= PTHREAD_KEYS_MAX - 64);
	for (int i = 0; i < created; i++) {
		CHECK(pthread_getspecific(keys[i]) == &keys[i]);
		CHECK_OK(pthread_key_delete(keys[i]));
	}
}

int main(int argc, char **argv)
{
	CHECK_OK(pthread_key_create(&plain, destroy_plain));
	CHECK_OK(pthread_key_create(&counted, destroy_counted));
	CHECK_OK(pthread_key_create(&stubborn, destroy_stubborn));
	values_are_private_and_destroyed(size_argument(argc, argv, 1, THREADS));
	destructors_run_in_rounds();
	a_recreated_key_is_fresh();
	keys_run_out_with_eagain();
	return 0;
}
