// Times system calls under several filters: seccomp_cost CHUNKS CALLS PROGRAM|none... -- NAME...
//
// PROGRAM is a file of struct sock_filter[]. Prints a line for each NAME: nanoseconds of one call under each program, in
// their order. A process for each program; they take turns on one CPU, chunk by chunk, so that a slow moment of the
// machine hits all of them. A chunk is CALLS calls of each NAME, and of CHUNKS chunks the median counts. The calls have
// arguments with which they return at once, and are checked to do what they should: a filter that answers by itself
// gives no figure.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { kChunksMax = 1024, kCallsMax = 32, kProgramsMax = 32 };
enum { kPage = 4096, kWarmUp = 50 };

struct call {
  const char *name;
  long number;
  long args[6];
  long result;  // What it has to return; -errno for an error.
};

static struct call calls[kCallsMax];
static int call_count;

// By program, call and chunk; in memory that the processes share.
static double (*times)[kCallsMax][kChunksMax];

static void add(const char *name, long number, long result, long a, long b, long c, long d) {
  calls[call_count++] = (struct call){name, number, {a, b, c, d, 0, 0}, result};
}

// Descriptors and memory are made here, before the filter, by each process for itself.
static void prepare(void) {
  static uint64_t one = 1;
  static char page[kPage] __attribute__((aligned(kPage)));
  static struct epoll_event event;
  long counter = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
  long epoll = epoll_create1(EPOLL_CLOEXEC);
  long file = memfd_create("seccomp_cost", MFD_CLOEXEC);
  add("pread64", SYS_pread64, 0, file, (long)page, 0, 0);
  add("write", SYS_write, sizeof one, counter, (long)&one, sizeof one, 0);
  add("epoll_wait", SYS_epoll_wait, 0, epoll, (long)&event, 1, 0);
  add("getrandom", SYS_getrandom, 0, (long)page, 0, 0, 0);
  add("getpid", SYS_getpid, getpid(), 0, 0, 0, 0);
  add("gettid", SYS_gettid, gettid(), 0, 0, 0, 0);
  // With arguments that a filter of ours looks at; lengths of 0, so that the kernel is done with them at once.
  add("fcntl(F_GETFL)", SYS_fcntl, fcntl(file, F_GETFL), file, F_GETFL, 0, 0);
  add("mmap(read)", SYS_mmap, -EINVAL, 0, 0, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS);
  add("mprotect(read, write)", SYS_mprotect, 0, (long)page, 0, PROT_READ | PROT_WRITE, 0);
  add("mprotect(all)", SYS_mprotect, 0, (long)page, 0, PROT_READ | PROT_WRITE | PROT_EXEC, 0);
  add("madvise(DONTNEED)", SYS_madvise, 0, (long)page, 0, MADV_DONTNEED, 0);
  add("madvise(FREE)", SYS_madvise, 0, (long)page, 0, MADV_FREE, 0);
}

static int install(const char *path) {
  static struct sock_filter program[BPF_MAXINSNS];
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  ssize_t size = read(fd, program, sizeof program);
  close(fd);
  if (size <= 0 || size % (ssize_t)sizeof program[0] != 0) return -1;
  struct sock_fprog prog = {(unsigned short)(size / (ssize_t)sizeof program[0]), program};
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return -1;
  return (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &prog);
}

static long make(const struct call *call) {
  const long *a = call->args;
  long result = syscall(call->number, a[0], a[1], a[2], a[3], a[4], a[5]);
  return result == -1 ? -errno : result;
}

static double now_ns(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

static int by_value(const void *left, const void *right) {
  double difference = *(const double *)left - *(const double *)right;
  return difference < 0 ? -1 : difference > 0;
}

static struct call *find(const char *name) {
  for (int i = 0; i < call_count; i++) {
    if (strcmp(calls[i].name, name) == 0) return &calls[i];
  }
  return NULL;
}

struct job {
  int chunks, repeats, program_count, wanted;
  char **programs, **names;
  int pipes[kProgramsMax][2];  // A byte in a program's pipe is its turn.
};

// One process: waits for its turn, makes a chunk, hands the turn over. Ends with 0, or with what went wrong.
static int take_turns(const struct job *job, int self) {
  int next = (self + 1) % job->program_count;
  char token = 0;
  for (int chunk = 0; chunk < job->chunks; chunk++) {
    if (read(job->pipes[self][0], &token, 1) != 1) return 5;
    for (int i = 0; i < job->wanted; i++) {
      const struct call *call = find(job->names[i]);
      if (call == NULL || make(call) != call->result) return 4;
      // What the process before left in caches and branch predictors is not this one's cost.
      for (int repeat = 0; repeat < kWarmUp; repeat++) make(call);
      double start = now_ns();
      for (int repeat = 0; repeat < job->repeats; repeat++) make(call);
      times[self][i][chunk] = (now_ns() - start) / job->repeats;
    }
    // The last of all has nobody left to hand it to.
    bool last = next == 0 && chunk + 1 == job->chunks;
    if (!last && write(job->pipes[next][1], &token, 1) != 1) return 5;
  }
  return 0;
}

// Keeps this process's way in and its neighbour's, so that the end of one process ends them all.
static void close_others(const struct job *job, int self) {
  int next = (self + 1) % job->program_count;
  for (int i = 0; i < job->program_count; i++) {
    if (i != self) close(job->pipes[i][0]);
    if (i != next) close(job->pipes[i][1]);
  }
}

static _Noreturn void run_child(const struct job *job, int self) {
  const char *program = job->programs[self];
  close_others(job, self);
  prepare();
  if (strcmp(program, "none") != 0 && install(program) != 0) _exit(3);
  _exit(take_turns(job, self));
}

static int wait_for(pid_t pid) {
  int status = 0;
  if (waitpid(pid, &status, 0) != pid) return 5;
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

// 0, or what the first program that failed ended with; says which.
static int measure(struct job *job) {
  pid_t pids[kProgramsMax];
  int worst = 0;
  for (int i = 0; i < job->program_count; i++) {
    if (pipe2(job->pipes[i], O_CLOEXEC) != 0) return 5;
  }
  for (int i = 0; i < job->program_count; i++) {
    pids[i] = fork();
    if (pids[i] < 0) return 5;
    if (pids[i] == 0) run_child(job, i);
  }
  if (write(job->pipes[0][1], "", 1) != 1) return 5;
  for (int i = 0; i < job->program_count; i++) {
    close(job->pipes[i][0]);
    close(job->pipes[i][1]);
  }
  for (int i = 0; i < job->program_count; i++) {
    int status = wait_for(pids[i]);
    if (status != 0) fprintf(stderr, "%s ended with %d\n", job->programs[i], status);
    if (worst == 0) worst = status;
  }
  return worst;
}

static bool parse(struct job *job, int argc, char **argv) {
  int separator = 3;
  while (separator < argc && strcmp(argv[separator], "--") != 0) separator++;
  if (separator >= argc) return false;
  *job = (struct job){.chunks = atoi(argv[1]), .repeats = atoi(argv[2])};
  job->program_count = separator - 3;
  job->programs = argv + 3;
  job->wanted = argc - separator - 1;
  job->names = argv + separator + 1;
  return job->chunks >= 1 && job->chunks <= kChunksMax && job->repeats >= 1 &&
         job->program_count >= 1 && job->program_count <= kProgramsMax && job->wanted <= kCallsMax;
}

int main(int argc, char **argv) {
  struct job job;
  if (!parse(&job, argc, argv)) return 2;
  size_t size = sizeof times[0] * (size_t)job.program_count;
  times = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  cpu_set_t cpus;
  CPU_ZERO(&cpus);
  CPU_SET(sched_getcpu(), &cpus);
  if (times == MAP_FAILED || sched_setaffinity(0, sizeof cpus, &cpus) != 0) return 2;
  int status = measure(&job);
  if (status != 0) return status;
  for (int i = 0; i < job.wanted; i++) {
    printf("%s", job.names[i]);
    for (int program = 0; program < job.program_count; program++) {
      double *list = times[program][i];
      qsort(list, (size_t)job.chunks, sizeof list[0], by_value);
      printf("\t%.2f", list[job.chunks / 2]);
    }
    printf("\n");
  }
  return 0;
}
