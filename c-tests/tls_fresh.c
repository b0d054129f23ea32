/* Thread-local variables start from their initial image in every thread, wave after wave, and stay private. */
#include "check.h"

enum { THREADS = 500, WAVES = 4, BIG = 3000 };

static __thread unsigned char zeroed[BIG];
static __thread int initialised[BIG / 4] = {11, 22, [100] = 33, [BIG / 4 - 1] = 44};
static __thread const char *pointer = "initial";
static _Thread_local struct {
	long aligned __attribute__((aligned(256)));
	double number;
} record = {.aligned = -1, .number = 2.5};

static pthread_barrier_t all_written;

static void check_initial(void)
{
	for (int i = 0; i < BIG; i++)
		CHECK_EQ(zeroed[i], 0);
	for (int i = 0; i < BIG / 4; i++)
		CHECK_EQ(initialised[i], i == 0 ? 11 : i == 1 ? 22 : i == 100 ? 33 : i == BIG / 4 - 1 ? 44 : 0);
	CHECK_EQ(strcmp(pointer, "initial"), 0);
	CHECK_EQ(record.aligned, -1);
	CHECK(record.number == 2.5);
	CHECK_EQ((unsigned long)&record % 256, 0);
}

static void *run(void *argument)
{
	int own = (int)(long)argument;
	check_initial();
	memset(zeroed, own, sizeof zeroed);
	for (int i = 0; i < BIG / 4; i++)
		initialised[i] = own * 7 + i;
	pointer = argument;
	record.aligned = own;
	record.number = own;
	pthread_barrier_wait(&all_written);
	for (int i = 0; i < BIG; i++)
		CHECK_EQ(zeroed[i], own & 0xff);
	for (int i = 0; i < BIG / 4; i++)
		CHECK_EQ(initialised[i], own * 7 + i);
	CHECK(pointer == argument && record.aligned == own && record.number == own);
	return NULL;
}

int main(int argc, char **argv)
{
	long threads = size_argument(argc, argv, 1, THREADS);
	pthread_t *ids = calloc((size_t)threads, sizeof *ids);
	CHECK(ids != NULL);
	CHECK_OK(pthread_barrier_init(&all_written, NULL, (unsigned)threads));
	check_initial();
	for (int wave = 0; wave < WAVES; wave++) {
		for (long i = 0; i < threads; i++)
			ids[i] = check_start(run, (void *)(i + 1));
		for (long i = 0; i < threads; i++)
			check_join(ids[i]);
	}
	check_initial();
	free(ids);
	return 0;
}
