"""Servers that nobody here wrote, each with a thread per connection.

`nm -D` shows that the Debian builds of all three import pthread_create; the
tests count their kernel threads natively, one for each open connection at
least.

tinyproxy 1.11   child.c gives every accepted connection a thread with a stack
                 of 256 KB; the threads are joined once done.
microsocks 1.0   sockssrv.c creates a thread with a small stack per client.
stunnel 5.68     prints `Threading:PTHREAD` at start-up: that build creates a
                 detached thread per client. OpenSSL's locks are pthread ones.
"""
