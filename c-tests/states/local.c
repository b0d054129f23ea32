/* What each thread has for itself: errno, thread-local variables, keys, locale, identity. */
#include "states.h"
#include <dlfcn.h>
#include <locale.h>
#include <sys/syscall.h>

static __thread int local = 7;
static __thread char zero[100];
static pthread_key_t key;
static int destroyed;

static void *have_own(void *unused)
{
	CHECK_EQ(local, 7);
	CHECK_EQ(zero[99], 0);
	local = 8;
	zero[99] = 1;
	errno = EBADF;
	sleep_ms(SOON_MS / 2);
	CHECK_EQ(errno, EBADF);
	CHECK_EQ(local, 8);
	return unused;
}

static void variables_are_each_threads_own(void)
{
	CHECK_EQ(local, 7);
	local = 9;
	errno = ENXIO;
	for (int i = 0; i < 3; i++) {
		pthread_t threads[2] = {check_start(have_own, NULL), check_start(have_own, NULL)};
		check_join(threads[0]);
		check_join(threads[1]);
	}
	CHECK_EQ(local, 9);
	CHECK_EQ(errno, ENXIO);
	CHECK_EQ(zero[99], 0);
}

static void destroy(void *value)
{
	destroyed += *(int *)value;
}

static void *set_key(void *value)
{
	CHECK(pthread_getspecific(key) == NULL);
	CHECK_OK(pthread_setspecific(key, value));
	return NULL;
}

static void keys_are_destroyed(void)
{
	int one = 1;
	CHECK_OK(pthread_key_create(&key, destroy));
	CHECK_OK(pthread_setspecific(key, &one));
	check_join(check_start(set_key, &one));
	check_join(check_start(set_key, &one));
	CHECK_EQ(destroyed, 2);
	CHECK(pthread_getspecific(key) == &one);
	CHECK_OK(pthread_setspecific(key, NULL));
	CHECK_OK(pthread_key_delete(key));
}

static void *has_global_locale(void *unused)
{
	CHECK(uselocale((locale_t)0) == LC_GLOBAL_LOCALE);
	return unused;
}

static void locale_is_own(void)
{
	locale_t own = newlocale(LC_ALL_MASK, "C", (locale_t)0);
	locale_t before = uselocale(own);
	check_join(check_start(has_global_locale, NULL));
	CHECK(uselocale(before) == own);
	freelocale(own);
}

static void loader_errors_are_own(void)
{
	CHECK(dlopen("/nonexistent.so", RTLD_NOW) == NULL);
	CHECK(dlerror() != NULL);
	CHECK(dlerror() == NULL);
	CHECK(dlsym(RTLD_DEFAULT, "printf") != NULL);
}

static void identity_is_stable(void)
{
	pid_t id = gettid();
	CHECK_EQ(syscall(SYS_gettid), id);
	sleep_ms(1);
	CHECK_EQ(gettid(), id);
	CHECK_EQ(getpid(), syscall(SYS_getpid));
}

static void name_is_own(void)
{
	char name[16];
	CHECK_OK(pthread_setname_np(pthread_self(), "matrix"));
	sleep_ms(1);
	CHECK_OK(pthread_getname_np(pthread_self(), name, sizeof name));
	CHECK_EQ(strcmp(name, "matrix"), 0);
}

CHECKS({"variables_are_each_threads_own", variables_are_each_threads_own, 0},
       {"keys_are_destroyed", keys_are_destroyed, 0},
       {"locale_is_own", locale_is_own, 0},
       {"loader_errors_are_own", loader_errors_are_own, 0},
       {"identity_is_stable", identity_is_stable, 0},
       {"name_is_own", name_is_own, 0});
