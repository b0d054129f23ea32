/* A thread that has set the trap flag of its processor gets SIGTRAP after each of its instructions, also when it
 * waits in between: nobody else does, and it goes on with that when it has waited. */
#include "check.h"

enum { ROUNDS = 10, BESIDE = 3 };

static __thread int *own_steps;
static int strangers;
static sem_t asked, answered;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static int pipe_ends[2], round_now;
static volatile int over;

static void step(int signal_number)
{
	(void)signal_number;
	if (own_steps)
		++*own_steps;
	else
		__atomic_fetch_add(&strangers, 1, __ATOMIC_RELAXED);
}

/* The first line keeps what the caller may have below its stack pointer. */
static void set_steps(void)
{
	__asm__ volatile("lea -128(%%rsp), %%rsp\n\tpushfq\n\torq $0x100, (%%rsp)\n\tpopfq\n\tlea 128(%%rsp), %%rsp" ::
			     : "memory", "cc");
}

static int clear_steps(void)
{
	unsigned long before;
	__asm__ volatile("lea -128(%%rsp), %%rsp\n\tpushfq\n\tmovq (%%rsp), %0\n\tandq $~0x100, (%%rsp)\n\tpopfq\n\t"
			 "lea 128(%%rsp), %%rsp"
			 : "=&r"(before)
			 :
			 : "memory", "cc");
	return (before & 0x100) != 0;
}

static void *answer(void *unused)
{
	(void)unused;
	for (int round = 1; round <= ROUNDS; round++) {
		check_await(&asked);
		CHECK_EQ(write(pipe_ends[1], "x", 1), 1);
		CHECK_OK(pthread_mutex_lock(&mutex));
		round_now = round;
		CHECK_OK(pthread_cond_signal(&changed));
		sleep_ms(1);
		CHECK_OK(pthread_mutex_unlock(&mutex));
		CHECK_OK(sem_post(&answered));
	}
	return NULL;
}

static void *run_beside(void *unused)
{
	(void)unused;
	while (!over)
		sleep_ms(1);
	return NULL;
}

static void *go_by_steps(void *unused)
{
	(void)unused;
	int steps = 0;
	own_steps = &steps;
	for (int round = 1; round <= ROUNDS; round++) {
		char byte;
		set_steps();
		CHECK_OK(sem_post(&asked));
		CHECK_EQ(read(pipe_ends[0], &byte, 1), 1);
		CHECK_OK(pthread_mutex_lock(&mutex));
		while (round_now < round)
			CHECK_OK(pthread_cond_wait(&changed, &mutex));
		CHECK_OK(pthread_mutex_unlock(&mutex));
		check_await(&answered);
		sleep_ms(1);
		sched_yield();
		int before = steps;
		CHECK_EQ(clear_steps(), 1);
		CHECK(before > 50 * round);
		before = steps;
		sleep_ms(1);
		CHECK_EQ(steps, before);
		CHECK_EQ(clear_steps(), 0);
	}
	own_steps = NULL;
	return NULL;
}

static void go(void)
{
	round_now = over = 0;
	pthread_t answers = check_start(answer, NULL), beside[BESIDE];
	for (int i = 0; i < BESIDE; i++)
		beside[i] = check_start(run_beside, NULL);
	check_join(check_start(go_by_steps, NULL));
	check_join(answers);
	/* And the main thread. */
	round_now = 0;
	answers = check_start(answer, NULL);
	go_by_steps(NULL);
	check_join(answers);
	over = 1;
	for (int i = 0; i < BESIDE; i++)
		check_join(beside[i]);
	CHECK_EQ(strangers, 0);
}

int main(void)
{
	struct sigaction action = {.sa_handler = step};
	CHECK_OK(sigaction(SIGTRAP, &action, NULL));
	CHECK_OK(sem_init(&asked, 0, 0));
	CHECK_OK(sem_init(&answered, 0, 0));
	CHECK_OK(pipe(pipe_ends));
	go();
	pid_t child = check_fork();
	if (child == 0) {
		go();
		_exit(0);
	}
	check_child_succeeds(child);
	return 0;
}
