/* The other forms of stdio's functions (without locks, for large files, fortified, of other standards, and what macros
 * call): threads that wait in them all at once get what each must. Prints how many kernel threads that took at most. */
#include "stdio_visits.h"
#include <stdarg.h>

/* Not in headers, but in libc: what compilers and macros make calls of. */
char *__fgets_chk(char *, size_t, int, FILE *);
size_t __fread_chk(void *, size_t, size_t, size_t, FILE *);
int __isoc99_fscanf(FILE *, const char *, ...);
int __isoc99_scanf(const char *, ...);
int __isoc99_vfscanf(FILE *, const char *, va_list);
int __underflow(FILE *);
int __fprintf_chk(FILE *, int, const char *, ...);
int __printf_chk(int, const char *, ...);
int __vfprintf_chk(FILE *, int, const char *, va_list);
int __vprintf_chk(int, const char *, va_list);
int __dprintf_chk(int, int, const char *, ...);
int __vdprintf_chk(int, int, const char *, va_list);

enum { FORTIFIED = 1 };

/* what is read */

static void by_fgets_unlocked(FILE *stream)
{
	char line[16];
	CHECK(fgets_unlocked(line, sizeof line, stream) == line);
	CHECK_EQ(strcmp(line, text), 0);
}

static void by_fgetc_unlocked(FILE *stream)
{
	CHECK_EQ(fgetc_unlocked(stream), '1');
}

static void by_getc_unlocked(FILE *stream)
{
	CHECK_EQ(getc_unlocked(stream), '1');
}

static void by_fread_unlocked(FILE *stream)
{
	char got[LENGTH];
	CHECK_EQ(fread_unlocked(got, 1, LENGTH, stream), LENGTH);
	CHECK_EQ(memcmp(got, text, LENGTH), 0);
}

static void by_fgets_chk(FILE *stream)
{
	char line[16];
	CHECK(__fgets_chk(line, sizeof line, sizeof line, stream) == line);
	CHECK_EQ(strcmp(line, text), 0);
}

static void by_fread_chk(FILE *stream)
{
	char got[LENGTH];
	CHECK_EQ(__fread_chk(got, sizeof got, 1, LENGTH, stream), LENGTH);
	CHECK_EQ(memcmp(got, text, LENGTH), 0);
}

static void by_getdelim(FILE *stream)
{
	char *line = NULL;
	size_t size = 0;
	CHECK_EQ(__getdelim(&line, &size, ' ', stream), 3);
	CHECK_EQ(strcmp(line, "12 "), 0);
	free(line);
}

static void by_isoc99_fscanf(FILE *stream)
{
	int number;
	CHECK_EQ(__isoc99_fscanf(stream, "%d", &number), 1);
	CHECK_EQ(number, 12);
}

static int scan_by_va_list(FILE *stream, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	int count = __isoc99_vfscanf(stream, format, arguments);
	va_end(arguments);
	return count;
}

static void by_isoc99_vfscanf(FILE *stream)
{
	int number;
	CHECK_EQ(scan_by_va_list(stream, "%d", &number), 1);
	CHECK_EQ(number, 12);
}

static void by_uflow(FILE *stream)
{
	CHECK_EQ(__uflow(stream), '1');
}

static void by_underflow(FILE *stream)
{
	CHECK_EQ(__underflow(stream), '1');
	CHECK_EQ(getc_unlocked(stream), '1');
}

/* from standard input */

static void by_getchar_unlocked(FILE *unused)
{
	(void)unused;
	CHECK_EQ(getchar_unlocked(), '1');
}

static void by_isoc99_scanf(FILE *unused)
{
	int number;
	(void)unused;
	CHECK_EQ(__isoc99_scanf("%d", &number), 1);
	CHECK_EQ(number, 12);
}

/* what is written */

static void by_fputs_unlocked(FILE *stream)
{
	CHECK(fputs_unlocked(text, stream) >= 0);
}

static void by_fputc_unlocked(FILE *stream)
{
	CHECK_EQ(fputc_unlocked('1', stream), '1');
}

static void by_putc_unlocked(FILE *stream)
{
	CHECK_EQ(putc_unlocked('1', stream), '1');
}

static void by_fwrite_unlocked(FILE *stream)
{
	CHECK_EQ(fwrite_unlocked(text, 1, LENGTH, stream), LENGTH);
}

static void by_overflow(FILE *stream)
{
	CHECK_EQ(__overflow(stream, '1'), '1');
}

static void by_fprintf_chk(FILE *stream)
{
	CHECK_EQ(__fprintf_chk(stream, FORTIFIED, "%d words\n", 12), LENGTH);
}

static int print_by_va_list(FILE *stream, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	int length = __vfprintf_chk(stream, FORTIFIED, format, arguments);
	va_end(arguments);
	return length;
}

static void by_vfprintf_chk(FILE *stream)
{
	CHECK_EQ(print_by_va_list(stream, "%d words\n", 12), LENGTH);
}

static void by_dprintf_chk(FILE *stream)
{
	CHECK_EQ(__dprintf_chk(fileno(stream), FORTIFIED, "%d words\n", 12), LENGTH);
}

static int descriptor_by_va_list(int fd, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	int length = __vdprintf_chk(fd, FORTIFIED, format, arguments);
	va_end(arguments);
	return length;
}

static void by_vdprintf_chk(FILE *stream)
{
	CHECK_EQ(descriptor_by_va_list(fileno(stream), "%d words\n", 12), LENGTH);
}

static void by_fflush_unlocked(FILE *stream)
{
	buffer(stream);
	CHECK_OK(fflush_unlocked(stream));
}

static void by_fseeko64(FILE *stream)
{
	buffer(stream);
	CHECK_ERRNO(fseeko64(stream, 0, SEEK_SET), ESPIPE);
}

static void by_ftello64(FILE *stream)
{
	by_fputs_unlocked(stream);
	CHECK_ERRNO(ftello64(stream), ESPIPE);
}

/* to standard output */

static void by_putchar_unlocked(FILE *unused)
{
	(void)unused;
	CHECK_EQ(putchar_unlocked('1'), '1');
}

static void by_printf_chk(FILE *unused)
{
	(void)unused;
	CHECK_EQ(__printf_chk(FORTIFIED, "%d words\n", 12), LENGTH);
}

static int standard_by_va_list(const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	int length = __vprintf_chk(FORTIFIED, format, arguments);
	va_end(arguments);
	return length;
}

static void by_vprintf_chk(FILE *unused)
{
	(void)unused;
	CHECK_EQ(standard_by_va_list("%d words\n", 12), LENGTH);
}

static const struct kind kinds[] = {
	{by_fgets_unlocked, 0, NULL}, {by_fgetc_unlocked, 0, NULL}, {by_getc_unlocked, 0, NULL},
	{by_fread_unlocked, 0, NULL}, {by_fgets_chk, 0, NULL},	    {by_fread_chk, 0, NULL},
	{by_getdelim, 0, NULL},	      {by_isoc99_fscanf, 0, NULL},  {by_isoc99_vfscanf, 0, NULL},
	{by_uflow, 0, NULL},	      {by_underflow, 0, NULL},	    {by_fputs_unlocked, LENGTH, NULL},
	{by_fputc_unlocked, 1, NULL}, {by_putc_unlocked, 1, NULL},  {by_fwrite_unlocked, LENGTH, NULL},
	{by_overflow, 1, NULL},	      {by_fprintf_chk, LENGTH, NULL}, {by_vfprintf_chk, LENGTH, NULL},
	{by_dprintf_chk, LENGTH, NULL}, {by_vdprintf_chk, LENGTH, NULL}, {by_fflush_unlocked, LENGTH, NULL},
	{by_fseeko64, LENGTH, NULL},  {by_ftello64, LENGTH, NULL},
};

static const struct kind standard_kinds[] = {
	{by_getchar_unlocked, 0, &stdin}, {by_isoc99_scanf, 0, &stdin},	     {by_putchar_unlocked, 1, &stdout},
	{by_printf_chk, LENGTH, &stdout}, {by_vprintf_chk, LENGTH, &stdout},
};

int main(void)
{
	long threads = streams_of_their_own(kinds, sizeof kinds / sizeof *kinds);
	standard_streams(standard_kinds, sizeof standard_kinds / sizeof *standard_kinds);
	printf("tasks=%ld\n", threads);
	return 0;
}
