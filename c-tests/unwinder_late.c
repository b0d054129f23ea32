/* Stacks are unwound also where the unwinder comes late: by a library that the program opens, which throws through
 * calls that take a routine, or by libc, for the first thread that is cancelled or exits. And what dlerror has
 * to say is not forgotten over that. */
#include "check.h"
#include <dlfcn.h>
#include <setjmp.h>

/* The interface of the C++ ABI for x86-64 (<unwind.h>), with names of our own. */
struct exception {
	unsigned long class;
	void (*cleanup)(int, struct exception *);
	unsigned long private[2];
} __attribute__((aligned(16)));
typedef int stop_function(int, int, unsigned long, struct exception *, void *, void *);
typedef int force_unwind(struct exception *, stop_function *, void *);
typedef unsigned long stack_pointer(void *);

static force_unwind *force;
static stack_pointer *where;
static jmp_buf outside;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static int calls, cleaned;

/* Ends at the first frame that lies above `limit`, the frame of who has called pthread_once. */
static int stop(int version, int actions, unsigned long class, struct exception *exception, void *context, void *limit)
{
	(void)version, (void)actions, (void)class, (void)exception;
	if (where(context) > (unsigned long)limit)
		longjmp(outside, 1);
	return 0;
}

static void *limit;

static void throw(void)
{
	static __thread struct exception exception;
	if (++calls == 1) {
		force(&exception, stop, limit);
		CHECK(!"unwound to the end");
	}
}

static void *throw_through_once(void *argument)
{
	limit = __builtin_frame_address(0);
	if (setjmp(outside) == 0) {
		pthread_once(&once, throw);
		CHECK(!"came back");
	}
	CHECK_EQ(calls, 1);
	CHECK_OK(pthread_once(&once, throw));
	CHECK_EQ(calls, 2);
	return argument;
}

static pthread_t start(void *(*routine)(void *), void *argument)
{
	pthread_t thread;
	CHECK_OK(pthread_create(&thread, NULL, routine, argument));
	return thread;
}

static void *nothing(void *argument) { return argument; }

static void open_unwinder(void)
{
	void *library = dlopen("libgcc_s.so.1", RTLD_NOW | RTLD_LOCAL);
	CHECK(library != NULL);
	force = (force_unwind *)dlsym(library, "_Unwind_ForcedUnwind");
	where = (stack_pointer *)dlsym(library, "_Unwind_GetCFA");
	CHECK(force != NULL && where != NULL);
}

static void opened_by_the_only_thread(void)
{
	open_unwinder();
	throw_through_once(NULL);
}

static void opened_beside_a_thread(void)
{
	CHECK_OK(pthread_join(start(nothing, NULL), NULL));
	open_unwinder();
	throw_through_once(NULL);
}

static void opened_for_a_thread(void)
{
	open_unwinder();
	CHECK_OK(pthread_join(start(throw_through_once, NULL), NULL));
}

static void clean(void *argument) { cleaned += (int)(long)argument; }

static void *wait_for_end(void *argument)
{
	pthread_cleanup_push(clean, argument);
	for (;;)
		pause();
	pthread_cleanup_pop(0);
}

static void *leave(void *argument)
{
	pthread_cleanup_push(clean, argument);
	pthread_exit(argument);
	pthread_cleanup_pop(0);
}

/* Opens what is not there: dlerror has something to say. */
static void fail_to_open(void) { CHECK(dlopen("/nowhere/library.so", RTLD_NOW) == NULL); }

static void check_told(void)
{
	const char *message = dlerror();
	CHECK(message != NULL && strstr(message, "/nowhere/library.so") != NULL);
}

static void loaded_for_a_cancellation(void)
{
	pthread_t thread = start(wait_for_end, (void *)1);
	fail_to_open();
	CHECK_OK(pthread_cancel(thread));
	check_told();
	void *result;
	CHECK_OK(pthread_join(thread, &result));
	CHECK(result == PTHREAD_CANCELED);
	CHECK_EQ(cleaned, 1);
}

static void tell_at_exit(void *argument)
{
	(void)argument;
	check_told();
	cleaned++;
}

static void *leave_with_an_error(void *argument)
{
	fail_to_open();
	pthread_cleanup_push(tell_at_exit, NULL);
	pthread_exit(argument);
	pthread_cleanup_pop(0);
}

static void loaded_for_an_exit(void)
{
	CHECK_OK(pthread_join(start(leave_with_an_error, NULL), NULL));
	CHECK_EQ(cleaned, 1);
}

/* Many at once come first. */
static void loaded_for_a_crowd(void)
{
	enum { CROWD = 50 };
	pthread_t threads[CROWD];
	for (int i = 0; i < CROWD; i++)
		threads[i] = start(leave, (void *)0);
	for (int i = 0; i < CROWD; i++)
		CHECK_OK(pthread_join(threads[i], NULL));
	CHECK_EQ(cleaned, 0);
}

static void in_a_child(void (*check)(void))
{
	pid_t child = fork();
	CHECK(child >= 0);
	if (child == 0) {
		check();
		_exit(0);
	}
	int status;
	CHECK_EQ(waitpid(child, &status, 0), child);
	CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

int main(void)
{
	in_a_child(opened_by_the_only_thread);
	in_a_child(opened_beside_a_thread);
	in_a_child(opened_for_a_thread);
	in_a_child(loaded_for_a_cancellation);
	in_a_child(loaded_for_an_exit);
	in_a_child(loaded_for_a_crowd);
	/* In a child whose parent has done it already. */
	loaded_for_a_cancellation();
	cleaned = 0;
	in_a_child(loaded_for_an_exit);
	return 0;
}
