/* A thread's CPUs, policy and nice value can be changed by another, whatever it does at the moment: it has them when
 * the call returns, what it waits in goes on, and nobody else has them. */
#include "check.h"
#include <poll.h>
#include <sched.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <sys/resource.h>
#include <sys/syscall.h>

enum { NICE = 5, MUTUAL = 50, SHORT_MS = 20 };

static cpu_set_t all, one;
static sem_t go;
static atomic_int stop;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t condition = PTHREAD_COND_INITIALIZER;
static int pipe_ends[2];
static pthread_t main_thread;
static atomic_int waiter_id;

static int has_all_cpus(void)
{
	cpu_set_t own;
	CHECK_OK(sched_getaffinity(0, sizeof own, &own));
	return CPU_EQUAL(&own, &all);
}

static void check_plain(void)
{
	CHECK(has_all_cpus());
	CHECK_EQ(sched_getscheduler(0), SCHED_OTHER);
	CHECK_EQ(getpriority(PRIO_PROCESS, 0), 0);
}

static void *look_changed(void *unused)
{
	CHECK(!has_all_cpus() || CPU_EQUAL(&one, &all));
	CHECK_EQ(sched_getscheduler(0), SCHED_BATCH);
	CHECK_EQ(getpriority(PRIO_PROCESS, 0), NICE);
	return unused;
}

static void in_semaphore(void)
{
	CHECK_OK(sem_wait(&go));
}

static void in_nanosleep(void)
{
	struct timespec time = {.tv_nsec = SHORT_MS * NS_PER_MS};
	CHECK_OK(nanosleep(&time, NULL));
	in_semaphore();
}

static void in_poll(void)
{
	struct pollfd readable = {.fd = pipe_ends[0], .events = POLLIN};
	CHECK_EQ(poll(&readable, 1, SHORT_MS), 0);
	in_semaphore();
}

static void in_condition(void)
{
	CHECK_OK(pthread_mutex_lock(&mutex));
	while (sem_trywait(&go) == -1)
		CHECK_OK(pthread_cond_wait(&condition, &mutex));
	CHECK_OK(pthread_mutex_unlock(&mutex));
}

static void in_read(void)
{
	char byte;
	CHECK_EQ(read(pipe_ends[0], &byte, 1), 1);
	in_semaphore();
}

static void in_the_kernel(void)
{
	char byte;
	long result;
	__asm__ volatile("syscall"
			 : "=a"(result)
			 : "a"(SYS_read), "D"(pipe_ends[0]), "S"(&byte), "d"(1)
			 : "rcx", "r11", "memory");
	CHECK_EQ(result, 1);
	in_semaphore();
}

static void in_a_loop(void)
{
	while (!stop)
		;
}

static void in_yields(void)
{
	while (!stop)
		sched_yield();
}

static void *run(void *wait)
{
	waiter_id = (int)syscall(SYS_gettid);
	((void (*)(void))wait)();
	check_here_and_in_thread(look_changed, NULL);
	return NULL;
}

static void change(pthread_t thread, pid_t id)
{
	struct sched_param parameters = {0};
	int policy;
	cpu_set_t none, got;
	CPU_ZERO(&none);
	CHECK_EQ(pthread_setaffinity_np(thread, sizeof none, &none), EINVAL);
	CHECK_OK(pthread_setaffinity_np(thread, sizeof one, &one));
	CHECK_OK(pthread_setschedparam(thread, SCHED_BATCH, &parameters));
	CHECK_OK(setpriority(PRIO_PROCESS, (id_t)id, NICE));

	CHECK_OK(pthread_getaffinity_np(thread, sizeof got, &got));
	CHECK(CPU_EQUAL(&got, &one));
	CHECK_OK(sched_getaffinity(id, sizeof got, &got));
	CHECK(CPU_EQUAL(&got, &one));
	CHECK_OK(pthread_getschedparam(thread, &policy, &parameters));
	CHECK_EQ(policy, SCHED_BATCH);
	CHECK_EQ(parameters.sched_priority, 0);
	CHECK_EQ(sched_getscheduler(id), SCHED_BATCH);
	CHECK_EQ(getpriority(PRIO_PROCESS, (id_t)id), NICE);
	CHECK_ERRNO(sched_setaffinity(id, sizeof none, &none), EINVAL);
	parameters.sched_priority = 1;
	CHECK_EQ(pthread_setschedparam(thread, SCHED_BATCH, &parameters), EINVAL);
}

static void check_waiter(void (*wait)(void), int at_once)
{
	stop = waiter_id = 0;
	pthread_t thread = check_start(run, (void *)wait);
	while (!waiter_id)
		usleep(100);
	if (!at_once)
		usleep(1000);
	change(thread, waiter_id);
	check_plain();
	stop = 1;
	char byte = 0;
	CHECK_OK(sem_post(&go));
	if (wait == in_read || wait == in_the_kernel)
		CHECK_EQ(write(pipe_ends[1], &byte, 1), 1);
	CHECK_OK(pthread_mutex_lock(&mutex));
	CHECK_OK(pthread_cond_broadcast(&condition));
	CHECK_OK(pthread_mutex_unlock(&mutex));
	check_join(thread);
	if (wait == in_a_loop || wait == in_yields)
		CHECK_OK(sem_wait(&go));
	check_plain();
}

/* Before it has run. */
static void *see_one(void *unused)
{
	while (has_all_cpus())
		sched_yield();
	CHECK_OK(sem_wait(&go));
	return unused;
}

static void check_new_thread(void)
{
	pthread_t thread = check_start(see_one, NULL);
	CHECK_OK(pthread_setaffinity_np(thread, sizeof one, &one));
	CHECK_OK(sem_post(&go));
	check_join(thread);
}

static pthread_t pair[2];
static pthread_barrier_t barrier;

static void *change_peer(void *number)
{
	cpu_set_t got;
	pthread_barrier_wait(&barrier);
	pthread_t peer = pair[!number];
	for (int i = 0; i < MUTUAL; i++) {
		const cpu_set_t *wanted = i % 2 ? &one : &all;
		CHECK_OK(pthread_setaffinity_np(peer, sizeof *wanted, wanted));
		CHECK_OK(pthread_getaffinity_np(peer, sizeof got, &got));
		CHECK(CPU_EQUAL(&got, wanted));
	}
	pthread_barrier_wait(&barrier);
	return NULL;
}

static void check_mutual(void)
{
	static char second;
	CHECK_OK(pthread_barrier_init(&barrier, NULL, 3));
	pair[0] = check_start(change_peer, NULL);
	pair[1] = check_start(change_peer, &second);
	pthread_barrier_wait(&barrier);
	pthread_barrier_wait(&barrier);
	check_join(pair[0]);
	check_join(pair[1]);
	check_plain();
}

static void *change_main(void *unused)
{
	change(main_thread, getpid());
	check_plain();
	CHECK_OK(sem_post(&go));
	return unused;
}

/* By a thread that is the kernel's own. */
static void *change_from_native(void *unused)
{
	pthread_t thread = check_start(see_one, NULL);
	CHECK_OK(pthread_setaffinity_np(thread, sizeof one, &one));
	CHECK_OK(sem_post(&go));
	check_join(thread);
	return unused;
}

static void check_native(void)
{
	pthread_t thread;
	pthread_attr_t attributes;
	size_t size = 1 << 18;
	void *stack;
	CHECK_OK(posix_memalign(&stack, 4096, size));
	CHECK_OK(pthread_attr_init(&attributes));
	CHECK_OK(pthread_attr_setstack(&attributes, stack, size));
	CHECK_OK(pthread_create(&thread, &attributes, change_from_native, NULL));
	check_join(thread);
	free(stack);
}

int main(void)
{
	void (*const waits[])(void) = {
		in_semaphore, in_nanosleep, in_poll, in_condition, in_read, in_the_kernel, in_a_loop, in_yields,
	};
	int cpu = 0;
	main_thread = pthread_self();
	CHECK_OK(sem_init(&go, 0, 0));
	CHECK_OK(pipe(pipe_ends));
	CHECK_OK(sched_getaffinity(0, sizeof all, &all));
	while (!CPU_ISSET(cpu, &all))
		cpu++;
	CPU_ZERO(&one);
	CPU_SET(cpu, &one);
	for (size_t i = 0; i < sizeof waits / sizeof *waits; i++) {
		check_waiter(waits[i], 0);
		check_waiter(waits[i], 1);
	}
	if (!CPU_EQUAL(&one, &all)) {
		check_new_thread();
		check_native();
	}
	check_mutual();
	pthread_t thread = check_start(change_main, NULL);
	CHECK_OK(sem_wait(&go));
	look_changed(NULL);
	check_join(thread);
	check_join(check_start(look_changed, NULL));
	return 0;
}
