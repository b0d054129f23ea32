/* Functions that are looked up by version are those that programs are linked with, if that is libc's default version
 * of them, and libc's own otherwise. */
#include "check.h"
#include <dlfcn.h>
#include <stdint.h>

typedef int (*Wait)(pthread_cond_t *, pthread_mutex_t *);

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static int state;

/* dlvsym(3) asks for an object pointer. */
static uintptr_t look_up(void *handle, const char *name, const char *version)
{
	return (uintptr_t)dlvsym(handle, name, version);
}

/* Waits by the function that was looked up for one who uses that which is linked. */
static void *wait_for_turn(void *wait)
{
	CHECK_OK(pthread_mutex_lock(&mutex));
	state = 1;
	CHECK_OK(pthread_cond_signal(&changed));
	while (state != 2)
		CHECK_OK((*(Wait *)wait)(&changed, &mutex));
	CHECK_OK(pthread_mutex_unlock(&mutex));
	return wait;
}

static void meet(Wait wait)
{
	state = 0;
	pthread_t thread = check_start(wait_for_turn, &wait);
	CHECK_OK(pthread_mutex_lock(&mutex));
	while (state != 1)
		CHECK_OK(pthread_cond_wait(&changed, &mutex));
	state = 2;
	CHECK_OK(pthread_cond_broadcast(&changed));
	CHECK_OK(pthread_mutex_unlock(&mutex));
	check_join(thread);
}

static void *look(void *unused)
{
	void *everything = dlopen(NULL, RTLD_LAZY);
	void *handles[] = {RTLD_NEXT, RTLD_DEFAULT, everything};
	uintptr_t linked = (uintptr_t)dlsym(RTLD_DEFAULT, "pthread_cond_wait");
	CHECK(everything != NULL);
	for (unsigned i = 0; i < sizeof handles / sizeof *handles; i++) {
		uintptr_t found = look_up(handles[i], "pthread_cond_wait", "GLIBC_2.3.2");
		CHECK_EQ(found, linked);
		meet((Wait)found);
		uintptr_t old = look_up(handles[i], "pthread_cond_wait", "GLIBC_2.2.5");
		CHECK(old != 0 && old != linked);
		CHECK(dlerror() == NULL);
		/* Two versions, one function. */
		CHECK_EQ(look_up(handles[i], "pthread_create", "GLIBC_2.2.5"),
			 (uintptr_t)dlsym(RTLD_DEFAULT, "pthread_create"));
		CHECK_EQ(look_up(handles[i], "pthread_cond_wait", "GLIBC_2.4"), 0);
		CHECK(dlerror() != NULL);
		CHECK_EQ(look_up(handles[i], "pthread_cond_waits", "GLIBC_2.3.2"), 0);
		CHECK(dlerror() != NULL);
		CHECK_EQ(look_up(handles[i], "getpid", "GLIBC_2.2.5"), (uintptr_t)getpid);
	}
	CHECK_OK(dlclose(everything));
	return unused;
}

int main(void)
{
	look(NULL);
	check_join(check_start(look, NULL));
	return 0;
}
