/* The numbers of system calls, which is all that the tests want of glibc's sysdep.h. */
#include <sys/syscall.h>
