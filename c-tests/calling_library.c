/* Not a program: a library whose constructor calls a function of the program's. */
void in_constructor(void);

__attribute__((constructor)) static void call(void)
{
	in_constructor();
}
