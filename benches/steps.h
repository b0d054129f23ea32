/* What a program and its counter, steps.c, agree on. */
#ifndef STEPS_H
#define STEPS_H

/* The argument of the getpgid(2) calls that counting begins and ends at: no process's id. */
#define STEPS_MARK 0x6772656eUL

#endif
