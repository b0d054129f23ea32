/* pthread_exit from deep inside runs the cleanup handlers that are still pushed, innermost first, then the
 * destructors of thread-specific data, and join gets its value. */
#include "check.h"

static __thread char *trace;
static pthread_key_t key;
static char traces[64][16];

static void note(void *letter)
{
	trace[strlen(trace)] = *(char *)letter;
}

static void key_destructor(void *value)
{
	/* trace is thread-local and still this thread's */
	note(value);
}

__attribute__((noinline)) static void inner(int depth)
{
	pthread_cleanup_push(note, "c");
	if (depth > 0) {
		inner(depth - 1);
	} else {
		pthread_cleanup_push(note, "d");
		if (trace != NULL)
			pthread_exit("exit value");
		pthread_cleanup_pop(0);
	}
	pthread_cleanup_pop(1);
}

static void *run(void *place)
{
	trace = place;
	CHECK_OK(pthread_setspecific(key, "k"));
	pthread_cleanup_push(note, "a");
	pthread_cleanup_push(note, "-");
	pthread_cleanup_pop(0);
	pthread_cleanup_push(note, "b");
	pthread_cleanup_pop(1);
	inner(2);
	pthread_cleanup_pop(1);
	return NULL;
}

static void *return_normally(void *place)
{
	trace = place;
	CHECK_OK(pthread_setspecific(key, "k"));
	pthread_cleanup_push(note, "p");
	pthread_cleanup_pop(1);
	return "returned";
}

int main(void)
{
	CHECK_OK(pthread_key_create(&key, key_destructor));
	for (int wave = 0; wave < 20; wave++) {
		pthread_t threads[64];
		memset(traces, 0, sizeof traces);
		for (int i = 0; i < 64; i++)
			threads[i] = check_start(i % 2 ? run : return_normally, traces[i]);
		for (int i = 0; i < 64; i++) {
			const char *result = check_join(threads[i]);
			CHECK_EQ(strcmp(result, i % 2 ? "exit value" : "returned"), 0);
			CHECK_EQ(strcmp(traces[i], i % 2 ? "bdcccak" : "pk"), 0);
		}
	}
	return 0;
}
