/*
 * Preloaded into the server: records, in order, its writes to the files of its data folder, its syncs of them, and its
 * responses to clients. Each call has a tick before and one after, so that the test can check "began after" and
 * "had completed before".
 *
 * MATRIX_RECORD_FOLDER: files under this folder are recorded.
 * MATRIX_RECORD_TO: the recording's file; the process id is appended.
 * MATRIX_RECORD_KILL_AT: the process is killed in the middle of the write of this number, from 1; unset for never.
 * MATRIX_RECORD_BROKEN: while a file of this name exists, the disk loses the writes to one file and fails its syncs.
 * The file is matrix.db, or the one in the same folder that MATRIX_RECORD_BROKEN_FILE names.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

enum { OPENED = 1, WROTE = 2, SYNCED = 3, RESIZED = 4, SENT = 5, REMOVED = 6, RENAMED = 7, UNEXPECTED = 8 };
enum { MAX_FD = 8192, MAX_FILES = 512, MAX_SENT = 2048 };

struct record {
    uint32_t kind;
    int32_t file;
    uint64_t begin;
    uint64_t end;
    int64_t offset;
    uint64_t length;
};

static const char *folder;
static size_t folder_length;
static const char *broken;
static char broken_file[64] = "/matrix.db";
static int out = -1;
static atomic_ullong ticks;
static atomic_llong writes_left; /* until the write in which the process is killed; below 1: never */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int file_of[MAX_FD]; /* 0: not recorded, else index into paths + 1 */
static char *paths[MAX_FILES];
static int path_count;

static uint64_t tick(void) { return atomic_fetch_add(&ticks, 1) + 1; }

#define REAL(name) \
    static __typeof__(name) *real; \
    if (!real) real = (__typeof__(name) *)dlsym(RTLD_NEXT, #name)

__attribute__((constructor)) static void start(void) {
    const char *to = getenv("MATRIX_RECORD_TO");
    folder = getenv("MATRIX_RECORD_FOLDER");
    if (!to || !folder) { folder = NULL; return; }
    folder_length = strlen(folder);
    const char *kill_at = getenv("MATRIX_RECORD_KILL_AT");
    if (kill_at) atomic_store(&writes_left, atoll(kill_at));
    broken = getenv("MATRIX_RECORD_BROKEN");
    const char *file = getenv("MATRIX_RECORD_BROKEN_FILE");
    if (file) snprintf(broken_file, sizeof broken_file, "/%s", file);
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s.%d", to, (int)getpid());
    out = (int)syscall(SYS_openat, AT_FDCWD, path, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0600);
}

static void put(const void *bytes, size_t length) {
    const char *at = bytes;
    while (length > 0) {
        long n = syscall(SYS_write, out, at, length);
        if (n <= 0) abort(); /* an incomplete recording proves nothing */
        at += n;
        length -= (size_t)n;
    }
}

static void record(
    uint32_t kind, int file, uint64_t begin, uint64_t end, int64_t offset,
    const struct iovec *parts, int count, size_t most) {
    if (out < 0) return;
    size_t total = 0;
    for (int i = 0; i < count; i++) total += parts[i].iov_len;
    if (total > most) total = most;
    struct record head = { kind, file, begin, end, offset, total };
    pthread_mutex_lock(&lock);
    put(&head, sizeof head);
    for (int i = 0; i < count && total > 0; i++) {
        size_t n = parts[i].iov_len < total ? parts[i].iov_len : total;
        put(parts[i].iov_base, n);
        total -= n;
    }
    pthread_mutex_unlock(&lock);
}

static void record_text(uint32_t kind, int file, uint64_t begin, uint64_t end, const char *text) {
    struct iovec part = { (void *)text, strlen(text) };
    record(kind, file, begin, end, 0, &part, 1, SIZE_MAX);
}

static int recorded(int fd) { return folder && fd >= 0 && fd < MAX_FD ? file_of[fd] : 0; }

static int in_folder(const char *path) { return folder && path && strncmp(path, folder, folder_length) == 0; }

static void opened(int fd, const char *path, int flags, uint64_t begin) {
    if (fd < 0 || fd >= MAX_FD || !in_folder(path) || (flags & O_DIRECTORY)) return;
    pthread_mutex_lock(&lock);
    int i = 0;
    while (i < path_count && strcmp(paths[i], path) != 0) i++;
    if (i == path_count) {
        if (path_count == MAX_FILES) abort();
        paths[path_count++] = strdup(path);
    }
    file_of[fd] = i + 1;
    pthread_mutex_unlock(&lock);
    record_text(OPENED, i + 1, begin, tick(), path);
    if (flags & O_TRUNC) record(RESIZED, i + 1, begin, tick(), 0, NULL, 0, 0);
}

#define OPEN(name) \
    int name(const char *path, int flags, ...) { \
        REAL(name); \
        va_list rest; \
        va_start(rest, flags); \
        mode_t mode = (flags & (O_CREAT | O_TMPFILE)) ? va_arg(rest, mode_t) : 0; \
        va_end(rest); \
        uint64_t begin = tick(); \
        int fd = real(path, flags, mode); \
        opened(fd, path, flags, begin); \
        return fd; \
    }
OPEN(open)
OPEN(open64)

int close(int fd) {
    REAL(close);
    if (recorded(fd)) file_of[fd] = 0;
    return real(fd);
}

static void wrote(int fd, uint64_t begin, int64_t offset, const struct iovec *parts, int count, ssize_t done) {
    int file = recorded(fd);
    if (file && done > 0) record(WROTE, file, begin, tick(), offset, parts, count, (size_t)done);
}

static int is_last_write(int fd) { return recorded(fd) && atomic_fetch_sub(&writes_left, 1) == 1; }

static void die(void) {
    syscall(SYS_kill, getpid(), SIGKILL);
    for (;;) pause();
}

ssize_t write(int fd, const void *bytes, size_t length) {
    REAL(write);
    if (!recorded(fd)) return real(fd, bytes, length);
    if (is_last_write(fd)) { (void)!real(fd, bytes, length / 2); die(); }
    int64_t offset = lseek(fd, 0, SEEK_CUR);
    if (fcntl(fd, F_GETFL) & O_APPEND) offset = lseek(fd, 0, SEEK_END);
    uint64_t begin = tick();
    ssize_t done = real(fd, bytes, length);
    struct iovec part = { (void *)bytes, length };
    wrote(fd, begin, offset, &part, 1, done);
    return done;
}

#define PWRITE(name, offset_type) \
    ssize_t name(int fd, const void *bytes, size_t length, offset_type offset) { \
        REAL(name); \
        if (is_last_write(fd)) { (void)!real(fd, bytes, length / 2, offset); die(); } \
        uint64_t begin = recorded(fd) ? tick() : 0; \
        ssize_t done = real(fd, bytes, length, offset); \
        struct iovec part = { (void *)bytes, length }; \
        wrote(fd, begin, offset, &part, 1, done); \
        return done; \
    }
PWRITE(pwrite, off_t)
PWRITE(pwrite64, off64_t)

#define PWRITEV(name, offset_type) \
    ssize_t name(int fd, const struct iovec *parts, int count, offset_type offset) { \
        REAL(name); \
        if (is_last_write(fd)) die(); \
        uint64_t begin = recorded(fd) ? tick() : 0; \
        ssize_t done = real(fd, parts, count, offset); \
        wrote(fd, begin, offset, parts, count, done); \
        return done; \
    }
PWRITEV(pwritev, off_t)
PWRITEV(pwritev64, off64_t)

static int is_broken(int file) {
    size_t length = strlen(paths[file - 1]), end = strlen(broken_file);
    return broken && length > end && !strcmp(paths[file - 1] + length - end, broken_file) && !access(broken, F_OK);
}

#define SYNC(name) \
    int name(int fd) { \
        REAL(name); \
        int file = recorded(fd); \
        if (file && is_broken(file)) { errno = EIO; return -1; } \
        uint64_t begin = file ? tick() : 0; \
        int result = real(fd); \
        if (file && result == 0) record(SYNCED, file, begin, tick(), 0, NULL, 0, 0); \
        return result; \
    }
SYNC(fsync)
SYNC(fdatasync)

#define TRUNCATE(name, offset_type) \
    int name(int fd, offset_type length) { \
        REAL(name); \
        int file = recorded(fd); \
        uint64_t begin = file ? tick() : 0; \
        int result = real(fd, length); \
        if (file && result == 0) record(RESIZED, file, begin, tick(), length, NULL, 0, 0); \
        return result; \
    }
TRUNCATE(ftruncate, off_t)
TRUNCATE(ftruncate64, off64_t)

#define ALLOCATE(name, offset_type) \
    int name(int fd, int mode, offset_type offset, offset_type length) { \
        REAL(name); \
        int file = recorded(fd); \
        uint64_t begin = file ? tick() : 0; \
        int result = real(fd, mode, offset, length); \
        /* Mode 0 makes the file at least this long; the other modes cannot be recorded. */ \
        uint32_t kind = mode == 0 ? RESIZED : UNEXPECTED; \
        if (file && result == 0) record(kind, file, begin, tick(), -(offset + length), NULL, 0, 0); \
        return result; \
    }
ALLOCATE(fallocate, off_t)
ALLOCATE(fallocate64, off64_t)

int unlink(const char *path) {
    REAL(unlink);
    uint64_t begin = tick();
    int result = real(path);
    if (result == 0 && in_folder(path)) record_text(REMOVED, 0, begin, tick(), path);
    return result;
}

int rename(const char *from, const char *to) {
    REAL(rename);
    uint64_t begin = tick();
    int result = real(from, to);
    if (result == 0 && in_folder(to)) {
        char both[2 * PATH_MAX];
        snprintf(both, sizeof both, "%s\n%s", from, to);
        record_text(RENAMED, 0, begin, tick(), both);
    }
    return result;
}

/* A response to a client counts from the moment at which the call begins. */
ssize_t send(int fd, const void *bytes, size_t length, int flags) {
    REAL(send);
    uint64_t begin = tick();
    struct iovec part = { (void *)bytes, length };
    if (folder) record(SENT, 0, begin, begin, 0, &part, 1, MAX_SENT);
    return real(fd, bytes, length, flags);
}

ssize_t sendmsg(int fd, const struct msghdr *message, int flags) {
    REAL(sendmsg);
    uint64_t begin = tick();
    if (folder) record(SENT, 0, begin, begin, 0, message->msg_iov, (int)message->msg_iovlen, MAX_SENT);
    return real(fd, message, flags);
}
