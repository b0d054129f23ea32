/* A read of a terminal that waits fails with EIO when the other side is closed; one that begins afterwards is at an end
 * of file. */
#include "check.h"
#include <pty.h>

enum { ATTEMPTS = 20 };

static sem_t begins;
static int failed;

static void *read_line(void *terminal)
{
	char line[10];
	CHECK_OK(sem_post(&begins));
	errno = 0;
	ssize_t count = read(*(int *)terminal, line, sizeof line);
	CHECK(count == 0 || (count == -1 && errno == EIO));
	failed += count == -1;
	CHECK_EQ(read(*(int *)terminal, line, sizeof line), 0);
	return NULL;
}

int main(void)
{
	CHECK_OK(sem_init(&begins, 0, 0));
	for (int attempt = 1; attempt <= ATTEMPTS && !failed; attempt++) {
		int other, terminal;
		CHECK_OK(openpty(&other, &terminal, NULL, NULL, NULL));
		pthread_t thread = check_start(read_line, &terminal);
		check_await(&begins);
		/* Mostly it waits by then. */
		sleep_ms(5 * attempt);
		CHECK_OK(close(other));
		check_join(thread);
		CHECK_OK(close(terminal));
	}
	CHECK_EQ(failed, 1);
	return 0;
}
