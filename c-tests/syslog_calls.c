/* What is logged with LOG_PERROR is written to a pipe that is full: threads wait in there and others go on; every line
 * arrives. In a child, which has a standard error of its own. */
#include "check.h"
#include <fcntl.h>
#include <stdarg.h>
#include <syslog.h>

enum { THREADS = 4, PIPE_BYTES = 4096 };

static void *log_line(void *number)
{
	syslog(LOG_DEBUG, "line %ld", (long)number);
	return NULL;
}

__attribute__((format(printf, 1, 2))) static void log_by_va_list(const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	vsyslog(LOG_DEBUG, format, arguments);
	va_end(arguments);
}

static void *log_line_by_va_list(void *number)
{
	log_by_va_list("line %ld", (long)number);
	return NULL;
}

/* What fortified programs call. */
void __syslog_chk(int, int, const char *, ...);
void __vsyslog_chk(int, int, const char *, va_list);

static void *log_line_fortified(void *number)
{
	__syslog_chk(LOG_DEBUG, 1, "line %ld", (long)number);
	return NULL;
}

static void log_fortified_by_va_list(const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	__vsyslog_chk(LOG_DEBUG, 1, format, arguments);
	va_end(arguments);
}

static void *log_line_fortified_by_va_list(void *number)
{
	log_fortified_by_va_list("line %ld", (long)number);
	return NULL;
}

static void *(*const ways[])(void *) = {log_line, log_line_by_va_list, log_line_fortified, log_line_fortified_by_va_list};

static void log_all(int pipe_end)
{
	pthread_t threads[THREADS];
	CHECK_EQ(dup2(pipe_end, STDERR_FILENO), STDERR_FILENO);
	openlog("syslog_calls", LOG_PERROR | LOG_NDELAY, LOG_USER);
	for (long i = 0; i < THREADS; i++)
		threads[i] = check_start(ways[i], (void *)i);
	for (int i = 0; i < THREADS; i++)
		check_join(threads[i]);
	closelog();
}

int main(void)
{
	int ends[2], status;
	static const char zeros[PIPE_BYTES];
	CHECK_OK(pipe(ends));
	CHECK_EQ(fcntl(ends[1], F_SETPIPE_SZ, PIPE_BYTES), PIPE_BYTES);
	CHECK_EQ(write(ends[1], zeros, PIPE_BYTES), PIPE_BYTES);
	pid_t pid = check_fork();
	if (pid == 0) {
		log_all(ends[1]);
		_exit(0);
	}
	CHECK_OK(close(ends[1]));
	sleep_ms(20);
	/* nobody can have got through */
	CHECK_EQ(waitpid(pid, &status, WNOHANG), 0);
	char room[PIPE_BYTES];
	CHECK_EQ(read(ends[0], room, sizeof room), PIPE_BYTES);
	FILE *lines = fdopen(ends[0], "r");
	int seen[THREADS] = {0};
	char line[256];
	while (fgets(line, sizeof line, lines)) {
		int number;
		CHECK_EQ(sscanf(line, "syslog_calls: line %d", &number), 1);
		CHECK(number >= 0 && number < THREADS);
		seen[number]++;
	}
	for (int i = 0; i < THREADS; i++)
		CHECK_EQ(seen[i], 1);
	CHECK_OK(fclose(lines));
	check_child_succeeds(pid);
	return 0;
}
