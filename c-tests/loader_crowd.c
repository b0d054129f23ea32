/* Who waits for the loader's locks parks: a library's constructor, or a callback of dl_iterate_phdr, takes its time, and many
 * others want to look for something meanwhile. */
#include "beside.h"
#include <link.h>
#include <stdatomic.h>

enum { CROWD = 100, MOMENT_MS = 100 };

static atomic_int begun, done;
static sem_t held;
static long tasks;

static void take_time(void)
{
	CHECK_OK(sem_post(&held));
	while (begun < CROWD)
		usleep(1000);
	usleep(MOMENT_MS * 1000);
	CHECK_EQ(done, 0);
	long now = check_kernel_threads();
	if (now > tasks)
		tasks = now;
}

void in_constructor(void);

void in_constructor(void)
{
	take_time();
}

static void *open_library(void *unused)
{
	CHECK(open_beside("calling_library.so", RTLD_NOW) != NULL);
	return unused;
}

static int call(struct dl_phdr_info *info, size_t size, void *unused)
{
	(void)info, (void)size, (void)unused;
	take_time();
	return 1;
}

static void *look_at_all(void *unused)
{
	CHECK_EQ(dl_iterate_phdr(call, NULL), 1);
	return unused;
}

static void *find(void *number)
{
	begun++;
	switch ((intptr_t)number % 3) {
	case 0:
		CHECK(dlsym(RTLD_DEFAULT, "no_such_symbol") == NULL);
		break;
	case 1:
		CHECK(dlopen("no-such-library.so", RTLD_NOW) == NULL);
		break;
	default: {
		Dl_info info;
		CHECK(dladdr((void *)pthread_create, &info) != 0);
	}
	}
	done++;
	return NULL;
}

static int pass(struct dl_phdr_info *info, size_t size, void *unused)
{
	(void)info, (void)size, (void)unused;
	return 2;
}

static void *look_at_first(void *unused)
{
	begun++;
	CHECK_EQ(dl_iterate_phdr(pass, NULL), 2);
	done++;
	return unused;
}

static void crowd_behind(void *(*hold)(void *), void *(*want)(void *))
{
	pthread_t crowd[CROWD];
	begun = done = 0;
	pthread_t holder = check_start(hold, NULL);
	check_await(&held);
	for (intptr_t i = 0; i < CROWD; i++)
		crowd[i] = check_start(want, (void *)i);
	check_join(holder);
	for (int i = 0; i < CROWD; i++)
		check_join(crowd[i]);
	CHECK_EQ(done, CROWD);
}

int main(void)
{
	CHECK_OK(sem_init(&held, 0, 0));
	crowd_behind(open_library, find);
	crowd_behind(look_at_all, look_at_first);
	printf("tasks=%ld\n", tasks);
	return 0;
}
