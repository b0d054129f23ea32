/* Who holds one of the loader's locks may wait for a thread that does not want it: that goes on, whoever else waits for
 * that lock with another one, which is taken for every kernel thread that is created. */
#include "beside.h"
#include <link.h>
#include <stdatomic.h>
#include <stdbool.h>

enum { QUESTIONS = 3 };

static sem_t begun, question, answer;
static atomic_bool opens;
static int wait_ms;

static int ask(struct dl_phdr_info *info, size_t size, void *unused)
{
	(void)info, (void)size, (void)unused;
	CHECK_OK(sem_post(&begun));
	/* Computes, so that who wants to open something is the only one to be found waiting. */
	for (long begin = monotonic_ms(); !opens || monotonic_ms() - begin < wait_ms;)
		;
	for (int i = 0; i < QUESTIONS; i++) {
		CHECK_OK(sem_post(&question));
		check_await(&answer);
	}
	return 1;
}

static void *look(void *unused)
{
	CHECK_EQ(dl_iterate_phdr(ask, NULL), 1);
	return unused;
}

static void *open_library(void *unused)
{
	check_await(&begun);
	opens = true;
	void *library = open_beside("tls_library.so", RTLD_NOW);
	CHECK(library != NULL);
	CHECK_OK(dlclose(library));
	return unused;
}

static void *reply(void *unused)
{
	for (int i = 0; i < QUESTIONS; i++) {
		check_await(&question);
		CHECK_OK(sem_post(&answer));
	}
	return unused;
}

static void check_all(void)
{
	void *(*const routines[])(void *) = {reply, open_library, look};
	pthread_t threads[3];
	CHECK_OK(sem_init(&begun, 0, 0));
	CHECK_OK(sem_init(&question, 0, 0));
	CHECK_OK(sem_init(&answer, 0, 0));
	for (int i = 0; i < 3; i++)
		threads[i] = check_start(routines[i], NULL);
	for (int i = 0; i < 3; i++)
		check_join(threads[i]);
}

int main(void)
{
	const int waits_ms[] = {0, 5, 100};
	for (int i = 0; i < 3; i++) {
		wait_ms = waits_ms[i];
		check_in_a_child(check_all);
	}
	return 0;
}
