/* The program's heap is its own from the beginning: before main runs nobody has allocated from it. */
#include "check.h"
#include <fcntl.h>

/* proc(5), /proc/pid/stat. */
enum { START_BRK = 47, FIELDS_BEFORE_STATE = 2 };

int main(void)
{
	char *heap_ends = sbrk(0);
	static char text[4096];
	int stat = open("/proc/self/stat", O_RDONLY);
	CHECK(stat >= 0 && read(stat, text, sizeof text - 1) > 0);
	char *at = strrchr(text, ')');
	for (int field = FIELDS_BEFORE_STATE; field < START_BRK; field++)
		CHECK((at = strchr(at + 1, ' ')) != NULL);
	CHECK_EQ(strtoul(at, NULL, 10), heap_ends);
	return 0;
}
