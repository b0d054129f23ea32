/* Where the kernel does not let code be written, all of it or libc's, libc stays as it is to the last byte, nothing can
 * be written and executed afterwards, and threads work all the same; where it does, that is so only for a moment. */
#include "deny.h"
#include "stdio_works.h"
#include <dlfcn.h>
#include <sys/mman.h>

enum { BEGINNING = 16 };

static const char *const names[] = {"read", "write", "poll", "recv", "connect", "wait4", "sigaction", "syscall"};
enum { NAMES = sizeof names / sizeof *names };

static const unsigned char *of_libc(const char *name)
{
	void *libc = dlopen("libc.so.6", RTLD_LAZY | RTLD_NOLOAD);
	CHECK(libc != NULL);
	const unsigned char *function = dlsym(libc, name);
	CHECK(function != NULL);
	CHECK_OK(dlclose(libc));
	return function;
}

/* How many mappings can be written and executed. */
static int open_code(void)
{
	char line[512];
	int count = 0;
	FILE *maps = fopen("/proc/self/maps", "r");
	CHECK(maps != NULL);
	while (fgets(line, sizeof line, maps))
		count += strstr(line, " rwx") != NULL;
	CHECK_OK(fclose(maps));
	return count;
}

static void stays_whole(void)
{
	unsigned char before[NAMES][BEGINNING];
	for (int i = 0; i < NAMES; i++)
		memcpy(before[i], of_libc(names[i]), BEGINNING);
	int open = open_code();
	stdio_works();
	for (int i = 0; i < NAMES; i++)
		CHECK(!memcmp(before[i], of_libc(names[i]), BEGINNING));
	CHECK_EQ(open_code(), open);
}

static void no_code(void)
{
	deny_argument(SYS_mprotect, 2, PROT_EXEC, EPERM);
	stays_whole();
}

static void not_both(void)
{
	deny_argument(SYS_mprotect, 2, PROT_EXEC | PROT_WRITE, EACCES);
	stays_whole();
}

/* As much as libc's functions lie apart, but not a page or two, as whoever patches it has for itself. */
static void not_much(void)
{
	struct sock_filter program[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_mprotect, 0, 5),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[2])),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, PROT_READ | PROT_WRITE | PROT_EXEC, 0, 3),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[1])),
		BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, 2 * 4096, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EACCES),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	filter_calls(program, sizeof program / sizeof *program);
	stays_whole();
}

static void allowed(void)
{
	int open = open_code();
	stdio_works();
	CHECK_EQ(open_code(), open);
}

int main(void)
{
	check_in_a_child(no_code);
	check_in_a_child(not_both);
	check_in_a_child(not_much);
	check_in_a_child(allowed);
	return 0;
}
