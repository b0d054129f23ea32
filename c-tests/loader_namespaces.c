/* Who waits for the loader's locks is woken by whoever gives them back, also in another namespace, which has a libc of its
 * own. */
#include "beside.h"
#include <link.h>
#include <stdatomic.h>
#include <stdbool.h>

enum { HERE = 6, THERE = 2, ROUNDS = 40, FINDS = 200, TIME_US = 1000 };

static void (*take_time)(int);
static void (*find)(void);
static atomic_bool over;

static void *in_other(void *unused)
{
	for (int round = 0; round < ROUNDS; round++) {
		take_time(TIME_US);
		for (int i = 0; i < FINDS; i++)
			find();
	}
	return unused;
}

static int pass(struct dl_phdr_info *info, size_t size, void *unused)
{
	(void)info, (void)size, (void)unused;
	return 2;
}

static void *here(void *unused)
{
	Dl_info info;
	while (!over) {
		CHECK(dlsym(RTLD_DEFAULT, "no_such_symbol") == NULL);
		CHECK_EQ(dl_iterate_phdr(pass, NULL), 2);
		CHECK(dladdr((void *)pass, &info) != 0);
		sched_yield();
	}
	return unused;
}

static void check_together(bool later)
{
	pthread_t threads[HERE], others[THERE];
	for (int i = 0; later && i < HERE; i++)
		threads[i] = check_start(here, NULL);
	void *library = open_in(LM_ID_NEWLM, "namespace_library.so", RTLD_NOW);
	CHECK(library != NULL);
	*(void **)&take_time = dlsym(library, "take_time");
	*(void **)&find = dlsym(library, "find");
	CHECK(take_time && find);
	for (int i = 0; !later && i < HERE; i++)
		threads[i] = check_start(here, NULL);
	for (int i = 0; i < THERE; i++)
		others[i] = check_start(in_other, NULL);
	for (int i = 0; i < THERE; i++)
		check_join(others[i]);
	over = true;
	for (int i = 0; i < HERE; i++)
		check_join(threads[i]);
}

/* The other namespace is there before anybody waits. */
static void check_early(void)
{
	check_together(false);
}

/* It is made while many wait. */
static void check_late(void)
{
	check_together(true);
}

int main(void)
{
	check_in_a_child(check_early);
	check_in_a_child(check_late);
	return 0;
}
