/* System calls denied to this process and its children, as a container's profile does it. */
#ifndef DENY_H
#define DENY_H

#include "check.h"
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

enum { DENIED_MOST = 16 };

/* From here on all threads are under that filter. */
static void filter_calls(struct sock_filter *program, size_t length)
{
	struct sock_fprog filter = {.len = (unsigned short)length, .filter = program};
	CHECK_OK(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
	CHECK_OK(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &filter));
}

/* From here on each of these calls fails with that error in all threads. */
__attribute__((unused)) static void deny(const int *calls, size_t count, int error)
{
	struct sock_filter program[2 + 2 * DENIED_MOST];
	size_t length = 0;
	CHECK(count <= DENIED_MOST);
	program[length++] =
		(struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr));
	for (size_t i = 0; i < count; i++) {
		program[length++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)calls[i], 0, 1);
		program[length++] =
			(struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (unsigned)error);
	}
	program[length++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	filter_calls(program, length);
}

/* From here on `call` fails with that error where all of `bits` are set in its argument of that index. */
__attribute__((unused)) static void deny_argument(int call, size_t index, unsigned bits, int error)
{
	size_t argument = offsetof(struct seccomp_data, args) + index * sizeof(__u64);
	struct sock_filter program[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)call, 0, 4),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, argument),
		BPF_STMT(BPF_ALU | BPF_AND | BPF_K, bits),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, bits, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (unsigned)error),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	filter_calls(program, sizeof program / sizeof *program);
}

#endif
