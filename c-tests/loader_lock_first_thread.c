/* Who makes a process's first thread takes no lock of the loader's, as natively: somebody may hold it who waits for that
 * thread, in a library's constructor or in a callback of dl_iterate_phdr, or who is not there, in a forked child. Nor does
 * who opens what is loaded wait for such a callback. And whoever has a robust mutex meanwhile has it still when the library
 * is open. */
#include "beside.h"
#include <link.h>
#include <stdatomic.h>
#include <stdbool.h>

static sem_t done, held, let_go;

static void *nothing(void *unused)
{
	return unused;
}

static void make_first(union sigval unused)
{
	(void)unused;
	check_join(check_start(nothing, NULL));
	CHECK_OK(sem_post(&done));
}

/* What is loaded already. */
static void open_again(union sigval unused)
{
	(void)unused;
	CHECK(dlopen("libc.so.6", RTLD_NOW) != NULL);
	CHECK_OK(sem_post(&done));
}

/* Waits for a thread of libc's own. */
static void wait_for(void (*routine)(union sigval))
{
	struct sigevent event = {.sigev_notify = SIGEV_THREAD, .sigev_notify_function = routine};
	struct itimerspec soon = {.it_value.tv_nsec = NS_PER_MS};
	timer_t timer;
	CHECK_OK(timer_create(CLOCK_MONOTONIC, &event, &timer));
	CHECK_OK(timer_settime(timer, 0, &soon, NULL));
	check_await(&done);
}

static void wait_for_first(void)
{
	wait_for(make_first);
}

static void wait_for_open(void)
{
	wait_for(open_again);
}

static void hold(void)
{
	CHECK_OK(sem_post(&held));
	check_await(&let_go);
}

static void (*act)(void);

void in_constructor(void);

void in_constructor(void)
{
	act();
}

static int call(struct dl_phdr_info *info, size_t size, void *unused)
{
	(void)info, (void)size, (void)unused;
	act();
	return 1;
}

static void *in_library(void *unused)
{
	CHECK(open_beside("calling_library.so", RTLD_NOW) != NULL);
	return unused;
}

static void *in_callback(void *unused)
{
	CHECK_EQ(dl_iterate_phdr(call, unused), 1);
	return unused;
}

static atomic_bool over;

/* Takes turns with others. */
static void *compute(void *unused)
{
	while (!over) {
		for (volatile int i = 0; i < 1000000; i++)
			;
		usleep(50);
	}
	return unused;
}

static void make_first_here(void)
{
	check_join(check_start(nothing, NULL));
}

static void keep_robust(void)
{
	enum { OTHERS = 8, MOVES = 50 };
	pthread_mutexattr_t attributes;
	pthread_mutex_t mutex;
	pthread_t others[OTHERS];
	CHECK_OK(pthread_mutexattr_init(&attributes));
	CHECK_OK(pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST));
	CHECK_OK(pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED));
	CHECK_OK(pthread_mutex_init(&mutex, &attributes));
	CHECK_OK(pthread_mutex_lock(&mutex));
	act = make_first_here;
	in_library(NULL);
	for (int i = 0; i < OTHERS; i++)
		others[i] = check_start(compute, NULL);
	for (int i = 0; i < MOVES; i++)
		usleep(2000);
	CHECK_OK(pthread_mutex_unlock(&mutex));
	over = true;
	for (int i = 0; i < OTHERS; i++)
		check_join(others[i]);
}

static void *(*const with_lock[])(void *) = {in_library, in_callback};

int main(void)
{
	CHECK_OK(sem_init(&done, 0, 0));
	CHECK_OK(sem_init(&held, 0, 0));
	CHECK_OK(sem_init(&let_go, 0, 0));
	check_in_a_child(keep_robust);
	act = wait_for_first;
	for (int i = 0; i < 2; i++) {
		pid_t child = check_fork();
		if (child == 0) {
			with_lock[i](NULL);
			_exit(0);
		}
		check_child_succeeds(child);
	}
	act = wait_for_open;
	in_callback(NULL);
	act = hold;
	for (int i = 0; i < 2; i++) {
		pthread_t thread = check_start(with_lock[i], NULL);
		check_await(&held);
		pid_t child = check_fork();
		if (child == 0) {
			check_join(check_start(nothing, NULL));
			_exit(0);
		}
		check_child_succeeds(child);
		CHECK_OK(sem_post(&let_go));
		check_join(thread);
	}
	return 0;
}
