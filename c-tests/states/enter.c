#include "enter.h"
#include "../deny.h"
#include <dlfcn.h>
#include <linux/futex.h>
#include <sched.h>
#include <semaphore.h>
#include <sys/mman.h>
#include <sys/resource.h>

void (*run_check)(void);

enum { HOGS = 3, STACK = 1 << 20 };

static sigset_t initial_mask;
static sem_t done, never;

/* Leaves signals, but for the watchdog's, to the thread of the check. */
static void leave_signals_alone(void)
{
	sigset_t all;
	sigfillset(&all);
	sigdelset(&all, SIGALRM);
	CHECK_OK(pthread_sigmask(SIG_BLOCK, &all, NULL));
}

static void accept_signals(void)
{
	CHECK_OK(pthread_sigmask(SIG_SETMASK, &initial_mask, NULL));
}

static void *run_in_thread(void *unused)
{
	accept_signals();
	run_check();
	return unused;
}

static void *wait_for_ever(void *unused)
{
	for (;;)
		sem_wait(&never);
	return unused;
}

/* A thread that only waits. */
static void start_companion(void)
{
	sigset_t before;
	CHECK_OK(pthread_sigmask(SIG_SETMASK, NULL, &before));
	leave_signals_alone();
	CHECK_OK(pthread_detach(check_start(wait_for_ever, NULL)));
	CHECK_OK(pthread_sigmask(SIG_SETMASK, &before, NULL));
}

static void run_in_new_thread(const pthread_attr_t *attributes, void *(*routine)(void *))
{
	pthread_t thread;
	leave_signals_alone();
	CHECK_OK(pthread_create(&thread, attributes, routine, NULL));
	check_join(thread);
}

static void enter_first(void)
{
	run_check();
}

static void enter_main(void)
{
	start_companion();
	run_check();
}

static void enter_green(void)
{
	run_in_new_thread(NULL, run_in_thread);
}

/* Children. */

static void run_in_child(void)
{
	pid_t child = check_fork();
	if (child == 0) {
		run_check();
		exit(0);
	}
	check_child_succeeds(child);
}

static void *fork_in_thread(void *unused)
{
	accept_signals();
	run_in_child();
	return unused;
}

static void enter_child_of_threads(void)
{
	start_companion();
	run_in_child();
}

static void enter_child_of_green(void)
{
	start_companion();
	run_in_new_thread(NULL, fork_in_thread);
}

/* Threads of libc's own. */

static void call_back_on_timer(void (*function)(union sigval))
{
	timer_t timer;
	struct itimerspec soon = {.it_value.tv_nsec = NS_PER_MS};
	struct sigevent event = {.sigev_notify = SIGEV_THREAD, .sigev_notify_function = function};
	leave_signals_alone();
	CHECK_OK(timer_create(CLOCK_MONOTONIC, &event, &timer));
	CHECK_OK(timer_settime(timer, 0, &soon, NULL));
	check_await(&done);
}

static void run_on_timer(union sigval unused)
{
	(void)unused;
	accept_signals();
	run_check();
	CHECK_OK(sem_post(&done));
}

static void enter_timer_first(void)
{
	call_back_on_timer(run_on_timer);
}

static void enter_timer(void)
{
	start_companion();
	call_back_on_timer(run_on_timer);
}

static void run_in_thread_of_timer(union sigval unused)
{
	(void)unused;
	run_in_new_thread(NULL, run_in_thread);
	CHECK_OK(sem_post(&done));
}

static void enter_started_by_timer(void)
{
	call_back_on_timer(run_in_thread_of_timer);
}

static void start_companion_on_timer(union sigval unused)
{
	(void)unused;
	start_companion();
	CHECK_OK(sem_post(&done));
}

static void enter_main_started_by_timer(void)
{
	call_back_on_timer(start_companion_on_timer);
	accept_signals();
	run_check();
}

/* A thread that neither libc nor libgreen has made, with a TCB of its own as a runtime would give it. */

static int clone_ended = 1;

static int run_on_clone(void *unused)
{
	(void)unused;
	run_check();
	return 0;
}

static void *new_thread_pointer(void)
{
	void *(*allocate)(void *) = (void *(*)(void *))dlsym(RTLD_DEFAULT, "_dl_allocate_tls");
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

static void enter_clone(void)
{
	start_companion();
	int flags = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM | CLONE_SETTLS |
		    CLONE_CHILD_CLEARTID;
	char *stack = mmap(NULL, STACK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	CHECK(stack != MAP_FAILED);
	CHECK(clone(run_on_clone, stack + STACK, flags, NULL, NULL, new_thread_pointer(), &clone_ended) > 0);
	leave_signals_alone();
	while (__atomic_load_n(&clone_ended, __ATOMIC_ACQUIRE))
		syscall(SYS_futex, &clone_ended, FUTEX_WAIT, 1, NULL, NULL, 0);
}

/* Threads with a kernel thread of their own. */

static void *wire_and_run(void *unused)
{
	cpu_set_t allowed;
	CHECK_OK(sched_getaffinity(0, sizeof allowed, &allowed));
	CHECK_OK(sched_setaffinity(0, sizeof allowed, &allowed));
	return run_in_thread(unused);
}

static void enter_wired(void)
{
	run_in_new_thread(NULL, wire_and_run);
}

static void enter_native(void)
{
	pthread_attr_t attributes;
	void *stack = mmap(NULL, STACK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	CHECK(stack != MAP_FAILED);
	CHECK_OK(pthread_attr_init(&attributes));
	CHECK_OK(pthread_attr_setstack(&attributes, stack, STACK));
	run_in_new_thread(&attributes, run_in_thread);
}

/* Handlers. */

static void handle_with_check(int signal_number)
{
	(void)signal_number;
	run_check();
	CHECK_OK(sem_post(&done));
}

static void handle_usr1(void)
{
	struct sigaction action = {.sa_handler = handle_with_check, .sa_flags = SA_RESTART};
	CHECK_OK(sigaction(SIGUSR1, &action, NULL));
}

static void enter_handler_first(void)
{
	handle_usr1();
	CHECK_OK(raise(SIGUSR1));
}

static void enter_handler_main(void)
{
	start_companion();
	handle_usr1();
	CHECK_OK(raise(SIGUSR1));
}

static void *accept_and_wait(void *unused)
{
	accept_signals();
	return wait_for_ever(unused);
}

static void enter_handler_parked(void)
{
	handle_usr1();
	leave_signals_alone();
	pthread_t thread = check_start(accept_and_wait, NULL);
	sleep_ms(5);
	CHECK_OK(pthread_kill(thread, SIGUSR1));
	check_await(&done);
}

/* Threads that compute, so that whoever wakes up has to wait for a processor first. */

static volatile int hogging = 1;

static void *hog(void *unused)
{
	while (hogging)
		;
	return unused;
}

static void enter_crowded(void)
{
	pthread_t hogs[HOGS];
	leave_signals_alone();
	for (int i = 0; i < HOGS; i++)
		hogs[i] = check_start(hog, NULL);
	run_in_new_thread(NULL, run_in_thread);
	hogging = 0;
	for (int i = 0; i < HOGS; i++)
		check_join(hogs[i]);
}

static pthread_t main_thread;

static void *run_after_main(void *unused)
{
	CHECK_OK(pthread_join(main_thread, NULL));
	run_in_thread(unused);
	exit(0);
}

static void enter_after_main(void)
{
	main_thread = pthread_self();
	leave_signals_alone();
	check_start(run_after_main, NULL);
	pthread_exit(NULL);
}

/* Resources denied. */

static void enter_no_epoll(void)
{
	static const int calls[] = {SYS_epoll_create, SYS_epoll_create1};
	deny(calls, 2, EPERM);
	enter_green();
}

static void enter_main_no_epoll(void)
{
	static const int calls[] = {SYS_epoll_create, SYS_epoll_create1};
	deny(calls, 2, EPERM);
	enter_main();
}

/* Calls younger than many a seccomp profile, which answers EPERM where an old kernel says ENOSYS. */
static void enter_old_profile(void)
{
	static const int calls[] = {SYS_epoll_pwait2, SYS_preadv2, SYS_pwritev2, SYS_set_tid_address, SYS_membarrier};
	deny(calls, 5, EPERM);
	enter_green();
}

static void enter_no_descriptors(void)
{
	enum { LIMIT = 64 };
	struct rlimit before, limit;
	int numbers[LIMIT], count = 0;
	CHECK_OK(getrlimit(RLIMIT_NOFILE, &before));
	limit = (struct rlimit){.rlim_cur = LIMIT, .rlim_max = before.rlim_max};
	CHECK_OK(setrlimit(RLIMIT_NOFILE, &limit));
	while (count < LIMIT && (numbers[count] = dup(2)) >= 0)
		count++;
	start_companion();
	while (count > 0)
		CHECK_OK(close(numbers[--count]));
	CHECK_OK(setrlimit(RLIMIT_NOFILE, &before));
	enter_green();
}

const struct state states[] = {
	{"first", enter_first, 0, 0, 0},
	{"main", enter_main, 0, 0, 0},
	{"green", enter_green, 0, 0, 0},
	{"child_of_one", run_in_child, 0, 0, 0},
	{"child_of_threads", enter_child_of_threads, 0, 0, 0},
	{"child_of_green", enter_child_of_green, 0, 0, 0},
	{"timer_first", enter_timer_first, 0, 0, 0},
	{"timer", enter_timer, 0, 0, 0},
	{"started_by_timer", enter_started_by_timer, 0, 0, 0},
	{"main_started_by_timer", enter_main_started_by_timer, 0, 0, 0},
	{"clone", enter_clone, SIGNAL_SAFE, FORKS, 0},
	{"wired", enter_wired, 0, 0, 0},
	{"native", enter_native, 0, 0, 0},
	{"handler_first", enter_handler_first, SIGNAL_SAFE, 0, 0},
	{"handler_main", enter_handler_main, SIGNAL_SAFE, 0, 0},
	{"handler_parked", enter_handler_parked, SIGNAL_SAFE, 0, 0},
	{"crowded", enter_crowded, 0, 0, 0},
	{"after_main", enter_after_main, 0, 0, 0},
	{"no_epoll", enter_no_epoll, 0, MAKES_EPOLL, 0},
	{"main_no_epoll", enter_main_no_epoll, 0, MAKES_EPOLL, 0},
	{"no_descriptors", enter_no_descriptors, 0, 0, 0},
	{"old_profile", enter_old_profile, 0, 0, 0},
	{"deepbind_main", enter_main, 0, 0, RTLD_DEEPBIND},
	{"deepbind_green", enter_green, 0, 0, RTLD_DEEPBIND},
	{NULL, NULL, 0, 0, 0},
};

__attribute__((constructor)) static void prepare(void)
{
	CHECK_OK(pthread_sigmask(SIG_SETMASK, NULL, &initial_mask));
	CHECK_OK(sem_init(&done, 0, 0));
	CHECK_OK(sem_init(&never, 0, 0));
}
