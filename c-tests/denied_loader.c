/* When no further kernel thread is to be had, who holds one of the loader's locks, in a library's constructor or in a callback
 * of dl_iterate_phdr, waits for others, who go on beside those that wait for the lock. */
#include "beside.h"
#include "denied_threads.h"
#include <link.h>
#include <stdatomic.h>

enum { WAITERS = 8, THREADS = WAITERS + 3 };

static sem_t held, let_go, gate;
static atomic_int begun;
static int from_pipe, in_callback, ends[2];

static void hold(void)
{
	char byte;
	CHECK_OK(sem_post(&held));
	if (from_pipe)
		CHECK_EQ(read(ends[0], &byte, 1), 1);
	else
		check_await(&let_go);
	usleep(1000);
}

void in_constructor(void);

void in_constructor(void)
{
	hold();
}

static int call(struct dl_phdr_info *info, size_t size, void *unused)
{
	(void)info, (void)size, (void)unused;
	hold();
	return 1;
}

static int pass(struct dl_phdr_info *info, size_t size, void *unused)
{
	(void)info, (void)size, (void)unused;
	return 2;
}

static void holder(void)
{
	if (in_callback)
		CHECK_EQ(dl_iterate_phdr(call, NULL), 1);
	else
		CHECK(open_beside("calling_library.so", RTLD_NOW) != NULL);
}

static void poster(void)
{
	check_await(&held);
	while (begun < WAITERS)
		usleep(500);
	usleep(5000);
	if (from_pipe)
		CHECK_EQ(write(ends[1], "", 1), 1);
	else
		CHECK_OK(sem_post(&let_go));
}

static void waiter(void)
{
	begun++;
	CHECK_EQ(dl_iterate_phdr(pass, NULL), 2);
	CHECK(dlsym(RTLD_DEFAULT, "no_such_symbol") == NULL);
}

static void sleeper(void)
{
	for (int i = 0; i < 5; i++)
		usleep(1000);
}

static void (*const routines[])(void) = {poster, holder, sleeper, waiter};

static void *gated(void *number)
{
	check_await(&gate);
	routines[(intptr_t)number < 3 ? (intptr_t)number : 3]();
	return NULL;
}

static void check(int (*refuse)(void))
{
	pthread_t threads[THREADS];
	CHECK_OK(sem_init(&held, 0, 0));
	CHECK_OK(sem_init(&let_go, 0, 0));
	CHECK_OK(sem_init(&gate, 0, 0));
	CHECK_OK(pipe(ends));
	for (intptr_t i = 0; i < THREADS; i++)
		threads[i] = check_start(gated, (void *)i);
	refuse();
	for (int i = 0; i < THREADS; i++)
		CHECK_OK(sem_post(&gate));
	for (int i = 0; i < THREADS; i++)
		check_join(threads[i]);
}

int main(void)
{
	for (in_callback = 0; in_callback < 2; in_callback++)
		for (from_pipe = 0; from_pipe < 2; from_pipe++)
			check_without_threads(check);
	return 0;
}
