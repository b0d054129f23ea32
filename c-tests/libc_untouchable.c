/* Where libc's code is somebody else's already, or must not be written, threads work all the same. */
#include "stdio_works.h"
#include <dlfcn.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/uio.h>

#ifndef PR_SET_MDWE
enum { PR_SET_MDWE = 65, PR_MDWE_REFUSE_EXEC_GAIN = 1 };
#endif

static int calls;

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

int main(void)
{
	check_in_a_child(taken_by_another);
	check_in_a_child(must_not_be_written);
	return 0;
}
