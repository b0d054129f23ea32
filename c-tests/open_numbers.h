/* The descriptors that a process has. */
#ifndef OPEN_NUMBERS_H
#define OPEN_NUMBERS_H

#include "check.h"
#include <dirent.h>
#include <stdlib.h>
#include <unistd.h>

/* Calls act on every number above standard error that /proc shows. */
static void for_each_descriptor(void (*act)(int))
{
	int numbers[256], count = 0;
	DIR *directory = opendir("/proc/self/fd");
	CHECK(directory != NULL);
	for (struct dirent *entry; (entry = readdir(directory));) {
		int number = atoi(entry->d_name);
		if (number > STDERR_FILENO && number != dirfd(directory) && count < 256)
			numbers[count++] = number;
	}
	CHECK_OK(closedir(directory));
	for (int i = 0; i < count; i++)
		act(numbers[i]);
}

#endif
