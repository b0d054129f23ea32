/* A thread that overflows its stack recovers by siglongjmp from a handler on its alternate stack, as often as it likes
 * and beside others that do the same; without an alternate stack the process dies of SIGSEGV. */
#include "check.h"
#include <setjmp.h>
#include <sys/resource.h>

enum { THREADS = 4, ROUNDS = 500, STACK_SIZE = 32 * 1024 };

static __thread sigjmp_buf recovery;
static __thread volatile int recovered;

static void recover(int signal_number)
{
	(void)signal_number;
	recovered++;
	if (recovered % 16 == 0)
		usleep(10);
	siglongjmp(recovery, 1);
}

static volatile int bottomless = 1;

__attribute__((noinline)) static int descend(volatile char *above)
{
	volatile char frame[512];
	frame[0] = above[0];
	return bottomless ? descend(frame) + frame[0] : 0;
}

static void *overflow_often(void *rounds)
{
	char *memory = malloc(STACK_SIZE);
	CHECK(memory != NULL);
	stack_t stack = {.ss_sp = memory, .ss_size = STACK_SIZE};
	CHECK_OK(sigaltstack(&stack, NULL));
	for (volatile long i = 0; i < (long)rounds; i++) {
		volatile char bottom = 0;
		if (sigsetjmp(recovery, 1) == 0) {
			descend(&bottom);
			CHECK(0);
		}
		if (i % 8 == 0)
			sched_yield();
	}
	CHECK_EQ(recovered, (long)rounds);
	stack.ss_flags = SS_DISABLE;
	CHECK_OK(sigaltstack(&stack, NULL));
	free(memory);
	return NULL;
}

static void *overflow_unprepared(void *unused)
{
	volatile char bottom = 0;
	descend(&bottom);
	return unused;
}

static void without_a_stack_it_is_deadly(int in_thread)
{
	pid_t child = check_fork();
	if (child == 0) {
		struct rlimit none = {0};
		CHECK_OK(setrlimit(RLIMIT_CORE, &none));
		if (in_thread)
			check_join(check_start(overflow_unprepared, NULL));
		else
			overflow_unprepared(NULL);
		_exit(0);
	}
	int status = -1;
	CHECK_EQ(waitpid(child, &status, 0), child);
	CHECK(WIFSIGNALED(status));
	CHECK_EQ(WTERMSIG(status), SIGSEGV);
}

int main(void)
{
	struct rlimit limit;
	struct sigaction action = {.sa_handler = recover, .sa_flags = SA_ONSTACK};
	pthread_t threads[THREADS];
	CHECK_OK(getrlimit(RLIMIT_STACK, &limit));
	CHECK_OK(sigaction(SIGSEGV, &action, NULL));
	without_a_stack_it_is_deadly(0);
	overflow_often((void *)3L);
	recovered = 0;
	for (int i = 0; i < THREADS; i++)
		threads[i] = check_start(overflow_often, (void *)(long)ROUNDS);
	overflow_often((void *)20L);
	for (int i = 0; i < THREADS; i++)
		check_join(threads[i]);
	without_a_stack_it_is_deadly(0);
	without_a_stack_it_is_deadly(1);
	return 0;
}
