/* A thread of which a library's constructor waits goes on, whatever it calls for the first time: the loader's lock
 * is held meanwhile, which none of these calls takes natively. Nor do they change what dlerror is to say. */
#include "check.h"
#include <dlfcn.h>
#include <libgen.h>
#include <limits.h>
#include <sys/inotify.h>

int main(void)
{
	char path[PATH_MAX];
	ssize_t length = readlink("/proc/self/exe", path, PATH_MAX - 64);
	CHECK(length > 0);
	path[length] = '\0';
	dirname(path);
	strcat(path, "/waiting_library.so");
	CHECK(dlopen("no such library", RTLD_NOW) == NULL);
	int file = inotify_init1(0);
	CHECK(file >= 0);
	CHECK_OK(close(file));
	CHECK(dlerror() != NULL);
	CHECK(dlopen(path, RTLD_NOW) != NULL);
	return 0;
}
