/* Each function of stdio that reads or writes: threads that wait in them all at once, on streams of their own, get what
 * each must, and so do those on the standard streams and those that wait for a stream's lock. Prints how many kernel
 * threads that took at most. */
#include "stdio_visits.h"
#include <stdarg.h>
#include <wchar.h>

static const wchar_t wide_text[] = L"12 words\n";

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
	long threads = streams_of_their_own(kinds, sizeof kinds / sizeof *kinds);
	standard_streams(standard_kinds, sizeof standard_kinds / sizeof *standard_kinds);
	locks_of_streams();
	printf("tasks=%ld\n", threads);
	return 0;
}
