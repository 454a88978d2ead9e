/* What calls cost, how soon a question is stopped, and that a million calls leave nothing behind:
 * `cost NOTARY_SAMPLE [ROUNDS]`. Prints what ffi/bench.py makes a row of. */
#define _POSIX_C_SOURCE 200809L
#include "support.h"
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define GUN "registry.example/library/hello"
#define MANY 1000000
#define WARM 10000

static tuf_client *client;
static tuf_verdict *verdict;
static tuf_check *check;

static double now(void) {
  struct timespec at;
  CHECK(clock_gettime(CLOCK_MONOTONIC, &at) == 0);
  return (double)at.tv_sec * 1e9 + (double)at.tv_nsec;
}

/* How many KiB of memory the process has taken and not given back. */
static long kept(void) {
  char line[256];
  long kib = -1;
  FILE *file = fopen("/proc/self/smaps_rollup", "r");
  CHECK(file != NULL);
  while (kib < 0 && fgets(line, sizeof line, file) != NULL) sscanf(line, "Anonymous: %ld kB", &kib);
  fclose(file);
  CHECK(kib >= 0);
  return kib;
}

static int ascending(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

/* Nanoseconds for one: the median of so many rounds. */
static double median(void (*act)(void), long times, size_t rounds) {
  double *took = calloc(rounds, sizeof *took), middle;
  CHECK(took != NULL);
  for (size_t round = 0; round < rounds; round++) {
    double began = now();
    for (long n = 0; n < times; n++) act();
    took[round] = (now() - began) / (double)times;
  }
  qsort(took, rounds, sizeof *took, ascending);
  middle = took[rounds / 2];
  free(took);
  return middle;
}

/* Does nothing, and could fail. */
static void call(void) { CHECK(tuf_check_update(check, NOTHING, NULL) == TUF_OK); }

/* Fails, with an error object. */
static void failed_call(void) {
  tuf_error *err = NULL;
  CHECK(tuf_verdict_verify_bytes(verdict, NOTHING, &err) == TUF_ERR_CONTENT && tuf_error_code(err).len > 0);
  tuf_error_free(&err);
}

/* A whole look-up with what is remembered, driven here. */
static void by_job(void) {
  tuf_job *job = NULL;
  tuf_request request;
  tuf_verdict_free(&verdict);
  EXPECT(TUF_OK, tuf_job_new(client, TUF_IMAGE, S(GUN ":1.0"), NOTHING, &job, &err));
  EXPECT(TUF_DONE, tuf_job_next(job, &request, &err));
  EXPECT(TUF_OK, tuf_job_verdict(job, &verdict, &err));
  tuf_job_free(&job);
}

/* The same by a thread of the library's. */
static void by_task(void) {
  tuf_task *task = NULL;
  tuf_verdict_free(&verdict);
  EXPECT(TUF_OK, tuf_task_start(client, TUF_IMAGE, S(GUN ":1.0"), NOTHING, &task, &err));
  EXPECT(TUF_DONE, tuf_task_wait(task, TUF_FOREVER, &err));
  EXPECT(TUF_OK, tuf_task_verdict(task, &verdict, &err));
  tuf_task_free(&task);
}

/* The longest of ten times from stopping a question, whose server takes it and says nothing, to its end. */
static double stopped(void) {
  struct sockaddr_in at = {.sin_family = AF_INET};
  socklen_t length = sizeof at;
  int hangs = socket(AF_INET, SOCK_STREAM, 0);
  char text[256];
  tuf_client *asking = NULL;
  double longest = 0;
  at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  CHECK(hangs >= 0 && bind(hangs, (struct sockaddr *)&at, sizeof at) == 0 && listen(hangs, 128) == 0);
  CHECK(getsockname(hangs, (struct sockaddr *)&at, &length) == 0);
  snprintf(text, sizeof text, "[server.\"" GUN "\"]\nurl = \"http://127.0.0.1:%d\"\n[trust.\"" GUN "\"]\ntofu = true\n",
           ntohs(at.sin_port));
  EXPECT(TUF_OK, tuf_client_from_text(S(text), NOTHING, &asking, &err));
  for (int n = 0; n < 10; n++) {
    tuf_task *task = NULL;
    EXPECT(TUF_OK, tuf_task_start(asking, TUF_IMAGE, S(GUN ":1.0"), NOTHING, &task, &err));
    EXPECT(TUF_PENDING, tuf_task_wait(task, 100, &err));
    double began = now();
    EXPECT(TUF_OK, tuf_task_cancel(task, &err));
    EXPECT(TUF_DONE, tuf_task_wait(task, TUF_FOREVER, &err));
    if (now() - began > longest) longest = now() - began;
    tuf_task_free(&task);
  }
  tuf_client_free(&asking);
  close(hangs);
  return longest;
}

/* How many KiB a million calls leave above what ten thousand did. */
static long grown(void) {
  long calls = 0, before = 0;
  for (long round = 0; calls < MANY; round++) {
    if (calls >= WARM && before == 0) before = kept();
    bool matches;
    uint64_t length;
    /* Ten calls, of which two make an error. */
    CHECK(tuf_pattern_matches(S("a/*.tar"), S("a/b.tar"), &matches, NULL) == TUF_OK && matches);
    CHECK(tuf_verdict_json(verdict).len > 0 && tuf_verdict_pinned(verdict).len > 0);
    CHECK(tuf_verdict_length(verdict, &length, NULL) == TUF_OK);
    failed_call();
    failed_call();
    calls += 10;
    if (round % 200 == 0) by_job();
    if (round % 1000 == 0) by_task();
  }
  return kept() - before;
}

int main(int argc, char **argv) {
  static const char *const files[] = {"root.json", "timestamp.json", "snapshot.json", "targets.json", "targets/releases.json"};
  char text[4096];
  size_t length, rounds = argc > 2 ? (size_t)atol(argv[2]) : 20;
  CHECK(argc > 1 && rounds > 0);
  snprintf(text, sizeof text, "%s/pin.txt", argv[1]);
  char *pin = (char *)slurp(text, &length);
  CHECK(pin != NULL && length >= 64);
  snprintf(text, sizeof text,
           "[server.\"" GUN "\"]\nurl = \"https://trust.example\"\n[trust.\"" GUN "\"]\ncertificate-ids = [\"%.64s\"]\n", pin);
  free(pin);
  EXPECT(TUF_OK, tuf_client_from_text(S(text), NOTHING, &client, &err));
  for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
    snprintf(text, sizeof text, "%s/%s", argv[1], files[i]);
    uint8_t *file = slurp(text, &length);
    CHECK(file != NULL);
    EXPECT(TUF_OK, tuf_client_serve(client, S(GUN), S(files[i]), file, length, &err));
    free(file);
  }
  by_job();
  double job = median(by_job, 1, rounds), task = median(by_task, 1, rounds);
  EXPECT(TUF_OK, tuf_verdict_check(verdict, &check, &err));
  double calling = median(call, 1000, rounds), failing = median(failed_call, 1000, rounds);
  double stop = stopped();
  long more = grown();
  printf("{\"call_ns\": %.0f, \"failed_call_ns\": %.0f, \"job_us\": %.1f, \"task_us\": %.1f, \"stopped_ms\": %.1f, \"grown_kib\": %ld}\n",
         calling, failing, job / 1e3, task / 1e3, stop / 1e6, more);
  tuf_check_free(&check);
  tuf_verdict_free(&verdict);
  tuf_client_free(&client);
  CHECK(more <= 1024);
  return 0;
}
