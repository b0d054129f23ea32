/* A call that wants a process takes the id of any of its threads for it: the kernel does, and so it is with those that
 * gettid says. */
#include "check.h"
#include <semaphore.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/uio.h>

enum { VALUE = 4711 };

static sem_t ready, handled, go;
static pid_t id;
static int value;

static void handle(int signal_number, siginfo_t *info, void *context)
{
	(void)signal_number;
	(void)context;
	value = info->si_value.sival_int;
	CHECK_OK(sem_post(&handled));
}

static void *stay(void *unused)
{
	id = gettid();
	CHECK_OK(sem_post(&ready));
	check_await(&go);
	return unused;
}

/* To the process: any thread may take it. */
static void queues_signals(pid_t to)
{
	union sigval wanted = {.sival_int = VALUE};
	siginfo_t info = {.si_signo = SIGUSR1, .si_code = SI_QUEUE};
	info.si_value.sival_int = VALUE + 1;
	info.si_pid = getpid();
	info.si_uid = getuid();
	CHECK_OK(sigqueue(to, SIGUSR1, wanted));
	check_await(&handled);
	CHECK_EQ(value, VALUE);
	CHECK_OK(syscall(SYS_rt_sigqueueinfo, to, SIGUSR1, &info));
	check_await(&handled);
	CHECK_EQ(value, VALUE + 1);
	CHECK_ERRNO(sigqueue(to, 100, wanted), EINVAL);
}

static void asks(pid_t of)
{
	struct rlimit own, found;
	CHECK_EQ(getpgid(of), getpgrp());
	CHECK_EQ(syscall(SYS_getpgid, of), getpgrp());
	CHECK_EQ(getsid(of), getsid(0));
	CHECK_EQ(syscall(SYS_getsid, of), getsid(0));
	CHECK_OK(getrlimit(RLIMIT_NOFILE, &own));
	memset(&found, 0, sizeof(found));
	CHECK_OK(prlimit(of, RLIMIT_NOFILE, NULL, &found));
	CHECK_EQ(found.rlim_cur, own.rlim_cur);
	CHECK_OK(prlimit(of, RLIMIT_NOFILE, &own, NULL));
	memset(&found, 0, sizeof(found));
	CHECK_OK(syscall(SYS_prlimit64, of, RLIMIT_NOFILE, NULL, &found));
	CHECK_EQ(found.rlim_cur, own.rlim_cur);
}

/* Some sandboxes deny these. */
static int is_denied(long result)
{
	return result == -1 && (errno == EPERM || errno == ENOSYS);
}

static void copies(pid_t of)
{
	char from[] = "there", to[sizeof(from)] = "";
	struct iovec source = {from, sizeof(from)}, target = {to, sizeof(to)};
	long count = process_vm_readv(of, &target, 1, &source, 1, 0);
	if (is_denied(count))
		return;
	CHECK_EQ(count, sizeof(from));
	CHECK_OK(strcmp(from, to));
	memset(to, 0, sizeof(to));
	CHECK_EQ(process_vm_writev(of, &source, 1, &target, 1, 0), sizeof(from));
	CHECK_OK(strcmp(from, to));
	memset(to, 0, sizeof(to));
	CHECK_EQ(syscall(SYS_process_vm_readv, of, &target, 1, &source, 1, 0), sizeof(from));
	CHECK_OK(strcmp(from, to));
}

static void compares(pid_t one, pid_t other)
{
	enum { VIRTUAL_MEMORY = 1 }; /* KCMP_VM of <linux/kcmp.h> */
	long result = syscall(SYS_kcmp, one, other, VIRTUAL_MEMORY, 0, 0);
	CHECK(result == 0 || is_denied(result));
}

int main(void)
{
	struct sigaction action = {.sa_sigaction = handle, .sa_flags = SA_SIGINFO};
	CHECK_OK(sigaction(SIGUSR1, &action, NULL));
	CHECK_OK(sem_init(&ready, 0, 0));
	CHECK_OK(sem_init(&handled, 0, 0));
	CHECK_OK(sem_init(&go, 0, 0));
	pthread_t thread = check_start(stay, NULL);
	CHECK_OK(sem_wait(&ready));
	queues_signals(id);
	queues_signals(getpid());
	asks(id);
	asks(getpid());
	copies(id);
	compares(id, getpid());
	compares(getpid(), id);
	CHECK_OK(sem_post(&go));
	check_join(thread);
	return 0;
}
