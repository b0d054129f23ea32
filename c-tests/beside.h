/* Libraries that lie beside the program. */
#ifndef BESIDE_H
#define BESIDE_H

#include "check.h"
#include <dlfcn.h>
#include <libgen.h>
#include <limits.h>

/* Opens the one of that name in that namespace, as dlmopen does. */
__attribute__((unused)) static void *open_in(Lmid_t namespace, const char *name, int flags)
{
	char path[PATH_MAX];
	ssize_t length = readlink("/proc/self/exe", path, PATH_MAX - 64);
	CHECK(length > 0);
	path[length] = '\0';
	dirname(path);
	strcat(path, "/");
	strcat(path, name);
	return namespace == LM_ID_BASE ? dlopen(path, flags) : dlmopen(namespace, path, flags);
}

/* Opens the one of that name, as dlopen does. */
__attribute__((unused)) static void *open_beside(const char *name, int flags)
{
	return open_in(LM_ID_BASE, name, flags);
}

#endif
