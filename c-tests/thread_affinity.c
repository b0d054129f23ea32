/* A thread may bind itself to a CPU, by itself or by its attributes: it runs there and goes on blocking, waking
 * and ending as a thread does, and the others stay free to run anywhere. */
#include "check.h"
#include <sched.h>
#include <semaphore.h>

enum { ROUNDS = 20 };

static cpu_set_t allowed;
static sem_t there, back;
static int first_cpu;

static void check_affinity_is(const cpu_set_t *expected)
{
	cpu_set_t own;
	CHECK_OK(pthread_getaffinity_np(pthread_self(), sizeof own, &own));
	CHECK(CPU_EQUAL(&own, expected));
	CHECK_OK(sched_getaffinity(0, sizeof own, &own));
	CHECK(CPU_EQUAL(&own, expected));
}

static cpu_set_t only_first(void)
{
	cpu_set_t set;
	CPU_ZERO(&set);
	CPU_SET(first_cpu, &set);
	return set;
}

static void play(void)
{
	cpu_set_t first = only_first();
	for (int i = 0; i < ROUNDS; i++) {
		CHECK_OK(sem_wait(&there));
		CHECK_EQ(sched_getcpu(), first_cpu);
		check_affinity_is(&first);
		usleep(100);
		CHECK_EQ(sched_getcpu(), first_cpu);
		CHECK_OK(sem_post(&back));
	}
}

static void *bind_then_play(void *by_pthread)
{
	cpu_set_t first = only_first();
	if (by_pthread)
		CHECK_OK(pthread_setaffinity_np(pthread_self(), sizeof first, &first));
	else
		CHECK_OK(sched_setaffinity(0, sizeof first, &first));
	play();
	return by_pthread;
}

static void *only_play(void *argument)
{
	play();
	return argument;
}

static void *check_unbound(void *argument)
{
	for (int i = 0; i < ROUNDS; i++) {
		check_affinity_is(&allowed);
		usleep(100);
	}
	return argument;
}

static void play_with(void *(*routine)(void *), const pthread_attr_t *attributes, void *argument)
{
	pthread_t player, other = check_start(check_unbound, NULL);
	CHECK_OK(pthread_create(&player, attributes, routine, argument));
	for (int i = 0; i < ROUNDS; i++) {
		CHECK_OK(sem_post(&there));
		CHECK_OK(sem_wait(&back));
	}
	CHECK(check_join(player) == argument);
	check_join(other);
	check_affinity_is(&allowed);
	check_join(check_start(check_unbound, NULL));
}

int main(void)
{
	CHECK_OK(sem_init(&there, 0, 0));
	CHECK_OK(sem_init(&back, 0, 0));
	CHECK_OK(sched_getaffinity(0, sizeof allowed, &allowed));
	while (!CPU_ISSET(first_cpu, &allowed))
		first_cpu++;
	play_with(bind_then_play, NULL, NULL);
	play_with(bind_then_play, NULL, &there);

	cpu_set_t first = only_first();
	pthread_attr_t attributes;
	CHECK_OK(pthread_attr_init(&attributes));
	CHECK_OK(pthread_attr_setaffinity_np(&attributes, sizeof first, &first));
	play_with(only_play, &attributes, &back);
	CHECK_OK(pthread_attr_destroy(&attributes));
	return 0;
}
