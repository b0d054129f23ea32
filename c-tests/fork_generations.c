/* A process that goes on as its own child, again and again, has no more mapped than it had. */
#include "check.h"

enum { GENERATIONS = 30, MOST_MORE = 8 };

static void *nothing(void *unused)
{
	return unused;
}

static int mappings(void)
{
	static char lines[1 << 16];
	int count = 0;
	FILE *maps = fopen("/proc/self/maps", "r");
	CHECK(maps != NULL);
	while (fgets(lines, sizeof lines, maps))
		count += strstr(lines, " rw-s ") != NULL;
	CHECK_OK(fclose(maps));
	return count;
}

int main(void)
{
	int before = 0;
	for (int i = 0; i < GENERATIONS; i++) {
		check_join(check_start(nothing, NULL));
		if (i == 1)
			before = mappings();
		pid_t child = check_fork();
		if (child) {
			check_child_succeeds(child);
			return 0;
		}
	}
	CHECK(mappings() <= before + MOST_MORE);
	return 0;
}
