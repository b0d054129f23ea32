/* Each function of stdio that reads or writes: threads that wait in them all at once, on streams of their own, get what
 * each must, and so do those on the standard streams and those that wait for a stream's lock. Prints how many kernel
 * threads that took at most. */
#include "check.h"
#include <fcntl.h>
#include <stdarg.h>
#include <wchar.h>

enum { PIPE_BYTES = 4096, ROUNDS = 3, SHORT_MS = 5 };

static const char text[] = "12 words\n";
static const wchar_t wide_text[] = L"12 words\n";

enum { LENGTH = sizeof text - 1 };

/* what is read */

static void by_fgetc(FILE *stream)
{
	CHECK_EQ(fgetc(stream), '1');
	CHECK_EQ(ungetc('7', stream), '7');
	CHECK_EQ(fgetc(stream), '7');
}

static void by_getdelim(FILE *stream)
{
	char *line = NULL;
	size_t size = 0;
	CHECK_EQ(getdelim(&line, &size, ' ', stream), 3);
	CHECK_EQ(strcmp(line, "12 "), 0);
	free(line);
}

static void by_getw(FILE *stream)
{
	int word;
	memcpy(&word, text, sizeof word);
	CHECK_EQ(getw(stream), word);
}

__attribute__((format(scanf, 2, 3))) static int by_va_list(FILE *stream, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	int count = vfscanf(stream, format, arguments);
	va_end(arguments);
	return count;
}

static void by_vfscanf(FILE *stream)
{
	int number;
	char word[16];
	CHECK_EQ(by_va_list(stream, "%d %15s", &number, word), 2);
	CHECK_EQ(number, 12);
	CHECK_EQ(strcmp(word, "words"), 0);
}

static void by_fgetws(FILE *stream)
{
	wchar_t line[16];
	CHECK(fgetws(line, 16, stream) == line);
	CHECK_EQ(wcscmp(line, wide_text), 0);
}

static void by_fgetwc(FILE *stream)
{
	CHECK_EQ(fgetwc(stream), L'1');
}

static void by_getwc(FILE *stream)
{
	CHECK_EQ(getwc(stream), L'1');
}

static void by_fwscanf(FILE *stream)
{
	int number;
	CHECK_EQ(fwscanf(stream, L"%d", &number), 1);
	CHECK_EQ(number, 12);
}

/* from standard input */

static void by_getchar(FILE *unused)
{
	(void)unused;
	CHECK_EQ(getchar(), '1');
}

static void by_scanf(FILE *unused)
{
	int number;
	(void)unused;
	CHECK_EQ(scanf("%d", &number), 1);
	CHECK_EQ(number, 12);
}

__attribute__((format(scanf, 1, 2))) static int standard_by_va_list(const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	int count = vscanf(format, arguments);
	va_end(arguments);
	return count;
}

static void by_vscanf(FILE *unused)
{
	int number;
	(void)unused;
	CHECK_EQ(standard_by_va_list("%d", &number), 1);
	CHECK_EQ(number, 12);
}

static void by_getwchar(FILE *unused)
{
	(void)unused;
	CHECK_EQ(getwchar(), L'1');
}

static void by_wscanf(FILE *unused)
{
	int number;
	(void)unused;
	CHECK_EQ(wscanf(L"%d", &number), 1);
	CHECK_EQ(number, 12);
}

/* what is written: all of the text, or its first character */

static void by_fputc(FILE *stream)
{
	CHECK_EQ(fputc('1', stream), '1');
}

static void by_putw(FILE *stream)
{
	int word;
	memcpy(&word, text, sizeof word);
	CHECK_OK(putw(word, stream));
}

static void by_fputws(FILE *stream)
{
	CHECK(fputws(wide_text, stream) >= 0);
}

static void by_fputwc(FILE *stream)
{
	CHECK_EQ(fputwc(L'1', stream), L'1');
}

static void by_putwc(FILE *stream)
{
	CHECK_EQ(putwc(L'1', stream), L'1');
}

__attribute__((format(printf, 2, 3))) static int print_by_va_list(FILE *stream, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	int length = vfprintf(stream, format, arguments);
	va_end(arguments);
	return length;
}

static void by_vfprintf(FILE *stream)
{
	CHECK_EQ(print_by_va_list(stream, "%d words\n", 12), LENGTH);
}

static void by_fwprintf(FILE *stream)
{
	CHECK_EQ(fwprintf(stream, L"%d words\n", 12), LENGTH);
}

static void by_dprintf(FILE *stream)
{
	CHECK_EQ(dprintf(fileno(stream), "%d words\n", 12), LENGTH);
}

__attribute__((format(printf, 2, 3))) static int descriptor_by_va_list(int fd, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	int length = vdprintf(fd, format, arguments);
	va_end(arguments);
	return length;
}

static void by_vdprintf(FILE *stream)
{
	CHECK_EQ(descriptor_by_va_list(fileno(stream), "%d words\n", 12), LENGTH);
}

/* Those that flush before they move, which a pipe does not do. */

static void buffer(FILE *stream)
{
	CHECK_OK(setvbuf(stream, NULL, _IOFBF, 512));
	CHECK_EQ(fwrite(text, 1, LENGTH, stream), LENGTH);
}

static void by_fseek(FILE *stream)
{
	buffer(stream);
	CHECK_ERRNO(fseek(stream, 0, SEEK_SET), ESPIPE);
}

static void by_fseeko(FILE *stream)
{
	buffer(stream);
	CHECK_ERRNO(fseeko(stream, 0, SEEK_SET), ESPIPE);
}

static void by_rewind(FILE *stream)
{
	buffer(stream);
	rewind(stream);
}

/* to the standard streams */

static void by_putchar(FILE *unused)
{
	(void)unused;
	CHECK_EQ(putchar('1'), '1');
}

static void by_puts(FILE *unused)
{
	(void)unused;
	CHECK(puts("12 words") >= 0);
}

static void by_printf(FILE *unused)
{
	(void)unused;
	CHECK_EQ(printf("%d words\n", 12), LENGTH);
}

__attribute__((format(printf, 1, 2))) static int standard_print_by_va_list(const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	int length = vprintf(format, arguments);
	va_end(arguments);
	return length;
}

static void by_vprintf(FILE *unused)
{
	(void)unused;
	CHECK_EQ(standard_print_by_va_list("%d words\n", 12), LENGTH);
}

static void by_putwchar(FILE *unused)
{
	(void)unused;
	CHECK_EQ(putwchar(L'1'), L'1');
}

static void by_wprintf(FILE *unused)
{
	(void)unused;
	CHECK_EQ(wprintf(L"%d words\n", 12), LENGTH);
}

static void by_perror(FILE *unused)
{
	(void)unused;
	errno = 0;
	perror("12 words");
}

static void by_psignal(FILE *unused)
{
	(void)unused;
	psignal(SIGINT, "12 words");
}

struct kind {
	void (*use)(FILE *);
	/* what is written begins with so many bytes of the text; 0 if it reads */
	int writes;
	/* which of the standard streams it is for */
	FILE **standard;
};

static const struct kind kinds[] = {
	{by_fgetc, 0, NULL},	 {by_getdelim, 0, NULL}, {by_getw, 0, NULL},	  {by_vfscanf, 0, NULL},
	{by_fgetws, 0, NULL},	 {by_fgetwc, 0, NULL},	 {by_getwc, 0, NULL},	  {by_fwscanf, 0, NULL},
	{by_fputc, 1, NULL},	 {by_putw, 4, NULL},	 {by_fputws, LENGTH, NULL}, {by_fputwc, 1, NULL},
	{by_putwc, 1, NULL},	 {by_vfprintf, LENGTH, NULL}, {by_fwprintf, LENGTH, NULL}, {by_dprintf, LENGTH, NULL},
	{by_vdprintf, LENGTH, NULL}, {by_fseek, LENGTH, NULL}, {by_fseeko, LENGTH, NULL}, {by_rewind, LENGTH, NULL},
};

static const struct kind standard_kinds[] = {
	{by_getchar, 0, &stdin}, {by_scanf, 0, &stdin},	      {by_vscanf, 0, &stdin},	   {by_getwchar, 0, &stdin},
	{by_wscanf, 0, &stdin},	 {by_putchar, 1, &stdout},    {by_puts, LENGTH, &stdout},  {by_printf, LENGTH, &stdout},
	{by_vprintf, LENGTH, &stdout}, {by_putwchar, 1, &stdout}, {by_wprintf, LENGTH, &stdout},
	{by_perror, LENGTH - 1, &stderr}, {by_psignal, LENGTH - 1, &stderr},
};

struct visit {
	const struct kind *kind;
	FILE *stream;
	int peer;
	pthread_t thread;
};

static void *visit_stream(void *argument)
{
	struct visit *visit = argument;
	visit->kind->use(visit->stream);
	return NULL;
}

/* At an empty pipe, or a full one. */
static void begin(struct visit *visit, const struct kind *kind)
{
	int ends[2], writes = kind->writes > 0;
	static const char zeros[PIPE_BYTES];
	CHECK_OK(pipe(ends));
	CHECK_EQ(fcntl(ends[1], F_SETPIPE_SZ, PIPE_BYTES), PIPE_BYTES);
	if (writes)
		CHECK_EQ(write(ends[1], zeros, PIPE_BYTES), PIPE_BYTES);
	*visit = (struct visit){.kind = kind, .stream = fdopen(ends[writes], writes ? "w" : "r"), .peer = ends[!writes]};
	CHECK(visit->stream != NULL);
	CHECK_OK(setvbuf(visit->stream, NULL, _IONBF, 0));
}

static void end(struct visit *visit)
{
	char got[PIPE_BYTES];
	if (visit->kind->writes > 0)
		CHECK_EQ(read(visit->peer, got, sizeof got), sizeof got);
	else
		CHECK_EQ(write(visit->peer, text, LENGTH), LENGTH);
	check_join(visit->thread);
	CHECK_OK(fclose(visit->stream));
	if (visit->kind->writes > 0) {
		CHECK(read(visit->peer, got, sizeof got) >= visit->kind->writes);
		CHECK_EQ(memcmp(got, text, (size_t)visit->kind->writes), 0);
	}
	CHECK_OK(close(visit->peer));
}

enum { KINDS = sizeof kinds / sizeof *kinds, STANDARD_KINDS = sizeof standard_kinds / sizeof *standard_kinds };

static long streams_of_their_own(void)
{
	static struct visit visits[KINDS * ROUNDS];
	for (int i = 0; i < KINDS * ROUNDS; i++) {
		begin(&visits[i], &kinds[i % KINDS]);
		visits[i].thread = check_start(visit_stream, &visits[i]);
	}
	sleep_ms(SHORT_MS);
	long threads = check_kernel_threads();
	for (int i = 0; i < KINDS * ROUNDS; i++)
		end(&visits[i]);
	return threads;
}

/* One at a time: what stands for the stream is a variable of the process. */
static void standard_streams(void)
{
	for (int i = 0; i < STANDARD_KINDS; i++) {
		struct visit visit;
		FILE **standard = standard_kinds[i].standard, *before = *standard;
		begin(&visit, &standard_kinds[i]);
		*standard = visit.stream;
		visit.thread = check_start(visit_stream, &visit);
		sleep_ms(1);
		end(&visit);
		*standard = before;
	}
}

/* for a stream's lock */

static FILE *file;
static int done;

static void by_ftell(FILE *stream)
{
	CHECK_EQ(ftell(stream), 0);
}

static void by_ftello(FILE *stream)
{
	CHECK_EQ(ftello(stream), 0);
}

static void by_fgetpos(FILE *stream)
{
	fpos_t place;
	CHECK_OK(fgetpos(stream, &place));
	CHECK_OK(fsetpos(stream, &place));
}

static void by_setvbuf(FILE *stream)
{
	CHECK_OK(setvbuf(stream, NULL, _IOFBF, 512));
}

static void by_flockfile(FILE *stream)
{
	flockfile(stream);
	funlockfile(stream);
}

static void by_fflush(FILE *stream)
{
	CHECK_OK(fflush(stream));
}

static void (*const lockers[])(FILE *) = {by_ftell, by_ftello, by_fgetpos, by_setvbuf, by_flockfile, by_fflush};

static void *wait_for_lock(void *index)
{
	lockers[(long)index](file);
	__atomic_add_fetch(&done, 1, __ATOMIC_RELAXED);
	return NULL;
}

static void locks_of_streams(void)
{
	enum { COUNT = sizeof lockers / sizeof *lockers };
	pthread_t threads[COUNT];
	file = tmpfile();
	CHECK(file != NULL);
	flockfile(file);
	for (long i = 0; i < COUNT; i++)
		threads[i] = check_start(wait_for_lock, (void *)i);
	sleep_ms(SHORT_MS);
	CHECK_EQ(__atomic_load_n(&done, __ATOMIC_RELAXED), 0);
	funlockfile(file);
	for (int i = 0; i < COUNT; i++)
		check_join(threads[i]);
	CHECK_OK(fclose(file));
}

int main(void)
{
	long threads = streams_of_their_own();
	standard_streams();
	locks_of_streams();
	printf("tasks=%ld\n", threads);
	return 0;
}
