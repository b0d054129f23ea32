/* A futex's word that the kernel would refuse gives EFAULT also where libgreen does the kernel's work. To who wakes a word
 * is a name, wherever it lies in the program's part of memory. */
#include "bad_pointers.h"
#include <linux/futex.h>
#include <sys/syscall.h>

static long futex(void *word, int operation, long value, const void *fourth, void *second, long third)
{
	return syscall(SYS_futex, word, operation | FUTEX_PRIVATE_FLAG, value, fourth, second, third);
}

static void futexes(void *bad)
{
	unsigned word = 1, other = 1;
	void *one = (void *)1;
	CHECK_ERRNO(futex(bad, FUTEX_WAIT, 0, NULL, NULL, 0), EFAULT);
	CHECK_ERRNO(futex(bad, FUTEX_WAIT_BITSET, 0, NULL, NULL, 1), EFAULT);
	CHECK_ERRNO(futex(&word, FUTEX_WAIT, 0, bad, NULL, 0), EFAULT);
	CHECK_ERRNO(futex(bad, FUTEX_WAIT, 0, bad, NULL, 0), EFAULT);
	CHECK_ERRNO(futex(&word, FUTEX_WAIT_BITSET, 0, bad, NULL, 0), EFAULT);
	CHECK_ERRNO(futex(bad, FUTEX_CMP_REQUEUE, 1, one, &other, 0), EFAULT);
	CHECK_ERRNO(futex(&word, FUTEX_WAKE_OP, 1, one, bad, FUTEX_OP(FUTEX_OP_ADD, 1, FUTEX_OP_CMP_EQ, 0)), EFAULT);
	CHECK_ERRNO(futex(&word, FUTEX_WAIT, 0, NULL, NULL, 0), EAGAIN);
}

/* A word is a name to who wakes, wherever it lies in the program's part of memory. */
static void futex_names(void)
{
	unsigned word = 1;
	void *one = (void *)1;
	CHECK_EQ(futex(nowhere, FUTEX_WAKE, 1, NULL, NULL, 0), 0);
	CHECK_EQ(futex(forbidden, FUTEX_WAKE_BITSET, 1, NULL, NULL, 1), 0);
	CHECK_EQ(futex(nowhere, FUTEX_REQUEUE, 1, one, &word, 0), 0);
	CHECK_EQ(futex(&word, FUTEX_REQUEUE, 1, one, nowhere, 0), 0);
	CHECK_EQ(futex(&word, FUTEX_CMP_REQUEUE, 1, one, nowhere, 1), 0);
	CHECK_ERRNO(futex(kernels, FUTEX_WAKE, 1, NULL, NULL, 0), EFAULT);
	CHECK_ERRNO(futex(kernels, FUTEX_REQUEUE, 1, one, &word, 0), EFAULT);
	CHECK_ERRNO(futex(&word, FUTEX_REQUEUE, 1, one, kernels, 0), EFAULT);
	CHECK_ERRNO(futex((char *)&word + 1, FUTEX_WAKE, 1, NULL, NULL, 0), EINVAL);
	CHECK_ERRNO(futex((char *)nowhere + 1, FUTEX_WAIT, 1, NULL, NULL, 0), EINVAL);
}

static void *everything(void *unused)
{
	void *const bad[] = {nowhere, forbidden, kernels, (void *)8};
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		futexes(bad[i]);
	CHECK_ERRNO(futex(NULL, FUTEX_WAIT, 0, NULL, NULL, 0), EFAULT);
	futex_names();
	return unused;
}

static void in_a_child(void)
{
	check_here_and_in_thread(everything, NULL);
}

int main(void)
{
	make_pointers();
	check_here_and_in_thread(everything, NULL);
	everything(NULL);
	check_in_a_child(in_a_child);
	return 0;
}
