/* Each thread runs its own routine with its own argument, once, and join hands back its own result. */
#include "check.h"

enum { THREADS = 500 };

static int runs[THREADS];
static pthread_t seen_self[THREADS];

static void *run(void *argument)
{
	long index = (long)argument;
	runs[index]++;
	seen_self[index] = pthread_self();
	return (void *)(index * 3);
}

static void *grandchild(void *argument)
{
	return (char *)argument + 1;
}

static void *child_that_creates(void *argument)
{
	return check_join(check_start(grandchild, argument));
}

int main(int argc, char **argv)
{
	long threads = size_argument(argc, argv, 1, THREADS);
	CHECK(threads <= THREADS);
	pthread_t ids[THREADS];
	for (long i = 0; i < threads; i++)
		ids[i] = check_start(run, (void *)i);
	/* Backwards, so that most are joined long after they ended. */
	for (long i = threads - 1; i >= 0; i--)
		CHECK_EQ((long)check_join(ids[i]), i * 3);
	for (long i = 0; i < threads; i++) {
		CHECK_EQ(runs[i], 1);
		CHECK(pthread_equal(seen_self[i], ids[i]));
	}

	/* join accepts no place for the result */
	CHECK_OK(pthread_join(check_start(run, NULL), NULL));

	/* threads create and join threads */
	CHECK_EQ((long)check_join(check_start(child_that_creates, (void *)41L)), 42);
	return 0;
}
