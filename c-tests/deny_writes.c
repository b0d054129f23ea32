/* deny_writes POLICY ERROR PROGRAM [ARGUMENTS]: executes a program that must not make code writable, as the policy has
 * it: no `mprotect` for what is to be executed ("code"), or for what is to be written as well ("both"). */
#include "deny.h"
#include <sys/mman.h>

int main(int argc, char **argv)
{
	CHECK(argc > 3);
	unsigned bits = strcmp(argv[1], "both") ? PROT_EXEC : PROT_EXEC | PROT_WRITE;
	deny_argument(SYS_mprotect, 2, bits, atoi(argv[2]));
	execv(argv[3], argv + 3);
	CHECK(!"executed");
}
