/* Barriers and spin locks. */
#include "states.h"

enum { PARTIES = 4 };

static pthread_barrier_t barrier;
static pthread_spinlock_t spin;
static int arrived, serial;

static void *arrive(void *unused)
{
	__atomic_fetch_add(&arrived, 1, __ATOMIC_SEQ_CST);
	int result = pthread_barrier_wait(&barrier);
	CHECK_EQ(__atomic_load_n(&arrived, __ATOMIC_SEQ_CST), PARTIES);
	CHECK(result == 0 || result == PTHREAD_BARRIER_SERIAL_THREAD);
	if (result != 0)
		__atomic_fetch_add(&serial, 1, __ATOMIC_SEQ_CST);
	return unused;
}

static void all_meet(void)
{
	pthread_t threads[PARTIES - 1];
	CHECK_OK(pthread_barrier_init(&barrier, NULL, PARTIES));
	for (int i = 0; i < PARTIES - 1; i++)
		threads[i] = check_start(arrive, NULL);
	arrive(NULL);
	for (int i = 0; i < PARTIES - 1; i++)
		check_join(threads[i]);
	CHECK_EQ(serial, 1);
	CHECK_OK(pthread_barrier_destroy(&barrier));
}

static void one_party_does_not_wait(void)
{
	CHECK_OK(pthread_barrier_init(&barrier, NULL, 1));
	CHECK_EQ(pthread_barrier_wait(&barrier), PTHREAD_BARRIER_SERIAL_THREAD);
	CHECK_OK(pthread_barrier_destroy(&barrier));
	CHECK_EQ(pthread_barrier_init(&barrier, NULL, 0), EINVAL);
}

static void *hold_spinning(void *unused)
{
	CHECK_OK(pthread_spin_lock(&spin));
	__atomic_store_n(&arrived, 1, __ATOMIC_RELEASE);
	while (__atomic_load_n(&arrived, __ATOMIC_ACQUIRE) == 1)
		sleep_ms(1);
	sleep_ms(SOON_MS);
	CHECK_OK(pthread_spin_unlock(&spin));
	return unused;
}

static void spin_lock_waits_for_the_holder(void)
{
	CHECK_OK(pthread_spin_init(&spin, PTHREAD_PROCESS_PRIVATE));
	pthread_t thread = check_start(hold_spinning, NULL);
	while (!__atomic_load_n(&arrived, __ATOMIC_ACQUIRE))
		sleep_ms(1);
	CHECK_EQ(pthread_spin_trylock(&spin), EBUSY);
	__atomic_store_n(&arrived, 2, __ATOMIC_RELEASE);
	CHECK_OK(pthread_spin_lock(&spin));
	CHECK_OK(pthread_spin_unlock(&spin));
	check_join(thread);
}

CHECKS({"all_meet", all_meet, 0},
       {"one_party_does_not_wait", one_party_does_not_wait, 0},
       {"spin_lock_waits_for_the_holder", spin_lock_waits_for_the_holder, 0});
