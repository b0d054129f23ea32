/* The descriptors that a process has. */
#ifndef OPEN_NUMBERS_H
#define OPEN_NUMBERS_H

#include "check.h"
#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* How many it has, files of /proc left out: libgreen looks into one for a moment now and then. */
__attribute__((unused)) static int open_descriptors(void)
{
	int count = 0;
	DIR *numbers = opendir("/proc/self/fd");
	CHECK(numbers != NULL);
	for (struct dirent *entry; (entry = readdir(numbers));) {
		char path[6] = "";
		if (readlinkat(dirfd(numbers), entry->d_name, path, sizeof path) > 0)
			count += memcmp(path, "/proc/", sizeof path) != 0;
	}
	CHECK_OK(closedir(numbers));
	return count;
}

/* Calls act on every number above standard error that /proc shows. */
__attribute__((unused)) static void for_each_descriptor(void (*act)(int))
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
