/* Not a program: a library that has GCC put code on the stack, from its constructor on. */
static long constructed;

__attribute__((noinline)) static long apply(long (*function)(long), long value)
{
	return function(value);
}

long library_add(long own, long value)
{
	long add(long more)
	{
		return more + own;
	}
	return apply(add, value);
}

long library_constructed(void)
{
	return constructed;
}

__attribute__((constructor)) static void construct(void)
{
	constructed = library_add(40, 2);
}
