/* Where a library's code is mapped does not change, nor in how many pieces, when there are threads and other libraries are
 * opened: leak checkers and profilers read that from /proc when they start, and again later. */
#include "beside.h"

enum { SPACE = 1 << 20 };

/* The lines of what has been there since the start. */
static void read_mappings(char *lines)
{
	char line[PATH_MAX + 128];
	size_t used = 0;
	FILE *maps = fopen("/proc/self/maps", "r");
	CHECK(maps != NULL);
	while (fgets(line, sizeof line, maps)) {
		if (!strstr(line, "/libc.so") && !strstr(line, "/ld-linux"))
			continue;
		CHECK(used + strlen(line) < SPACE);
		used += strlen(strcpy(lines + used, line));
	}
	CHECK(used > 0);
	CHECK_OK(fclose(maps));
}

static void *nothing(void *argument)
{
	return argument;
}

int main(void)
{
	static char before[SPACE], after[SPACE];
	read_mappings(before);
	pthread_t thread;
	CHECK_OK(pthread_create(&thread, NULL, nothing, NULL));
	CHECK_OK(pthread_join(thread, NULL));
	read_mappings(after);
	CHECK_OK(strcmp(before, after));
	CHECK(dlopen("libresolv.so.2", RTLD_NOW) != NULL);
	read_mappings(after);
	CHECK_OK(strcmp(before, after));
	return 0;
}
