/* Timers of the process's processor time, and its limit on that, interrupt the threads that use it, in turn, and not the
 * main thread, which waits: profilers go by that. (Those of timer_create(2) since Linux 6.4.) */
#include "check.h"
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/utsname.h>

enum { ENOUGH = 30, MOSTLY = 20, BUSY = 2 };

static __thread volatile sig_atomic_t own;
static int all;

static void count(int signal_number)
{
	(void)signal_number;
	own++;
	__atomic_add_fetch(&all, 1, __ATOMIC_SEQ_CST);
}

static void *is_busy(void *enough)
{
	while (__atomic_load_n(&all, __ATOMIC_SEQ_CST) < (int)(long)enough)
		;
	return (void *)(long)own;
}

static void timer_of(int which, int signal_number)
{
	struct itimerval often = {{0, 5000}, {0, 5000}}, never = {{0, 0}, {0, 0}};
	struct sigaction action = {.sa_handler = count};
	CHECK_OK(sigaction(signal_number, &action, NULL));
	own = 0;
	all = 0;
	pthread_t busy[BUSY];
	long sum = 0;
	CHECK_OK(setitimer(which, &often, NULL));
	for (int i = 0; i < BUSY; i++)
		busy[i] = check_start(is_busy, (void *)(long)ENOUGH);
	for (int i = 0; i < BUSY; i++)
		sum += (long)check_join(busy[i]);
	CHECK_OK(setitimer(which, &never, NULL));
	CHECK(sum >= MOSTLY);
}

static int prefers_interrupted(void)
{
	struct utsname names;
	int major = 0, minor = 0;
	CHECK_OK(uname(&names));
	CHECK_EQ(sscanf(names.release, "%d.%d", &major, &minor), 2);
	return major > 6 || (major == 6 && minor >= 4);
}

/* Sleeps meanwhile, which nothing interrupts. */
static void timer_of_clock(clockid_t clock, int has_event)
{
	struct itimerspec often = {{0, 5000000}, {0, 5000000}};
	int signal_number = has_event ? SIGUSR1 : SIGALRM;
	struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = signal_number};
	struct sigaction action = {.sa_handler = count}, before;
	struct timespec a_moment = {.tv_nsec = 20 * NS_PER_MS};
	timer_t timer;
	CHECK_OK(sigaction(signal_number, &action, &before));
	own = 0;
	all = 0;
	pthread_t busy[BUSY];
	long sum = 0;
	for (int i = 0; i < BUSY; i++)
		busy[i] = check_start(is_busy, (void *)(long)ENOUGH);
	CHECK_OK(timer_create(clock, has_event ? &event : NULL, &timer));
	CHECK_OK(timer_settime(timer, 0, &often, NULL));
	while (__atomic_load_n(&all, __ATOMIC_SEQ_CST) < ENOUGH)
		nanosleep(&a_moment, NULL);
	CHECK_OK(timer_delete(timer));
	for (int i = 0; i < BUSY; i++)
		sum += (long)check_join(busy[i]);
	CHECK(sum >= MOSTLY);
	CHECK_OK(sigaction(signal_number, &before, NULL));
}

static void timers_of_clocks(void)
{
	clockid_t own_clock, known_clock;
	CHECK_OK(clock_getcpuclockid(0, &own_clock));
	CHECK_OK(clock_getcpuclockid(getpid(), &known_clock));
	timer_of_clock(CLOCK_PROCESS_CPUTIME_ID, 1);
	timer_of_clock(CLOCK_PROCESS_CPUTIME_ID, 0);
	timer_of_clock(own_clock, 1);
	timer_of_clock(known_clock, 1);
}

static int there[2], back[2];
static volatile int is_over;

static void pass_on(int from, int to)
{
	char byte;
	while (!is_over && read(from, &byte, 1) == 1 && write(to, &byte, 1) == 1)
		;
	CHECK_OK(close(to));
}

static void *answers(void *unused)
{
	pass_on(there[0], back[1]);
	return unused;
}

static void *asks(void *unused)
{
	CHECK_EQ(write(there[1], "x", 1), 1);
	pass_on(back[0], there[1]);
	return unused;
}

/* Also where those who use it wait for each other all the time. */
static void beside_a_sleeper(void)
{
	enum { OFTEN = 20 };
	struct itimerval often = {{0, 2000}, {0, 2000}}, never = {{0, 0}, {0, 0}};
	struct sigaction action = {.sa_handler = count, .sa_flags = SA_RESTART};
	CHECK_OK(sigaction(SIGPROF, &action, NULL));
	CHECK_OK(pipe(there));
	CHECK_OK(pipe(back));
	own = 0;
	all = 0;
	CHECK_OK(setitimer(ITIMER_PROF, &often, NULL));
	pthread_t answering = check_start(answers, NULL), asking = check_start(asks, NULL);
	while (__atomic_load_n(&all, __ATOMIC_SEQ_CST) < OFTEN)
		sleep_ms(20);
	CHECK_OK(setitimer(ITIMER_PROF, &never, NULL));
	is_over = 1;
	check_join(answering);
	check_join(asking);
	CHECK(own <= all / 5);
}

static void limit(void)
{
	struct sigaction action = {.sa_handler = count};
	CHECK_OK(sigaction(SIGXCPU, &action, NULL));
	struct rlimit before, soon;
	struct timespec used;
	CHECK_OK(getrlimit(RLIMIT_CPU, &before));
	CHECK_OK(clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used));
	soon = before;
	soon.rlim_cur = (rlim_t)used.tv_sec + 1;
	all = 0;
	own = 0;
	CHECK_OK(setrlimit(RLIMIT_CPU, &soon));
	CHECK(check_join(check_start(is_busy, (void *)1)) == (void *)1);
	CHECK_OK(setrlimit(RLIMIT_CPU, &before));
	CHECK_EQ(own, 0);
}

int main(void)
{
	timer_of(ITIMER_PROF, SIGPROF);
	timer_of(ITIMER_VIRTUAL, SIGVTALRM);
	if (prefers_interrupted())
		timers_of_clocks();
	beside_a_sleeper();
	limit();
	return 0;
}
