/* A thread that the kernel ends alone, because of a filter of system calls, is gone for all others: it can be
 * joined, robust mutexes that it held say so, and the other threads go on. */
#include "check.h"
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

enum { ROUNDS = 20, CROWD = 12 };

/* The thread must not call getppid. */
static struct sock_filter code[] = {
	BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_getppid, 0, 1),
	BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_THREAD),
	BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
};
static struct sock_fprog filter = {.len = sizeof code / sizeof *code, .filter = code};
static pthread_mutex_t robust;
static sem_t taken;

static void install(void)
{
	CHECK_OK(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
	CHECK_OK(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &filter));
}

static void *filtered(void *unused)
{
	install();
	syscall(SYS_getppid);
	check_failed(__FILE__, __LINE__, "killed", 0);
	return unused;
}

static void *strict(void *unused)
{
	CHECK_OK(prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT));
	syscall(SYS_getpid);
	check_failed(__FILE__, __LINE__, "killed", 0);
	return unused;
}

/* Its creator's filter is its own, too. */
static void *inherits(void *unused)
{
	syscall(SYS_getppid);
	check_failed(__FILE__, __LINE__, "killed", 0);
	return unused;
}

static void *creates(void *unused)
{
	install();
	pthread_t thread = check_start(inherits, NULL);
	CHECK_OK(pthread_join(thread, NULL));
	return unused;
}

static void *is_not_killed(void *result)
{
	install();
	sleep_ms(1);
	return result;
}

static void *holds(void *unused)
{
	CHECK_OK(pthread_mutex_lock(&robust));
	CHECK_OK(sem_post(&taken));
	filtered(NULL);
	return unused;
}

static void robust_mutex(void)
{
	pthread_mutexattr_t attributes;
	CHECK_OK(pthread_mutexattr_init(&attributes));
	CHECK_OK(pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST));
	CHECK_OK(pthread_mutex_init(&robust, &attributes));
	pthread_t thread = check_start(holds, NULL);
	check_await(&taken);
	CHECK_EQ(pthread_mutex_lock(&robust), EOWNERDEAD);
	CHECK_OK(pthread_mutex_consistent(&robust));
	CHECK_OK(pthread_mutex_unlock(&robust));
	CHECK_OK(pthread_join(thread, NULL));
	CHECK_OK(pthread_mutex_destroy(&robust));
}

static void *joins(void *thread)
{
	CHECK_OK(pthread_join(*(pthread_t *)thread, NULL));
	return NULL;
}

static void crowd(void *(*routine)(void *))
{
	pthread_t threads[CROWD], joiners[CROWD];
	for (int i = 0; i < CROWD; i++)
		threads[i] = check_start(routine, NULL);
	for (int i = 0; i < CROWD; i++)
		joiners[i] = check_start(joins, &threads[i]);
	for (int i = 0; i < CROWD; i++)
		check_join(joiners[i]);
}

int main(void)
{
	int mark;
	CHECK_OK(sem_init(&taken, 0, 0));
	for (int i = 0; i < ROUNDS; i++) {
		CHECK_OK(pthread_join(check_start(filtered, NULL), NULL));
		CHECK_OK(pthread_join(check_start(strict, NULL), NULL));
		CHECK_OK(pthread_join(check_start(creates, NULL), NULL));
		CHECK(check_join(check_start(is_not_killed, &mark)) == &mark);
		robust_mutex();
	}
	crowd(filtered);
	crowd(strict);
	pthread_t detached = check_start(filtered, NULL);
	CHECK_OK(pthread_detach(detached));
	return 0;
}
