/* What glibc's own build defines before each file, as far as its tests and their support library use it. */
#ifndef CONFORMANCE_CONFIG_H
#define CONFORMANCE_CONFIG_H

#define TIMEOUTFACTOR 1
#define __set_errno(value) (errno = (value))
#define __timespec64 timespec
#define attribute_hidden
#define libc_hidden_proto(name)
#define libc_hidden_def(name)

#endif
