/* Where libc's code is somebody else's already, or must not be written, threads work all the same. */
#include "check.h"
#include <dlfcn.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/uio.h>

enum { THREADS = 10 };

#ifndef PR_SET_MDWE
enum { PR_SET_MDWE = 65, PR_MDWE_REFUSE_EXEC_GAIN = 1 };
#endif

static int ends[THREADS][2];
static int calls;

static void *read_line(void *number)
{
	char line[16];
	FILE *stream = fdopen(ends[(long)number][0], "r");
	CHECK(stream && fgets(line, sizeof line, stream));
	CHECK_EQ(strcmp(line, "served\n"), 0);
	CHECK_OK(fclose(stream));
	return NULL;
}

static void stdio_works(void)
{
	pthread_t threads[THREADS];
	for (long i = 0; i < THREADS; i++) {
		CHECK_OK(pipe(ends[i]));
		threads[i] = check_start(read_line, (void *)i);
	}
	for (int i = 0; i < THREADS; i++)
		CHECK_EQ(write(ends[i][1], "served\n", 7), 7);
	for (int i = 0; i < THREADS; i++)
		check_join(threads[i]);
}

static ssize_t count_call(int fd, const struct iovec *parts, int count)
{
	(void)fd, (void)parts, (void)count;
	return ++calls;
}

/* Another one who puts jumps into libc, here: mov $count_call, %rax; jmp *%rax. */
static void taken_by_another(void)
{
	ssize_t (*libc_readv)(int, const struct iovec *, int) = dlsym(dlopen("libc.so.6", RTLD_LAZY), "readv");
	unsigned char *code = (unsigned char *)libc_readv;
	char *page = (char *)((uintptr_t)code & -4096ul);
	CHECK_OK(mprotect(page, 8192, PROT_READ | PROT_WRITE | PROT_EXEC));
	code[0] = 0x48;
	code[1] = 0xb8;
	uintptr_t target = (uintptr_t)count_call;
	memcpy(code + 2, &target, sizeof target);
	code[10] = 0xff;
	code[11] = 0xe0;
	CHECK_OK(mprotect(page, 8192, PROT_READ | PROT_EXEC));
	stdio_works();
	CHECK_EQ(libc_readv(-1, NULL, 0), 1);
	CHECK_EQ(calls, 1);
}

/* Linux 6.3: nothing becomes executable that was not. */
static void must_not_be_written(void)
{
	if (prctl(PR_SET_MDWE, PR_MDWE_REFUSE_EXEC_GAIN, 0, 0, 0) == -1)
		CHECK_EQ(errno, EINVAL);
	stdio_works();
}

static void in_a_child(void (*check)(void))
{
	pid_t child = check_fork();
	if (child == 0) {
		check();
		exit(0);
	}
	check_child_succeeds(child);
}

int main(void)
{
	in_a_child(taken_by_another);
	in_a_child(must_not_be_written);
	return 0;
}
