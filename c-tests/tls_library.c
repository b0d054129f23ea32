/* Opened by tls_dlopen.c: a library whose thread-local variables come into being while threads already run. */
static __thread int initialised = 1234;
static __thread char zeroed[3000];

int *library_initialised(void)
{
	return &initialised;
}

char *library_zeroed(void)
{
	return zeroed;
}
