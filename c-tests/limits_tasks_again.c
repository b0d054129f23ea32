/* What kernel threads were needed for is over: as many of the program's are to be had as the limit allows, at once. */
#include "check.h"
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>

enum { LIMIT = 40, BLOCKED = 24, THREADS = 24, STACK = 1 << 18, NOBODY = 1000000 };

static int ends[2];

/* By an instruction of its own, of which nobody knows. */
static long raw_read(int file, void *place, unsigned long length)
{
	long result = SYS_read;
	__asm__ volatile("syscall" : "+a"(result) : "D"((long)file), "S"(place), "d"(length) : "rcx", "r11", "memory");
	return result;
}

static void *block(void *unused)
{
	char byte;
	CHECK_EQ(raw_read(ends[0], &byte, 1), 1);
	return unused;
}

static pthread_barrier_t all;

static void *meet(void *unused)
{
	pthread_barrier_wait(&all);
	return unused;
}

/* With stacks of the program's own, or of that size. */
static void crowd(pthread_t *threads, void *(*routine)(void *), int own_stack, size_t size)
{
	for (int i = 0; i < THREADS; i++) {
		pthread_attr_t attributes;
		CHECK_OK(pthread_attr_init(&attributes));
		if (own_stack) {
			void *stack = mmap(NULL, STACK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
			CHECK(stack != MAP_FAILED);
			CHECK_OK(pthread_attr_setstack(&attributes, stack, STACK));
		} else {
			CHECK_OK(pthread_attr_setstacksize(&attributes, size));
		}
		CHECK_OK(pthread_create(&threads[i], &attributes, routine, NULL));
		CHECK_OK(pthread_attr_destroy(&attributes));
	}
}

static void again(int own_stack)
{
	pthread_t threads[THREADS];
	char bytes[BLOCKED] = "";
	struct rlimit limit = {.rlim_cur = LIMIT, .rlim_max = LIMIT};
	CHECK_OK(pthread_barrier_init(&all, NULL, THREADS + 1));
	CHECK_OK(pipe(ends));
	CHECK_OK(setrlimit(RLIMIT_NPROC, &limit));
	uid_t user = NOBODY + (uid_t)getpid();
	CHECK_OK(setresuid(user, user, user));
	crowd(threads, block, 0, 256 << 10);
	/* All are in the kernel. */
	sleep_ms(200);
	CHECK_EQ(write(ends[1], bytes, BLOCKED), BLOCKED);
	for (int i = 0; i < THREADS; i++)
		check_join(threads[i]);
	/* A thread that has been joined may still be on its way out. */
	sleep_ms(20);
	crowd(threads, meet, own_stack, 512 << 10);
	pthread_barrier_wait(&all);
	for (int i = 0; i < THREADS; i++)
		check_join(threads[i]);
}

int main(void)
{
	/* The limit counts all threads of the user. */
	if (geteuid() != 0)
		return 0;
	for (int own_stack = 0; own_stack < 2; own_stack++) {
		pid_t child = check_fork();
		if (child == 0) {
			again(own_stack);
			_exit(0);
		}
		check_child_succeeds(child);
	}
	return 0;
}
