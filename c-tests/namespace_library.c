/* Not a program: a library that calls functions of the loader's, in a namespace of its own with another libc. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <link.h>
#include <unistd.h>

void take_time(int microseconds);
void find(void);

static int wait_a_while(struct dl_phdr_info *info, size_t size, void *microseconds)
{
	(void)info, (void)size;
	usleep(*(int *)microseconds);
	return 1;
}

void take_time(int microseconds)
{
	dl_iterate_phdr(wait_a_while, &microseconds);
}

void find(void)
{
	Dl_info info;
	dladdr((void *)take_time, &info);
	dlsym(RTLD_DEFAULT, "no_such_symbol");
}
