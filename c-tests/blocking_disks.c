/* sync, syncfs, fsync and fdatasync: while threads wait in the kernel for disks, others go on. How long a disk takes is
 * a child's to say, which the kernel asks about each of these calls (seccomp(2), SECCOMP_RET_USER_NOTIF): none reaches
 * one. */
#include "check.h"
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

static const int calls[] = {SYS_sync, SYS_syncfs, SYS_fsync, SYS_fdatasync};
enum { CALLS = sizeof calls / sizeof calls[0], ROUNDS = 2, WAYS = CALLS + 1, THREADS = ROUNDS * WAYS };

/* The descriptor to be asked at; -1 where that cannot be had. */
static int be_asked(void)
{
	struct sock_filter program[2 + 2 * CALLS];
	size_t length = 0;
	program[length++] =
		(struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr));
	for (size_t i = 0; i < CALLS; i++) {
		program[length++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)calls[i], 0, 1);
		program[length++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF);
	}
	program[length++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	struct sock_fprog filter = {.len = (unsigned short)length, .filter = program};
	CHECK_OK(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
	return (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER, &filter);
}

/* Says when all are there, and lets them go when it is told to. */
static void be_the_disk(int asked, int all_are_there, int go)
{
	unsigned long long waiting[THREADS];
	char byte;
	for (int i = 0; i < THREADS; i++) {
		struct seccomp_notif call = {0};
		CHECK_OK(ioctl(asked, SECCOMP_IOCTL_NOTIF_RECV, &call));
		waiting[i] = call.id;
	}
	CHECK_EQ(write(all_are_there, "x", 1), 1);
	CHECK_EQ(read(go, &byte, 1), 1);
	for (int i = 0; i < THREADS; i++) {
		struct seccomp_notif_resp answer = {.id = waiting[i]};
		CHECK_OK(ioctl(asked, SECCOMP_IOCTL_NOTIF_SEND, &answer));
	}
}

static int file, let_go;

static void *wait_for_disk(void *way)
{
	switch ((long)way) {
	case 0:
		sync();
		break;
	case 1:
		CHECK_OK(syncfs(file));
		break;
	case 2:
		CHECK_OK(fsync(file));
		break;
	case 3:
		CHECK_OK(fdatasync(file));
		break;
	default:
		CHECK_OK(syscall(SYS_sync));
	}
	CHECK_EQ(__atomic_load_n(&let_go, __ATOMIC_ACQUIRE), 1);
	return NULL;
}

int main(void)
{
	int there[2], go[2];
	char byte;
	pthread_t threads[THREADS];
	int asked = be_asked();
	if (asked < 0) {
		/* an old kernel, or a profile that forbids it */
		CHECK(errno == EINVAL || errno == ENOSYS || errno == EPERM || errno == EBUSY);
		return 0;
	}
	CHECK_OK(pipe(there));
	CHECK_OK(pipe(go));
	file = memfd_create("green-disks", MFD_CLOEXEC);
	CHECK(file >= 0);
	pid_t disk = check_fork();
	if (disk == 0) {
		be_the_disk(asked, there[1], go[0]);
		_exit(0);
	}
	for (long i = 0; i < THREADS; i++)
		threads[i] = check_start(wait_for_disk, (void *)(i % WAYS));
	CHECK_EQ(read(there[0], &byte, 1), 1);
	__atomic_store_n(&let_go, 1, __ATOMIC_RELEASE);
	CHECK_EQ(write(go[1], "x", 1), 1);
	for (int i = 0; i < THREADS; i++)
		check_join(threads[i]);
	check_child_succeeds(disk);
	return 0;
}
