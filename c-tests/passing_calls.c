/* Calls that libgreen leaves to the kernel: a thread that waits in one, for the peer of a socket that lingers, holds up
 * nobody else; and what they say of files, users and services does not depend on the thread that asks. */
#include "net.h"
#include <dirent.h>
#include <fcntl.h>
#include <grp.h>
#include <mqueue.h>
#include <netdb.h>
#include <pwd.h>
#include <semaphore.h>
#include <resolv.h>
#include <shadow.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <sys/uio.h>

enum { SHORT_MS = 5 };

static char directory[] = "/tmp/green-passing-XXXXXX";

/* A peer that takes what was sent before the close */

static void *close_slowly(void *fd)
{
	CHECK_OK(close((int)(long)fd));
	return NULL;
}

static void lingering(void)
{
	int peer;
	char room[65536];
	pthread_t thread = check_start(close_slowly, (void *)(long)lingering_end(WATCHDOG_SECONDS, &peer));
	sleep_ms(SHORT_MS);
	while (recv(peer, room, sizeof room, 0) > 0) {
	}
	check_join(thread);
	CHECK_OK(close(peer));
}

/* Files */

static void *use_files(void *number)
{
	char name[16], other[16], place[16], bytes[8] = {0};
	struct iovec parts[] = {{"ab", 2}, {"cd", 2}}, into[] = {{bytes, 1}, {bytes + 1, 3}};
	struct stat status;
	loff_t from = 0, to = 8;
	sprintf(name, "file%ld", (long)number);
	sprintf(other, "other%ld", (long)number);
	sprintf(place, "place%ld", (long)number);
	int fd = open(name, O_RDWR | O_CREAT | O_EXCL, 0600);
	CHECK(fd >= 0);
	CHECK_EQ(pwritev(fd, parts, 2, 0), 4);
	CHECK_EQ(pwrite(fd, "x", 1, 1), 1);
	CHECK_EQ(preadv(fd, into, 2, 0), 4);
	CHECK_EQ(memcmp(bytes, "axcd", 4), 0);
	CHECK_EQ(copy_file_range(fd, &from, fd, &to, 4, 0), 4);
	CHECK_EQ(pread(fd, bytes, sizeof bytes, 6), 6);
	CHECK_EQ(memcmp(bytes, "\0\0axcd", 6), 0);
	CHECK_OK(posix_fallocate(fd, 0, 4096));
	CHECK_OK(stat(name, &status));
	CHECK_EQ(status.st_size, 4096);
	char *mapped = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	CHECK(mapped != MAP_FAILED);
	mapped[0] = 'y';
	CHECK_OK(msync(mapped, 4096, MS_SYNC));
	CHECK_OK(munmap(mapped, 4096));
	CHECK_OK(ftruncate(fd, 2));
	CHECK_EQ(pread(fd, bytes, sizeof bytes, 0), 2);
	CHECK_EQ(memcmp(bytes, "yx", 2), 0);
	int left;
	CHECK_OK(ioctl(fd, FIONREAD, &left));
	CHECK_EQ(left, 2);
	CHECK_OK(close(fd));
	CHECK_OK(mkdir(place, 0700));
	CHECK_OK(link(name, other));
	CHECK_OK(unlink(name));
	CHECK_OK(rename(other, name));
	fd = open(place, O_RDONLY | O_DIRECTORY);
	char entries[1024];
	CHECK(getdents64(fd, entries, sizeof entries) > 0);
	CHECK_EQ(getdents64(fd, entries, sizeof entries), 0);
	CHECK_OK(close(fd));
	DIR *listing = opendir(place);
	CHECK(listing != NULL);
	int count = 0;
	while (readdir(listing))
		count++;
	CHECK_EQ(count, 2);
	CHECK_OK(closedir(listing));
	CHECK_OK(unlink(name));
	CHECK_OK(rmdir(place));
	return NULL;
}

/* The forms for large files, and the rest */
static void *use_files_otherwise(void *number)
{
	char name[16], other[16], place[16], bytes[8] = {0};
	struct iovec parts[] = {{"ab", 2}, {"cd", 2}}, into[] = {{bytes, 1}, {bytes + 1, 3}};
	struct stat status;
	struct statx extended;
	struct statfs system;
	struct statvfs system_too;
	sprintf(name, "file%ld", (long)number);
	sprintf(other, "other%ld", (long)number);
	sprintf(place, "place%ld", (long)number);
	int here = open(".", O_RDONLY | O_DIRECTORY), fd = open(name, O_RDWR | O_CREAT | O_EXCL, 0600);
	CHECK(here >= 0 && fd >= 0);
	CHECK_EQ(pwritev64(fd, parts, 2, 0), 4);
	CHECK_EQ(pwrite64(fd, "x", 1, 1), 1);
	CHECK_EQ(preadv64(fd, into, 2, 0), 4);
	CHECK_EQ(memcmp(bytes, "axcd", 4), 0);
	CHECK_EQ(pread64(fd, bytes, sizeof bytes, 2), 2);
	CHECK_EQ(memcmp(bytes, "cd", 2), 0);
	/* Not every file system has them. */
	CHECK(sync_file_range(fd, 0, 4, SYNC_FILE_RANGE_WAIT_BEFORE) == 0 || errno == EINVAL || errno == ENOSYS);
	CHECK(fallocate(fd, 0, 0, 8) == 0 || errno == EOPNOTSUPP);
	CHECK(fallocate64(fd, 0, 0, 8) == 0 || errno == EOPNOTSUPP);
	CHECK(readahead(fd, 0, 8) == 0 || errno == EINVAL);
	CHECK_OK(posix_fallocate64(fd, 0, 16));
	CHECK_OK(posix_fadvise(fd, 0, 0, POSIX_FADV_WILLNEED));
	CHECK_OK(fstat(fd, &status));
	CHECK_EQ(status.st_size, 16);
	CHECK_OK(ftruncate64(fd, 3));
	CHECK_OK(fstatat(here, name, &status, 0));
	CHECK_EQ(status.st_size, 3);
	CHECK_OK(truncate(name, 2));
	CHECK_OK(statx(here, name, 0, STATX_SIZE, &extended));
	CHECK_EQ(extended.stx_size, 2);
	CHECK_OK(close(fd));
	CHECK_OK(statfs(name, &system));
	CHECK_OK(statvfs(name, &system_too));
	CHECK_EQ(system.f_bsize, system_too.f_bsize);
	CHECK_OK(symlink(name, other));
	CHECK_OK(lstat(other, &status));
	CHECK(S_ISLNK(status.st_mode));
	CHECK_OK(access(other, R_OK | W_OK));
	CHECK_OK(unlinkat(here, other, 0));
	CHECK_ERRNO(access(other, F_OK), ENOENT);
	CHECK_OK(renameat(here, name, here, other));
	CHECK_OK(renameat2(here, other, here, name, 0));
	CHECK_OK(mkdir(place, 0700));
	DIR *listing = opendir(place);
	CHECK(listing != NULL);
	int count = 0;
	while (readdir64(listing))
		count++;
	CHECK_EQ(count, 2);
	CHECK_OK(closedir(listing));
	CHECK_OK(rmdir(place));
	CHECK_OK(unlink(name));
	CHECK_OK(close(here));
	return NULL;
}

/* What comes from the kernel's generator */
static void *use_random(void *unused)
{
	char first[16] = {0}, second[16] = {0};
	CHECK_EQ(getrandom(first, sizeof first, 0), sizeof first);
	CHECK_OK(getentropy(second, sizeof second));
	CHECK(memcmp(first, second, sizeof first) != 0);
	return unused;
}

/* What has a name */

static void *use_names(void *number)
{
	char name[64];
	snprintf(name, sizeof name, "/green-passing-%d-%ld", (int)getpid(), (long)number);
	sem_t *semaphore = sem_open(name, O_CREAT | O_EXCL, 0600, 1);
	CHECK(semaphore != SEM_FAILED);
	CHECK_OK(sem_unlink(name));
	CHECK_OK(sem_wait(semaphore));
	CHECK_OK(sem_close(semaphore));
	int fd = shm_open(name, O_RDWR | O_CREAT | O_EXCL, 0600);
	CHECK(fd >= 0);
	CHECK_OK(shm_unlink(name));
	CHECK_OK(close(fd));
	struct mq_attr attributes = {.mq_maxmsg = 1, .mq_msgsize = 1};
	mqd_t queue = mq_open(name, O_RDWR | O_CREAT | O_EXCL, 0600, &attributes);
	CHECK(queue >= 0);
	CHECK_OK(mq_unlink(name));
	CHECK_OK(mq_close(queue));
	return NULL;
}

/* What the system's files say */

static const char *or_none(const char *text)
{
	return text ? text : "none";
}

/* The first two users and groups, and root's shadow. */
static size_t describe_lists(char *into, size_t room)
{
	struct passwd user, *found_user = NULL;
	struct group group, *found_group = NULL;
	char strings[4096];
	setpwent();
	struct passwd *first_user = getpwent();
	size_t end = (size_t)snprintf(into, room, " %s", or_none(first_user ? first_user->pw_name : NULL));
	getpwent_r(&user, strings, sizeof strings, &found_user);
	end += (size_t)snprintf(into + end, room - end, " %s", or_none(found_user ? found_user->pw_name : NULL));
	endpwent();
	setgrent();
	struct group *first_group = getgrent();
	end += (size_t)snprintf(into + end, room - end, " %s", or_none(first_group ? first_group->gr_name : NULL));
	getgrent_r(&group, strings, sizeof strings, &found_group);
	end += (size_t)snprintf(into + end, room - end, " %s", or_none(found_group ? found_group->gr_name : NULL));
	endgrent();
	struct spwd *shadow = getspnam("root");
	return end + (size_t)snprintf(into + end, room - end, " %s", or_none(shadow ? shadow->sp_namp : NULL));
}

/* The answers of functions that keep them in static memory: one thread at a time. */
static void describe(char *into, size_t room)
{
	struct passwd *user = getpwnam("root"), *by_number = getpwuid(0);
	struct group *group = getgrnam("root"), *group_by_number = getgrgid(0);
	size_t end = (size_t)snprintf(into, room, "%s %s %s %s", or_none(user ? user->pw_dir : NULL),
				      or_none(by_number ? by_number->pw_name : NULL),
				      group ? "some" : "none", or_none(group_by_number ? group_by_number->gr_name : NULL));
	struct servent *service = getservbyname("ssh", "tcp"), *by_port;
	end += (size_t)snprintf(into + end, room - end, " %d", service ? service->s_port : 0);
	by_port = getservbyport(htons(80), "tcp");
	end += (size_t)snprintf(into + end, room - end, " %s", or_none(by_port ? by_port->s_name : NULL));
	struct protoent *protocol = getprotobyname("tcp");
	end += (size_t)snprintf(into + end, room - end, " %d", protocol ? protocol->p_proto : 0);
	struct netent *network = getnetbyname("loopback");
	end += (size_t)snprintf(into + end, room - end, " %u", network ? network->n_net : 0);
	network = getnetbyaddr(0x7f000000, AF_INET);
	end += (size_t)snprintf(into + end, room - end, " %s", or_none(network ? network->n_name : NULL));
	sethostent(0);
	struct hostent *host = gethostent();
	end += (size_t)snprintf(into + end, room - end, " %s", or_none(host ? host->h_name : NULL));
	endhostent();
	sethostent(0);
	struct hostent next, *found = NULL;
	char strings[4096];
	int error = 0;
	gethostent_r(&next, strings, sizeof strings, &found, &error);
	end += (size_t)snprintf(into + end, room - end, " %s", or_none(found ? found->h_name : NULL));
	endhostent();
	protocol = getprotobynumber(17);
	end += (size_t)snprintf(into + end, room - end, " %s", or_none(protocol ? protocol->p_name : NULL));
	end += describe_lists(into + end, room - end);
	CHECK(end < room);
}

static void *describe_in_thread(void *into)
{
	describe(into, 4096);
	return NULL;
}

static void *use_system(void *unused)
{
	struct passwd user, *found_user;
	struct group group, *found_group;
	struct spwd shadow, *found_shadow;
	struct servent service, *found_service;
	struct protoent protocol, *found_protocol;
	char strings[4096];
	gid_t groups[64] = {0};
	int count = 64;
	CHECK(getgrouplist("root", 0, groups, &count) > 0);
	CHECK_EQ(groups[0], 0);
	/* Root alone may read the file. */
	int error = getspnam_r("root", &shadow, strings, sizeof strings, &found_shadow);
	CHECK(error == 0 || error == EACCES);
	CHECK(error == 0 || found_shadow == NULL);
	CHECK_OK(getservbyname_r("no-such-service", "tcp", &service, strings, sizeof strings, &found_service));
	CHECK(found_service == NULL);
	CHECK_OK(getservbyport_r(1, "no-such-protocol", &service, strings, sizeof strings, &found_service));
	CHECK(found_service == NULL);
	CHECK_OK(getprotobyname_r("no-such-protocol", &protocol, strings, sizeof strings, &found_protocol));
	CHECK(found_protocol == NULL);
	CHECK_OK(getprotobynumber_r(255 + 256, &protocol, strings, sizeof strings, &found_protocol));
	CHECK(found_protocol == NULL);
	CHECK_OK(__res_init());
	CHECK_OK(__res_ninit(&_res));
	__res_nclose(&_res);
	CHECK_OK(getpwnam_r("root", &user, strings, sizeof strings, &found_user));
	CHECK(found_user == &user && user.pw_uid == 0);
	CHECK_OK(getpwuid_r(0, &user, strings, sizeof strings, &found_user));
	CHECK(found_user == &user && strcmp(user.pw_name, "root") == 0);
	CHECK_OK(getgrnam_r("root", &group, strings, sizeof strings, &found_group));
	CHECK(found_group == &group && group.gr_gid == 0);
	CHECK_OK(getgrgid_r(0, &group, strings, sizeof strings, &found_group));
	CHECK(found_group == &group && strcmp(group.gr_name, "root") == 0);
	return unused;
}

static void in_some_threads(void *(*routine)(void *))
{
	enum { THREADS = 3 };
	pthread_t threads[THREADS];
	for (long i = 0; i < THREADS; i++)
		threads[i] = check_start(routine, (void *)i);
	for (int i = 0; i < THREADS; i++)
		check_join(threads[i]);
}

int main(void)
{
	static char before[4096], then[4096];
	describe(before, sizeof before);
	CHECK(mkdtemp(directory) != NULL);
	CHECK_OK(chdir(directory));
	lingering();
	in_some_threads(use_files);
	in_some_threads(use_files_otherwise);
	in_some_threads(use_random);
	in_some_threads(use_names);
	in_some_threads(use_system);
	check_join(check_start(describe_in_thread, then));
	CHECK_EQ(strcmp(before, then), 0);
	CHECK_OK(rmdir(directory));
	return 0;
}
