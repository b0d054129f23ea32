/* System calls of the program's own, of which libgreen does not know. */
#ifndef UNSEEN_H
#define UNSEEN_H

#include <sys/syscall.h>

static long unseen(long number, long a, long b, long c, long d)
{
	long result;
	register long r10 __asm__("r10") = d;
	__asm__ volatile("syscall"
			 : "=a"(result)
			 : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10)
			 : "rcx", "r11", "memory");
	return result;
}

#endif
