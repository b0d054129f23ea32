/* tls_library.c in one of its shapes, opened at run time. */
#ifndef TLS_LIBRARY_H
#define TLS_LIBRARY_H

#include "check.h"
#include <dlfcn.h>
#include <libgen.h>
#include <limits.h>

struct library {
	void *handle;
	int *(*initialised)(void);
	char *(*zeroed)(void);
	size_t zeroed_bytes;
	size_t alignment;
};

static struct library library_at(const char *path)
{
	void *handle = dlopen(path, RTLD_NOW);
	if (handle == NULL)
		fprintf(stderr, "%s\n", dlerror());
	CHECK(handle != NULL);
	size_t (*zeroed_bytes)(void) = (size_t(*)(void))dlsym(handle, "library_zeroed_bytes");
	size_t (*alignment)(void) = (size_t(*)(void))dlsym(handle, "library_alignment");
	CHECK(zeroed_bytes && alignment);
	struct library library = {
		.handle = handle,
		.initialised = (int *(*)(void))dlsym(handle, "library_initialised"),
		.zeroed = (char *(*)(void))dlsym(handle, "library_zeroed"),
		.zeroed_bytes = zeroed_bytes(),
		.alignment = alignment(),
	};
	CHECK(library.initialised && library.zeroed);
	return library;
}

/* Where the Makefile has put the library of that name. */
static void library_path(const char *name, char path[PATH_MAX])
{
	ssize_t length = readlink("/proc/self/exe", path, PATH_MAX - 64);
	CHECK(length > 0);
	path[length] = '\0';
	dirname(path);
	sprintf(path + strlen(path), "/%s.so", name);
}

__attribute__((unused)) static struct library library_open(const char *name)
{
	char path[PATH_MAX];
	library_path(name, path);
	return library_at(path);
}

static void library_close(struct library *library)
{
	CHECK_OK(dlclose(library->handle));
	library->handle = NULL;
}

/* The calling thread has not used the library before: its variables have their initial values. Then they get others,
 * which stay. */
static void library_is_fresh(const struct library *library, int own)
{
	int *initialised = library->initialised();
	char *zeroed = library->zeroed();
	CHECK_EQ((size_t)zeroed % library->alignment, 0);
	CHECK_EQ(*initialised, 1234);
	for (size_t i = 0; i < library->zeroed_bytes; i++)
		CHECK_EQ(zeroed[i], 0);
	*initialised = own;
	memset(zeroed, 1 + own % 100, library->zeroed_bytes);
	sched_yield();
	CHECK(library->initialised() == initialised && library->zeroed() == zeroed);
	CHECK_EQ(*initialised, own);
	for (size_t i = 0; i < library->zeroed_bytes; i++)
		CHECK_EQ(zeroed[i], 1 + own % 100);
}

#endif
