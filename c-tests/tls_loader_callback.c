/* A callback of dl_iterate_phdr, which runs under a lock of the loader, may create threads that create threads, and
 * may wait for others that do. */
#include "check.h"
#include <link.h>
#include <semaphore.h>

enum { THREADS = 20 };

static sem_t inside, leave;

static void *nothing(void *argument)
{
	return argument;
}

static void *create_another(void *argument)
{
	return check_join(check_start(nothing, argument));
}

static void create_some(void)
{
	pthread_t threads[THREADS];
	for (long i = 0; i < THREADS; i++)
		threads[i] = check_start(create_another, (void *)i);
	for (long i = 0; i < THREADS; i++)
		CHECK(check_join(threads[i]) == (void *)i);
}

static int creates(struct dl_phdr_info *info, size_t size, void *argument)
{
	(void)info, (void)size, (void)argument;
	create_some();
	return 1;
}

static int waits(struct dl_phdr_info *info, size_t size, void *argument)
{
	(void)info, (void)size, (void)argument;
	CHECK_OK(sem_post(&inside));
	CHECK_OK(sem_wait(&leave));
	return 1;
}

static void *iterate(void *callback)
{
	CHECK_EQ(dl_iterate_phdr((int (*)(struct dl_phdr_info *, size_t, void *))callback, NULL), 1);
	return NULL;
}

int main(void)
{
	CHECK_OK(sem_init(&inside, 0, 0));
	CHECK_OK(sem_init(&leave, 0, 0));
	/* The first threads of the process, and then those that take the places of ended ones. */
	for (int i = 0; i < 3; i++) {
		check_here_and_in_thread(iterate, creates);
	}
	pthread_t waiting = check_start(iterate, waits);
	CHECK_OK(sem_wait(&inside));
	create_some();
	CHECK_OK(sem_post(&leave));
	check_join(waiting);
	return 0;
}
