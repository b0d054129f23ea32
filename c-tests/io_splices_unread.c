/* A Unix socket takes what its buffer has room for, long after poll has ceased to say that it is writable: as much goes
 * there by sendfile and splice without a reader as where the call would not wait. */
#include "net.h"
#include <sys/sendfile.h>

enum { PIECE = 4096, PIPE = 16 * PIECE };

static char content[PIPE];


static int file_with_content(void)
{
	char name[] = "/tmp/io_splices_unread-XXXXXX";
	int fd = mkstemp(name);
	CHECK(fd >= 0);
	CHECK_OK(unlink(name));
	write_exactly(fd, content, PIPE);
	return fd;
}

static void receive(int end, long count)
{
	char buffer[PIECE];
	while (count > 0) {
		long length = count < PIECE ? count : PIECE;
		read_exactly(end, buffer, (size_t)length);
		CHECK_OK(memcmp(buffer, content, (size_t)length));
		count -= length;
	}
}

static int send_piece(int file, int end)
{
	off_t offset = 0;
	return (int)sendfile(end, file, &offset, PIECE);
}

static int splice_piece(int file, int end)
{
	loff_t offset = 0;
	int pipe_ends[2];
	CHECK_OK(pipe(pipe_ends));
	CHECK_EQ(splice(file, &offset, pipe_ends[1], NULL, PIECE, 0), PIECE);
	int result = (int)splice(pipe_ends[0], NULL, end, NULL, PIECE, 0);
	int reason = errno;
	close_both(pipe_ends);
	errno = reason;
	return result;
}

static void takes_all_that_fits(int (*move)(int, int))
{
	int file = file_with_content(), pieces = 0, ends[2], result;
	unix_pair(ends);
	CHECK_OK(fcntl(ends[0], F_SETFL, O_RDWR | O_NONBLOCK));
	while ((result = move(file, ends[0])) == PIECE)
		pieces++;
	CHECK(pieces > 0 && result == -1 && errno == EAGAIN);
	close_both(ends);
	unix_pair(ends);
	for (int i = 0; i < pieces; i++)
		CHECK_EQ(move(file, ends[0]), PIECE);
	receive(ends[1], (long)pieces * PIECE);
	close_both(ends);
	CHECK_OK(close(file));
}

/* A whole pipe at once. */
static void takes_a_pipe(void)
{
	int pipe_ends[2], ends[2];
	unix_pair(ends);
	CHECK_OK(pipe(pipe_ends));
	write_exactly(pipe_ends[1], content, PIPE);
	for (long left = PIPE; left > 0;) {
		long moved = splice(pipe_ends[0], NULL, ends[0], NULL, (size_t)left, 0);
		CHECK(moved > 0);
		left -= moved;
	}
	receive(ends[1], PIPE);
	close_both(pipe_ends);
	close_both(ends);
}

static void *all(void *unused)
{
	takes_all_that_fits(send_piece);
	takes_all_that_fits(splice_piece);
	takes_a_pipe();
	return unused;
}

int main(void)
{
	for (int i = 0; i < PIPE; i++)
		content[i] = (char)(i % PIECE * 31);
	all(NULL);
	check_join(check_start(all, NULL));
	all(NULL);
	return 0;
}
