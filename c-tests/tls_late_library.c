/* Threads that start after others have ended find thread-local variables fresh whatever was loaded and unloaded in
 * between: libraries of every TLS model, opened after the ended ones, closed again, replaced by a larger one of the
 * same module id, too many for the table that a thread began with, before the first thread, beside parked ones and in
 * forked children. */
#include "tls_library.h"
#include <sys/mman.h>
#include <sys/stat.h>

#include <fcntl.h>

enum { THREADS = 20, ROUNDS = 3, PARKED = 10, MANY = 200, CANARIES = 400, CANARY_BYTES = 3000 };

static const char *const shapes[] = {"tls_library", "tls_library_large", "tls_library_static", "tls_library_aligned"};
enum { SHAPES = sizeof shapes / sizeof *shapes };

static void *without_libraries(void *argument)
{
	return argument;
}

static void *with_library(void *library)
{
	library_is_fresh(library, (int)(long)library % 1000);
	return NULL;
}

/* At once, so that as many are there to be reused. */
static void run_threads(void *(*routine)(void *), void *argument)
{
	pthread_t threads[THREADS];
	for (int i = 0; i < THREADS; i++)
		threads[i] = check_start(routine, argument);
	for (int i = 0; i < THREADS; i++)
		check_join(threads[i]);
}

static void opened_before_the_first_thread(void)
{
	struct library library = library_open("tls_library");
	library_is_fresh(&library, 1);
	run_threads(with_library, &library);
	run_threads(with_library, &library);
	library_close(&library);
	run_threads(without_libraries, NULL);
}

static void opened_after_threads_have_ended(void)
{
	for (int round = 0; round < ROUNDS; round++) {
		for (int shape = 0; shape < SHAPES; shape++) {
			run_threads(without_libraries, NULL);
			struct library library = library_open(shapes[shape]);
			run_threads(without_libraries, NULL);
			run_threads(with_library, &library);
			run_threads(with_library, &library);
			library_close(&library);
			run_threads(without_libraries, NULL);
		}
	}
}

/* The block of the closed library is as large as its variables: the image of the one that gets its module id does
 * not fit there. */
static void replaced_by_a_larger_one(void)
{
	for (int round = 0; round < ROUNDS; round++) {
		struct library small = library_open("tls_library");
		run_threads(with_library, &small);
		library_close(&small);
		char *canaries[CANARIES];
		for (int i = 0; i < CANARIES; i++) {
			canaries[i] = malloc(CANARY_BYTES);
			CHECK(canaries[i] != NULL);
			memset(canaries[i], i, CANARY_BYTES);
		}
		struct library large = library_open("tls_library_large");
		run_threads(without_libraries, NULL);
		run_threads(with_library, &large);
		for (int i = 0; i < CANARIES; i++) {
			for (int at = 0; at < CANARY_BYTES; at++)
				CHECK_EQ(canaries[i][at], (char)i);
			free(canaries[i]);
		}
		library_close(&large);
	}
}

struct parked {
	pthread_barrier_t *turn;
	struct library *library;
	int own;
};

static void *use_it_before_and_after(void *argument)
{
	struct parked *me = argument;
	for (int life = 0; life < ROUNDS; life++) {
		pthread_barrier_wait(me->turn); /* opened */
		library_is_fresh(me->library, me->own);
		pthread_barrier_wait(me->turn); /* used by all */
		CHECK_EQ(*me->library->initialised(), me->own);
		pthread_barrier_wait(me->turn); /* closed next */
	}
	return NULL;
}

static void closed_beside_parked_threads(void)
{
	for (int shape = 0; shape < SHAPES; shape++) {
		pthread_barrier_t turn;
		CHECK_OK(pthread_barrier_init(&turn, NULL, PARKED + 1));
		struct library library;
		struct parked parked[PARKED];
		pthread_t threads[PARKED];
		for (int i = 0; i < PARKED; i++) {
			parked[i] = (struct parked){.turn = &turn, .library = &library, .own = i + 10};
			threads[i] = check_start(use_it_before_and_after, &parked[i]);
		}
		for (int life = 0; life < ROUNDS; life++) {
			library = library_open(shapes[shape]);
			pthread_barrier_wait(&turn);
			run_threads(with_library, &library);
			pthread_barrier_wait(&turn);
			run_threads(with_library, &library);
			pthread_barrier_wait(&turn);
			library_close(&library);
			run_threads(without_libraries, NULL);
		}
		for (int i = 0; i < PARKED; i++)
			check_join(threads[i]);
		CHECK_OK(pthread_barrier_destroy(&turn));
	}
}

/* A copy of its own under a name of its own is a module of its own. */
static struct library copy_of(const char *name)
{
	char path[PATH_MAX];
	library_path(name, path);
	int from = open(path, O_RDONLY), to = memfd_create(name, 0);
	struct stat stat;
	CHECK(from >= 0 && to >= 0);
	CHECK_OK(fstat(from, &stat));
	void *bytes = mmap(NULL, (size_t)stat.st_size, PROT_READ, MAP_PRIVATE, from, 0);
	CHECK(bytes != MAP_FAILED);
	CHECK_EQ(write(to, bytes, (size_t)stat.st_size), stat.st_size);
	CHECK_OK(munmap(bytes, (size_t)stat.st_size));
	CHECK_OK(close(from));
	/* It stays open, so that its name stays its own. */
	sprintf(path, "/proc/self/fd/%d", to);
	return library_at(path);
}

static struct library many[MANY];

static void *with_every_third(void *argument)
{
	for (int i = 0; i < MANY; i += 3)
		library_is_fresh(&many[i], i);
	return argument;
}

static void more_than_the_table_had_room_for(void)
{
	run_threads(without_libraries, NULL);
	for (int i = 0; i < MANY; i++)
		many[i] = copy_of("tls_library");
	run_threads(without_libraries, NULL);
	run_threads(with_every_third, NULL);
	for (int i = 0; i < MANY; i += 2)
		library_close(&many[i]);
	run_threads(without_libraries, NULL);
	for (int i = 0; i < MANY; i += 2)
		many[i] = copy_of("tls_library_aligned");
	run_threads(with_every_third, NULL);
	run_threads(with_every_third, NULL);
	for (int i = 0; i < MANY; i++)
		library_close(&many[i]);
	run_threads(without_libraries, NULL);
}

static void *in_a_forked_child(void *argument)
{
	struct library library = library_open("tls_library_static");
	library_is_fresh(&library, 9);
	pid_t child = check_fork();
	if (child == 0) {
		CHECK_EQ(*library.initialised(), 9);
		run_threads(with_library, &library);
		library_close(&library);
		opened_after_threads_have_ended();
		replaced_by_a_larger_one();
		exit(0);
	}
	check_child_succeeds(child);
	library_close(&library);
	return argument;
}

int main(void)
{
	in_a_forked_child(NULL);
	opened_before_the_first_thread();
	opened_after_threads_have_ended();
	replaced_by_a_larger_one();
	closed_beside_parked_threads();
	more_than_the_table_had_room_for();
	check_here_and_in_thread(in_a_forked_child, NULL);
	return 0;
}
