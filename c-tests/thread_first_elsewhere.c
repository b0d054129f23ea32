/* The thread that makes the process's first thread need not be main: it stays what it is, and so does main.
 *
 * Each case is a process of its own, in which a thread of libc's own (a timer's callback) or one from a raw clone
 * comes first. Signals to the process go to main, ids stay, and everybody ends by itself. */
#include "check.h"
#include <dlfcn.h>
#include <linux/futex.h>
#include <sched.h>
#include <semaphore.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/syscall.h>

enum { CALLBACKS = 20, THREADS = 50, STACK = 1 << 20 };

static sem_t handled, called, started, created;
static pthread_t main_thread;
static pthread_t handled_by;

static void note_thread(int signal_number)
{
	(void)signal_number;
	handled_by = pthread_self();
	CHECK_OK(sem_post(&handled));
}

static void *count(void *counter)
{
	__atomic_fetch_add((int *)counter, 1, __ATOMIC_RELAXED);
	CHECK(gettid() != getpid());
	sched_yield();
	return counter;
}

static void run_threads(void)
{
	pthread_t threads[THREADS];
	int counter = 0;
	for (int i = 0; i < THREADS; i++)
		threads[i] = check_start(count, &counter);
	for (int i = 0; i < THREADS; i++)
		CHECK(check_join(threads[i]) == &counter);
	CHECK_EQ(counter, THREADS);
}

/* A signal to the process is main's, which accepts it, unless somebody else happens to open its mask before main
 * runs, as pthread_create does at its end. */
static void *signal_process(void *unused)
{
	check_await(&created);
	CHECK_OK(kill(getpid(), SIGUSR1));
	check_await(&handled);
	CHECK(pthread_equal(handled_by, main_thread));
	return unused;
}

static void begin(void)
{
	pid_t own = gettid();
	CHECK(own != getpid());
	pthread_t thread = check_start(signal_process, NULL);
	CHECK_OK(sem_post(&created));
	check_join(thread);
	run_threads();
	CHECK_EQ(gettid(), own);
	CHECK_EQ(syscall(SYS_gettid), own);
}

/* What main can do beside them. */
static void go_on(void)
{
	CHECK_EQ(gettid(), getpid());
	run_threads();
	check_child_succeeds(({
		pid_t child = check_fork();
		if (child == 0) {
			CHECK_EQ(gettid(), getpid());
			run_threads();
			exit(0);
		}
		child;
	}));
}

static void call_back(union sigval unused)
{
	(void)unused;
	begin();
	CHECK_OK(sem_post(&called));
}

static void from_timer(void)
{
	timer_t timer;
	struct itimerspec soon = {.it_value.tv_nsec = NS_PER_MS};
	struct sigevent event = {.sigev_notify = SIGEV_THREAD, .sigev_notify_function = call_back};
	CHECK_OK(timer_create(CLOCK_MONOTONIC, &event, &timer));
	for (int i = 0; i < CALLBACKS; i++) {
		CHECK_OK(timer_settime(timer, 0, &soon, NULL));
		check_await(&called);
	}
	go_on();
	CHECK_OK(timer_delete(timer));
}

static int clone_ended = 1;

static int run_on_clone(void *unused)
{
	(void)unused;
	begin();
	return 0;
}

/* A TCB as a runtime of its own would have it. */
static void *new_thread_pointer(void)
{
	void *(*allocate)(void *) = (void *(*)(void *))(uintptr_t)dlsym(RTLD_DEFAULT, "_dl_allocate_tls");
	CHECK(allocate != NULL);
	char *block = allocate(NULL);
	char *own = (char *)pthread_self();
	enum { TCB = 0, SELF = 0x10, STACK_GUARD = 0x28, POINTER_GUARD = 0x30 };
	*(void **)(block + TCB) = block;
	*(void **)(block + SELF) = block;
	memcpy(block + STACK_GUARD, own + STACK_GUARD, sizeof(void *));
	memcpy(block + POINTER_GUARD, own + POINTER_GUARD, sizeof(void *));
	return block;
}

static void from_clone(void)
{
	int flags = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM | CLONE_SETTLS |
		    CLONE_CHILD_CLEARTID;
	char *stack = mmap(NULL, STACK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	CHECK(stack != MAP_FAILED);
	CHECK(clone(run_on_clone, stack + STACK, flags, NULL, NULL, new_thread_pointer(), &clone_ended) > 0);
	while (__atomic_load_n(&clone_ended, __ATOMIC_ACQUIRE))
		syscall(SYS_futex, &clone_ended, FUTEX_WAIT, 1, NULL, NULL, 0);
	go_on();
}

static void *outlive_main(void *unused)
{
	CHECK_OK(sem_post(&started));
	CHECK_OK(pthread_join(main_thread, NULL));
	run_threads();
	exit(0);
	return unused;
}

static void start_outliver(union sigval unused)
{
	(void)unused;
	CHECK_OK(pthread_detach(check_start(outlive_main, NULL)));
}

/* Main ends, the thread that a callback has made goes on. */
static void without_main(void)
{
	timer_t timer;
	struct itimerspec once = {.it_value.tv_nsec = NS_PER_MS};
	struct sigevent event = {.sigev_notify = SIGEV_THREAD, .sigev_notify_function = start_outliver};
	CHECK_OK(timer_create(CLOCK_MONOTONIC, &event, &timer));
	CHECK_OK(timer_settime(timer, 0, &once, NULL));
	check_await(&started);
	pthread_exit(NULL);
}

int main(void)
{
	static void (*const cases[])(void) = {from_timer, from_clone, without_main};
	struct sigaction action = {.sa_handler = note_thread};
	CHECK_OK(sigaction(SIGUSR1, &action, NULL));
	CHECK_OK(sem_init(&handled, 0, 0));
	CHECK_OK(sem_init(&called, 0, 0));
	CHECK_OK(sem_init(&started, 0, 0));
	CHECK_OK(sem_init(&created, 0, 0));
	main_thread = pthread_self();
	for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
		pid_t child = check_fork();
		if (child == 0) {
			cases[i]();
			exit(0);
		}
		check_child_succeeds(child);
	}
	return 0;
}
