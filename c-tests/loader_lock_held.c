/* A thread of which a library's constructor waits goes on, whatever it calls for the first time: the loader's lock
 * is held meanwhile, which none of these calls takes natively. Nor do they change what dlerror is to say. */
#include "beside.h"
#include <sys/inotify.h>

int main(void)
{
	CHECK(dlopen("no such library", RTLD_NOW) == NULL);
	int file = inotify_init1(0);
	CHECK(file >= 0);
	CHECK_OK(close(file));
	CHECK(dlerror() != NULL);
	CHECK(open_beside("waiting_library.so", RTLD_NOW) != NULL);
	return 0;
}
