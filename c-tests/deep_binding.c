/* A library that was opened with RTLD_DEEPBIND shares locks, condition variables and threads with the program, whoever
 * makes them and whoever waits. What it defines itself it finds first, then what libc does, then the program's. */
#include "beside.h"

enum { ROUNDS = 200, THREADS = 3 };

static int (*library_whose)(void), (*library_page_size)(void);
static ssize_t (*library_receive)(void);
static int (*library_wait_for)(int *, int, pthread_mutex_t *, pthread_cond_t *);
static int (*library_set)(int *, int, pthread_mutex_t *, pthread_cond_t *);
static int (*library_start)(pthread_t *, void *(*)(void *), void *);

int whose(void)
{
	return 1;
}

int getpagesize(void)
{
	return 1;
}

static void *open_library(int flags)
{
	void *library = open_beside("deep_library.so", flags | RTLD_DEEPBIND);
	CHECK(library != NULL);
	CHECK((library_whose = (int (*)(void))dlsym(library, "library_whose")) != NULL);
	CHECK((library_page_size = (int (*)(void))dlsym(library, "library_page_size")) != NULL);
	CHECK((library_receive = (ssize_t(*)(void))dlsym(library, "library_receive")) != NULL);
	CHECK((library_wait_for = (int (*)(int *, int, pthread_mutex_t *, pthread_cond_t *))dlsym(
		       library, "library_wait_for")) != NULL);
	CHECK((library_set = (int (*)(int *, int, pthread_mutex_t *, pthread_cond_t *))dlsym(library, "library_set")) !=
	      NULL);
	CHECK((library_start = (int (*)(pthread_t *, void *(*)(void *), void *))dlsym(library, "library_start")) !=
	      NULL);
	return library;
}

static void names_mean_what_they_should(void)
{
	CHECK_EQ(whose(), 1);
	CHECK_EQ(library_whose(), 2);
	CHECK_EQ(library_receive(), 77);
	CHECK_EQ(getpagesize(), 1);
	CHECK_EQ(library_page_size(), sysconf(_SC_PAGESIZE));
}

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t condition = PTHREAD_COND_INITIALIZER;
static int word;

static void *wait_in_library(void *unused)
{
	for (int i = 1; i <= ROUNDS; i++) {
		CHECK_OK(library_wait_for(&word, 2 * i - 1, &mutex, &condition));
		CHECK_OK(library_set(&word, 2 * i, &mutex, &condition));
	}
	return unused;
}

static void *contend(void *stop)
{
	while (!__atomic_load_n((int *)stop, __ATOMIC_ACQUIRE)) {
		CHECK_OK(pthread_mutex_lock(&mutex));
		sched_yield();
		CHECK_OK(pthread_mutex_unlock(&mutex));
	}
	return NULL;
}

static void both_wait_and_wake(void)
{
	int stop = 0;
	pthread_t threads[THREADS];
	word = 0;
	CHECK_OK(library_start(&threads[0], wait_in_library, NULL));
	threads[1] = check_start(contend, &stop);
	CHECK_OK(library_start(&threads[2], contend, &stop));
	for (int i = 1; i <= ROUNDS; i++) {
		CHECK_OK(pthread_mutex_lock(&mutex));
		word = 2 * i - 1;
		CHECK_OK(pthread_cond_broadcast(&condition));
		while (word != 2 * i)
			CHECK_OK(pthread_cond_wait(&condition, &mutex));
		CHECK_OK(pthread_mutex_unlock(&mutex));
	}
	__atomic_store_n(&stop, 1, __ATOMIC_RELEASE);
	for (int i = 0; i < THREADS; i++)
		check_join(threads[i]);
}

int main(void)
{
	/* Before there are threads, then beside them; all names at once, then as they are needed. */
	for (int i = 0; i < 4; i++) {
		void *library = open_library(i % 2 ? RTLD_LAZY : RTLD_NOW);
		names_mean_what_they_should();
		both_wait_and_wake();
		CHECK_OK(dlclose(library));
	}
	return 0;
}
