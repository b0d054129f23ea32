/* Reads of a terminal end as its settings say: without anything typed, after a time, with less than the least that
 * was asked for; they can be cancelled, as writes can that wait for somebody to read, and processes in the background do not get what is typed. */
#include "net.h"
#include <pty.h>
#include <sys/ioctl.h>
#include <termios.h>

enum { TENTH_MS = 100, A_LITTLE_MS = 20 };

static int master, terminal;

static void set_raw(int least, int tenths)
{
	struct termios settings;
	CHECK_OK(tcgetattr(terminal, &settings));
	cfmakeraw(&settings);
	settings.c_cc[VMIN] = (cc_t)least;
	settings.c_cc[VTIME] = (cc_t)tenths;
	CHECK_OK(tcsetattr(terminal, TCSANOW, &settings));
}

static void *type_two(void *unused)
{
	sleep_ms(A_LITTLE_MS);
	write_exactly(master, "ab", 2);
	return unused;
}

static void *read_five(void *unused)
{
	char buffer[5];
	ssize_t got = read(terminal, buffer, sizeof buffer);
	(void)got;
	(void)unused;
	return (void *)"read";
}

static void *write_for_ever(void *unused)
{
	char lines[4096];
	memset(lines, 'x', sizeof lines);
	while (write(terminal, lines, sizeof lines) > 0)
		;
	return unused;
}

static void *own_settings(void *unused)
{
	char buffer[8];
	CHECK_OK(openpty(&master, &terminal, NULL, NULL, NULL));
	set_raw(1, 0);
	pthread_t typist = check_start(type_two, NULL);
	CHECK_EQ(read(terminal, buffer, sizeof buffer), 2);
	check_join(typist);
	for (int i = 0; i < 2; i++) {
		set_raw(0, 0);
		CHECK_EQ(read(terminal, buffer, sizeof buffer), 0);
		set_raw(0, 1);
		long since = monotonic_ms();
		CHECK_EQ(read(terminal, buffer, sizeof buffer), 0);
		CHECK(monotonic_ms() - since >= TENTH_MS - A_LITTLE_MS);
		set_raw(5, 0);
		typist = check_start(type_two, NULL);
		CHECK_EQ(read(terminal, buffer, 2), 2);
		check_join(typist);
	}
	pthread_t reader = check_start(read_five, NULL);
	sleep_ms(A_LITTLE_MS);
	CHECK_OK(pthread_cancel(reader));
	CHECK(check_join(reader) == PTHREAD_CANCELED);
	/* Nobody reads what is written. */
	pthread_t writer = check_start(write_for_ever, NULL);
	sleep_ms(A_LITTLE_MS);
	CHECK_OK(pthread_cancel(writer));
	CHECK(check_join(writer) == PTHREAD_CANCELED);
	CHECK_OK(close(terminal));
	CHECK_OK(close(master));
	return unused;
}

static void *read_line_unheard(void *unused)
{
	char buffer[8];
	CHECK_ERRNO(read(terminal, buffer, sizeof buffer), EIO);
	return unused;
}

static void *read_line(void *unused)
{
	char buffer[8];
	CHECK_EQ(read(terminal, buffer, sizeof buffer), 5);
	return unused;
}

/* In a process group of its own, in the background. */
static void in_background(void)
{
	signal(SIGTTIN, SIG_IGN);
	check_join(check_start(read_line_unheard, NULL));
	signal(SIGTTIN, SIG_DFL);
	check_join(check_start(read_line, NULL));
	_exit(0);
}

static void lead_session(void)
{
	CHECK(setsid() > 0);
	CHECK_OK(ioctl(terminal, TIOCSCTTY, 0));
	signal(SIGTTOU, SIG_IGN);
	pid_t child = check_fork();
	if (child == 0) {
		CHECK_OK(setpgid(0, 0));
		in_background();
	}
	int status;
	CHECK_EQ(waitpid(child, &status, WUNTRACED), child);
	CHECK(WIFSTOPPED(status));
	CHECK_EQ(WSTOPSIG(status), SIGTTIN);
	CHECK_OK(tcsetpgrp(terminal, child));
	CHECK_OK(kill(child, SIGCONT));
	write_exactly(master, "line\n", 5);
	check_child_succeeds(child);
	_exit(0);
}

int main(void)
{
	check_here_and_in_thread(own_settings, NULL);
	CHECK_OK(openpty(&master, &terminal, NULL, NULL, NULL));
	pid_t leader = check_fork();
	if (leader == 0)
		lead_session();
	check_child_succeeds(leader);
	return 0;
}
