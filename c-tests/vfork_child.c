/* A child of vfork has the parent's memory and nothing else of it: what it does to descriptors, signals and limits
 * is its own affair, the parent waits until it has executed a program or ended, and other threads go on. In main
 * before and beside threads, in a thread, in one with a kernel thread of its own, in a signal handler, nested. */
#include "net.h"
#include <sched.h>
#include <stdatomic.h>
#include <sys/resource.h>
#include <sys/syscall.h>

extern char **environ;

static atomic_int handled_by, handlers_run;
static atomic_int ticks, stop;

static void on_signal(int signal_number)
{
	(void)signal_number;
	handled_by = getpid();
	handlers_run++;
}

static void install(int signal_number, void (*handler)(int))
{
	struct sigaction action = {.sa_handler = handler, .sa_flags = SA_RESTART};
	CHECK_OK(sigemptyset(&action.sa_mask));
	CHECK_OK(sigaction(signal_number, &action, NULL));
}

static void check_status(pid_t pid, int expected)
{
	int status;
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	CHECK(WIFEXITED(status));
	CHECK_EQ(WEXITSTATUS(status), expected);
}

static void *read_byte(void *descriptor)
{
	char byte;
	return (void *)(long)read(*(int *)descriptor, &byte, 1);
}

/* The child shares memory, and the parent goes on only after it has ended. */
static void memory_is_shared(void)
{
	volatile int seen = 0;
	pid_t pid = vfork();
	if (pid == 0) {
		usleep(5000);
		seen = getpid();
		errno = ETIME;
		_exit(3);
	}
	CHECK(pid > 0);
	CHECK_EQ(errno, ETIME);
	CHECK_EQ(seen, pid);
	check_status(pid, 3);
	pid = vfork();
	if (pid == 0) {
		execl("/no/such/program", "program", (char *)NULL);
		_exit(errno == ENOENT ? 4 : 5);
	}
	CHECK_EQ(errno, ENOENT);
	check_status(pid, 4);
}

/* Whatever the child does to numbers, a waiting thread and the parent's files are not concerned. */
static void descriptors_are_the_childs(int waiters)
{
	int ends[2], other[2];
	volatile pthread_t reader = 0;
	CHECK_OK(pipe(ends));
	CHECK_OK(pipe2(other, O_CLOEXEC));
	if (waiters) {
		reader = check_start(read_byte, &ends[0]);
		sleep_ms(10);
	}
	int flags = fcntl(ends[0], F_GETFL);
	pid_t pid = vfork();
	if (pid == 0) {
		int fd = open("/dev/null", O_RDWR);
		int more = socket(AF_UNIX, SOCK_STREAM, 0);
		if (fd < 0 || more < 0 || dup2(fd, ends[0]) != ends[0] || close(ends[1]) || close(more) ||
		    dup2(ends[1], STDIN_FILENO) != -1 || fcntl(fd, F_DUPFD, 100) < 100)
			_exit(1);
		if (dup3(fd, 40, O_CLOEXEC) != 40 || close_range(3, ~0U, 0))
			_exit(2);
		closefrom(0);
		_exit(fcntl(other[0], F_GETFD) == -1 ? 0 : 3);
	}
	check_status(pid, 0);
	CHECK_EQ(fcntl(ends[0], F_GETFL), flags);
	CHECK(fcntl(40, F_GETFD) == -1 && fcntl(100, F_GETFD) == -1);
	if (waiters)
		sleep_ms(10);
	CHECK_EQ(write(ends[1], "xy", 2), 2);
	if (waiters)
		CHECK_EQ((long)check_join(reader), 1);
	CHECK_EQ((long)read_byte(&ends[0]), 1);
	CHECK_EQ(write(other[1], "z", 1), 1);
	CHECK_EQ((long)read_byte(&other[0]), 1);
	for (int i = 0; i < 2; i++) {
		CHECK_OK(close(ends[i]));
		CHECK_OK(close(other[i]));
	}
}

/* Actions, masks and limits of the child are its own. */
static void signals_are_the_childs(void)
{
	struct sigaction action, before;
	sigset_t mask, blocked;
	struct rlimit limit, own_limit;
	install(SIGUSR1, on_signal);
	CHECK_OK(pthread_sigmask(SIG_BLOCK, NULL, &blocked));
	CHECK_OK(getrlimit(RLIMIT_NOFILE, &limit));
	int runs = handlers_run;
	pid_t pid = vfork();
	if (pid == 0) {
		if (sigaction(SIGUSR1, NULL, &before) || before.sa_handler != on_signal)
			_exit(1);
		if (raise(SIGUSR1) || handled_by != getpid() || handlers_run != runs + 1)
			_exit(2);
		before.sa_handler = SIG_IGN;
		if (sigaction(SIGUSR1, &before, NULL) || raise(SIGUSR1) || handlers_run != runs + 1)
			_exit(3);
		signal(SIGUSR2, SIG_IGN);
		sigfillset(&mask);
		if (sigprocmask(SIG_SETMASK, &mask, NULL) || kill(getpid(), SIGTERM))
			_exit(4);
		if (sigpending(&mask) || !sigismember(&mask, SIGTERM))
			_exit(5);
		own_limit = limit;
		own_limit.rlim_cur = 32;
		if (setrlimit(RLIMIT_NOFILE, &own_limit) || getrlimit(RLIMIT_NOFILE, &own_limit) ||
		    own_limit.rlim_cur != 32)
			_exit(6);
		_exit(setsid() == getpid() && syscall(SYS_gettid) == getpid() ? 0 : 7);
	}
	check_status(pid, 0);
	CHECK_OK(sigaction(SIGUSR1, NULL, &action));
	CHECK(action.sa_handler == on_signal);
	CHECK_OK(sigaction(SIGUSR2, NULL, &action));
	CHECK(action.sa_handler == SIG_DFL);
	CHECK_OK(pthread_sigmask(SIG_BLOCK, NULL, &mask));
	CHECK_EQ(memcmp(&mask, &blocked, sizeof(long)), 0);
	CHECK_OK(sigpending(&mask));
	CHECK(!sigismember(&mask, SIGTERM));
	CHECK_OK(getrlimit(RLIMIT_NOFILE, &own_limit));
	CHECK_EQ(own_limit.rlim_cur, limit.rlim_cur);
	CHECK_OK(raise(SIGUSR1));
	CHECK_EQ(handled_by, getpid());
	CHECK_EQ(handlers_run, runs + 2);
}

/* What a program that is executed finds: the mask of the thread, no more descriptors than were open. */
static void programs_inherit(void)
{
	sigset_t mask, before;
	int output[2];
	char text[512] = "";
	CHECK_OK(pipe(output));
	sigemptyset(&mask);
	sigaddset(&mask, SIGUSR2);
	CHECK_OK(pthread_sigmask(SIG_BLOCK, &mask, &before));
	pid_t pid = vfork();
	if (pid == 0) {
		dup2(output[1], STDOUT_FILENO);
		execl("/bin/grep", "grep", "SigBlk", "/proc/self/status", (char *)NULL);
		_exit(127);
	}
	CHECK_OK(pthread_sigmask(SIG_SETMASK, &before, NULL));
	CHECK_OK(close(output[1]));
	check_status(pid, 0);
	size_t length = 0;
	for (ssize_t got; (got = read(output[0], text + length, sizeof text - 1 - length)) > 0;)
		length += (size_t)got;
	unsigned long blocked = 0;
	CHECK_EQ(sscanf(text, "SigBlk: %lx", &blocked), 1);
	CHECK(blocked & 1ul << (SIGUSR2 - 1));
	CHECK_EQ(blocked & ~(1ul << (SIGUSR2 - 1)) & 1ul << (SIGUSR1 - 1), 0);
	CHECK_OK(close(output[0]));
}

/* A child may fork and vfork in its turn. */
static void nested(void)
{
	volatile int depth = 0;
	pid_t pid = vfork();
	if (pid == 0) {
		pid_t inner = vfork();
		if (inner == 0) {
			depth = 2;
			close(STDERR_FILENO);
			_exit(5);
		}
		int status = -1;
		if (depth != 2 || waitpid(inner, &status, 0) != inner || WEXITSTATUS(status) != 5)
			_exit(1);
		pid_t copy = fork();
		if (copy == 0)
			_exit(6);
		if (waitpid(copy, &status, 0) != copy || WEXITSTATUS(status) != 6)
			_exit(2);
		depth = 1;
		_exit(7);
	}
	CHECK_EQ(depth, 1);
	check_status(pid, 7);
}

static void *nothing(void *unused)
{
	return unused;
}

static void each(int waiters)
{
	memory_is_shared();
	descriptors_are_the_childs(waiters);
	signals_are_the_childs();
	programs_inherit();
	nested();
	if (waiters)
		check_join(check_start(nothing, NULL));
}

static void *in_a_thread(void *unused)
{
	each(1);
	return unused;
}

static void *wired(void *unused)
{
	cpu_set_t cpus;
	CHECK_OK(sched_getaffinity(0, sizeof cpus, &cpus));
	CHECK_OK(sched_setaffinity(0, sizeof cpus, &cpus));
	each(1);
	return unused;
}

static void native(void)
{
	static char stack[1 << 18] __attribute__((aligned(4096)));
	pthread_attr_t attributes;
	pthread_t thread;
	CHECK_OK(pthread_attr_init(&attributes));
	CHECK_OK(pthread_attr_setstack(&attributes, stack, sizeof stack));
	CHECK_OK(pthread_create(&thread, &attributes, in_a_thread, NULL));
	check_join(thread);
}

static void in_handler(int signal_number)
{
	(void)signal_number;
	int error = errno;
	memory_is_shared();
	descriptors_are_the_childs(0);
	nested();
	errno = error;
}

static void *tick(void *unused)
{
	while (!stop) {
		ticks++;
		sleep_ms(1);
	}
	return unused;
}

/* While a child takes its time the other threads run, and what comes for the parent's thread waits for it. */
static pthread_t parent;
static atomic_int child_ready;

static void *send_to_parent(void *unused)
{
	while (!child_ready)
		sleep_ms(1);
	CHECK_OK(pthread_kill(parent, SIGUSR1));
	return unused;
}

static void others_go_on(void)
{
	stop = ticks = child_ready = 0;
	int runs = handlers_run;
	install(SIGUSR1, on_signal);
	parent = pthread_self();
	pthread_t ticker = check_start(tick, NULL), sender = check_start(send_to_parent, NULL);
	pid_t pid = vfork();
	if (pid == 0) {
		int before = ticks;
		child_ready = 1;
		while (ticks < before + 20)
			usleep(1000);
		_exit(handlers_run == runs ? 0 : 2);
	}
	while (handlers_run == runs)
		sched_yield();
	CHECK_EQ(handlers_run, runs + 1);
	CHECK_EQ(handled_by, getpid());
	check_status(pid, 0);
	stop = 1;
	check_join(ticker);
	check_join(sender);
}

static void *others_go_on_beside_a_thread(void *unused)
{
	others_go_on();
	return unused;
}

/* A signal for the child alone: its handler runs there, on memory that both see. */
static void *kill_child(void *child)
{
	atomic_int *pid = child;
	while (*pid == 0)
		sleep_ms(1);
	CHECK_OK(kill(*pid, SIGUSR1));
	return NULL;
}

static void the_child_gets_its_signals(void)
{
	static atomic_int child;
	child = 0;
	int runs = handlers_run;
	pthread_t killer = check_start(kill_child, &child);
	pid_t pid = vfork();
	if (pid == 0) {
		child = getpid();
		while (handlers_run == runs)
			usleep(100);
		_exit(handled_by == getpid() ? 0 : 1);
	}
	CHECK_EQ(handlers_run, runs + 1);
	CHECK_EQ(handled_by, pid);
	check_status(pid, 0);
	check_join(killer);
}

static void *run_programs(void *unused)
{
	for (int i = 0; i < 10; i++) {
		pid_t pid = vfork();
		if (pid == 0) {
			execl("/bin/true", "true", (char *)NULL);
			_exit(127);
		}
		check_status(pid, 0);
	}
	return unused;
}

int main(void)
{
	pthread_t runners[16];
	unsetenv("LD_PRELOAD");
	each(0);
	install(SIGWINCH, in_handler);
	CHECK_OK(raise(SIGWINCH));
	check_join(check_start(in_a_thread, NULL));
	each(1);
	CHECK_OK(raise(SIGWINCH));
	check_join(check_start(wired, NULL));
	native();
	others_go_on();
	check_join(check_start(others_go_on_beside_a_thread, NULL));
	the_child_gets_its_signals();
	for (int i = 0; i < 16; i++)
		runners[i] = check_start(run_programs, NULL);
	for (int i = 0; i < 16; i++)
		check_join(runners[i]);
	each(1);
	pid_t pid = check_fork();
	if (pid == 0) {
		each(0);
		each(1);
		_exit(0);
	}
	check_child_succeeds(pid);
	return 0;
}
