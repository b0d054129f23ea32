/* Many threads that are alive at the same time, of the default size and of others, have each what glibc keeps for a
 * thread: a pthread_t and a stack of its own with the thread in it, errno, a locale, a resolver state, a place for what
 * strerror and dlerror say, thread-local variables with their first values, memory, keys, a way to end from the midst
 * of a function; and they can fork, and all change their credentials. */
#include "check.h"
#include <ctype.h>
#include <dlfcn.h>
#include <locale.h>
#include <netdb.h>
#include <resolv.h>
#include <stdint.h>
#include <sys/syscall.h>

enum { THREADS = 24, SIZES = 3, FORKS_EVERY = 8 };

static __thread int initialised = 42;
static __thread long zeroed[100];

static pthread_barrier_t all_here;
static pthread_key_t key;
static int destructors;

static void count_destructor(void *value)
{
	CHECK(value == (void *)pthread_self());
	__atomic_add_fetch(&destructors, 1, __ATOMIC_RELAXED);
}

struct thread {
	pthread_t id;
	long number;
	int kernel_id;
	char *low, *high;
	int *errno_place;
	void *resolver;
	const char *error_text;
};

static struct thread threads[THREADS];

static void has_own_stack(struct thread *me)
{
	pthread_attr_t attributes;
	void *base;
	size_t size;
	CHECK_OK(pthread_getattr_np(pthread_self(), &attributes));
	CHECK_OK(pthread_attr_getstack(&attributes, &base, &size));
	CHECK_OK(pthread_attr_destroy(&attributes));
	me->low = base;
	me->high = me->low + size;
	char here;
	CHECK(&here >= me->low && &here < me->high);
}

static void speaks_its_own_language(void)
{
	locale_t c = newlocale(LC_ALL_MASK, "C", NULL);
	CHECK(c != NULL);
	CHECK(uselocale(NULL) == LC_GLOBAL_LOCALE);
	CHECK(isalpha('x') && !isalpha('1') && toupper('x') == 'X');
	CHECK(uselocale(c) == LC_GLOBAL_LOCALE);
	CHECK(isalpha('x') && !isalpha('1') && toupper('x') == 'X');
	pthread_barrier_wait(&all_here);
	CHECK(uselocale(NULL) == c);
	CHECK(uselocale(LC_GLOBAL_LOCALE) == c);
	freelocale(c);
}

static void unwinds(void *argument)
{
	*(int *)argument += 1;
}

static void forks(void)
{
	pid_t child = check_fork();
	if (child == 0) {
		CHECK_EQ(initialised, 43);
		_exit(0);
	}
	check_child_succeeds(child);
}

static void ends_from_within(struct thread *me)
{
	static int cleaned;
	static __thread int own;
	pthread_cleanup_push(unwinds, &own);
	pthread_cleanup_pop(1);
	CHECK_EQ(own, 1);
	__atomic_add_fetch(&cleaned, own, __ATOMIC_RELAXED);
	if (me->number % 2)
		pthread_exit(me);
}

static void *run(void *argument)
{
	struct thread *me = argument;
	CHECK(pthread_equal(me->id, pthread_self()) || me->id == 0);
	CHECK_EQ(errno, 0);
	CHECK_EQ(initialised++, 42);
	for (size_t i = 0; i < sizeof zeroed / sizeof *zeroed; i++)
		CHECK_EQ(zeroed[i]++, 0);
	has_own_stack(me);
	me->kernel_id = (int)syscall(SYS_gettid);
	me->errno_place = &errno;
	me->resolver = &_res;
	me->error_text = strerror(100000 + (int)me->number);
	CHECK(pthread_getspecific(key) == NULL);
	CHECK_OK(pthread_setspecific(key, (void *)pthread_self()));
	errno = (int)me->number + 1;
	h_errno = (int)me->number + 2;
	CHECK(dlopen("there is no such library", RTLD_NOW) == NULL);
	pthread_barrier_wait(&all_here);

	CHECK_EQ(h_errno, me->number + 2);
	CHECK_EQ(initialised, 43);
	char number[24];
	snprintf(number, sizeof number, "%ld", 100000 + me->number);
	CHECK(strstr(me->error_text, number) != NULL);
	const char *error = dlerror();
	CHECK(error != NULL && strstr(error, "no such library") != NULL);
	char *memory = malloc(1000);
	CHECK(memory != NULL);
	memset(memory, (int)me->number, 1000);
	speaks_its_own_language();
	for (int i = 0; i < 1000; i++)
		CHECK_EQ(memory[i], (char)me->number);
	free(memory);
	if (me->number % FORKS_EVERY == 0)
		forks();
	if (me->number == 1)
		CHECK_OK(setgid(getgid()));
	ends_from_within(me);
	return me;
}

/* They lie apart from each other. */
static void differ(const struct thread *one, const struct thread *other)
{
	CHECK(!pthread_equal(one->id, other->id));
	CHECK(one->kernel_id != other->kernel_id);
	CHECK(one->high <= other->low || other->high <= one->low);
	CHECK(one->errno_place != other->errno_place);
	CHECK(one->resolver != other->resolver);
	CHECK(one->error_text != other->error_text);
}

static void all_alike(size_t stack_size)
{
	pthread_attr_t attributes;
	CHECK_OK(pthread_attr_init(&attributes));
	if (stack_size)
		CHECK_OK(pthread_attr_setstacksize(&attributes, stack_size));
	for (long i = 0; i < THREADS; i++) {
		threads[i] = (struct thread){.number = i};
		CHECK_OK(pthread_create(&threads[i].id, &attributes, run, &threads[i]));
	}
	for (int i = 0; i < THREADS; i++)
		CHECK(check_join(threads[i].id) == &threads[i]);
	CHECK_OK(pthread_attr_destroy(&attributes));
	for (int i = 0; i < THREADS; i++)
		for (int j = 0; j < i; j++)
			differ(&threads[i], &threads[j]);
}

static void all(void)
{
	static const size_t sizes[SIZES] = {0, 256 * 1024, 1024 * 1024 + 4096};
	destructors = 0;
	for (int i = 0; i < SIZES; i++)
		all_alike(sizes[i]);
	CHECK_EQ(destructors, SIZES * THREADS);
}

int main(void)
{
	CHECK_OK(pthread_barrier_init(&all_here, NULL, THREADS));
	CHECK_OK(pthread_key_create(&key, count_destructor));
	all();
	/* Others have ended where these run. */
	all();
	pid_t child = check_fork();
	if (child == 0) {
		all();
		_exit(0);
	}
	check_child_succeeds(child);
	return 0;
}
