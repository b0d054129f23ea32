/* Where libc itself follows a pointer that leads nowhere the program dies of SIGSEGV, as natively. */
#include "bad_pointers.h"
#include <poll.h>
#include <sys/resource.h>
#include <sys/select.h>

static void *fatal_pointer;

static void fatal_select(void)
{
	select(0, NULL, NULL, NULL, fatal_pointer);
}

static void fatal_pselect(void)
{
	pselect(0, NULL, NULL, NULL, fatal_pointer, NULL);
}

static void fatal_ppoll(void)
{
	ppoll(NULL, 0, fatal_pointer, NULL);
}

static void fatal_sigmask(void)
{
	pthread_sigmask(SIG_BLOCK, fatal_pointer, NULL);
}

static void fatal_sigwait(void)
{
	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, SIGUSR2);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	pthread_kill(pthread_self(), SIGUSR2);
	sigwait(&set, fatal_pointer);
}

static void dies(void (*act)(void), void *bad)
{
	pid_t child = check_fork();
	if (child == 0) {
		setrlimit(RLIMIT_CORE, &(struct rlimit){0});
		fatal_pointer = bad;
		check_join(check_start((void *(*)(void *))act, NULL));
		_exit(0);
	}
	int status;
	CHECK_EQ(waitpid(child, &status, 0), child);
	CHECK(WIFSIGNALED(status));
	CHECK_EQ(WTERMSIG(status), SIGSEGV);
}

static void *everything(void *unused)
{
	dies(fatal_select, forbidden);
	dies(fatal_pselect, forbidden);
	dies(fatal_ppoll, forbidden);
	dies(fatal_sigmask, forbidden);
	dies(fatal_sigwait, forbidden);
	return unused;
}

int main(void)
{
	make_pointers();
	check_here_and_in_thread(everything, NULL);
	everything(NULL);
	return 0;
}
