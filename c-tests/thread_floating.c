/* A thread begins with its creator's rounding mode and floating-point traps, and keeps its own wherever it waits. */
#include "check.h"
#include <fenv.h>

enum { THREADS = 20, ROUNDS = 5 };

static void check_mode(int rounding, int traps)
{
	for (int i = 0; i < ROUNDS; i++) {
		CHECK_EQ(fegetround(), rounding);
		CHECK_EQ(fegetexcept(), traps);
		usleep(200);
	}
}

struct mode {
	int rounding, traps;
};

static void *look(void *mode)
{
	const struct mode *expected = mode;
	check_mode(expected->rounding, expected->traps);
	return mode;
}

/* Some at once, so that stacks of earlier threads do not serve all. */
static void *change_and_create(void *mode)
{
	const struct mode *own = mode;
	pthread_t threads[THREADS];
	fesetround(own->rounding);
	fedisableexcept(FE_ALL_EXCEPT);
	feenableexcept(own->traps);
	for (int i = 0; i < THREADS; i++)
		threads[i] = check_start(look, mode);
	check_mode(own->rounding, own->traps);
	for (int i = 0; i < THREADS; i++)
		check_join(threads[i]);
	return mode;
}

int main(void)
{
	static struct mode plain = {FE_TONEAREST, 0}, up = {FE_UPWARD, FE_DIVBYZERO}, down = {FE_DOWNWARD, FE_INVALID};
	pthread_t first = check_start(change_and_create, &up);
	pthread_t second = check_start(change_and_create, &down);
	check_here_and_in_thread(look, &plain);
	check_join(first);
	check_join(second);
	look(&plain);
	change_and_create(&down);
	change_and_create(&plain);
	return 0;
}
