/* A million calls: what they cost, and that they leave nothing behind: `cost NOTARY_SAMPLE`. */
#define _POSIX_C_SOURCE 200809L
#include "support.h"
#include <time.h>
#include <unistd.h>

#define GUN "registry.example/library/hello"

static double now(void) {
  struct timespec at;
  CHECK(clock_gettime(CLOCK_MONOTONIC, &at) == 0);
  return (double)at.tv_sec * 1e9 + (double)at.tv_nsec;
}

/* Bytes that the process has in memory. */
static long resident(void) {
  long pages = 0, in_memory = 0;
  FILE *file = fopen("/proc/self/statm", "r");
  CHECK(file != NULL && fscanf(file, "%ld %ld", &pages, &in_memory) == 2);
  fclose(file);
  return in_memory * sysconf(_SC_PAGESIZE);
}

/* A whole look-up with what is remembered: its job at its end. */
static tuf_job *look_up(const tuf_client *client) {
  tuf_job *job = NULL;
  tuf_request request;
  EXPECT(TUF_OK, tuf_job_new(client, TUF_IMAGE, S(GUN ":1.0"), NOTHING, &job, &err));
  EXPECT(TUF_DONE, tuf_job_next(job, &request, &err));
  return job;
}

int main(int argc, char **argv) {
  static const char *const files[] = {"root.json", "timestamp.json", "snapshot.json", "targets.json", "targets/releases.json"};
  const char *text = "[server.\"registry.example/\"]\nurl = \"https://trust.example\"\n[trust.\"registry.example/\"]\ntofu = true\n";
  tuf_client *client = NULL;
  CHECK(argc == 2);
  EXPECT(TUF_OK, tuf_client_from_text(S(text), NOTHING, &client, &err));
  EXPECT(TUF_OK, tuf_client_set_time(client, S("2030-01-01T00:00:00Z"), &err));
  for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
    char path[4096];
    size_t length;
    snprintf(path, sizeof path, "%s/%s", argv[1], files[i]);
    uint8_t *file = slurp(path, &length);
    CHECK(file != NULL);
    EXPECT(TUF_OK, tuf_client_serve(client, S(GUN), S(files[i]), file, length, &err));
    free(file);
  }
  tuf_job *job = look_up(client);
  long before = 0;
  double cheap = 0, whole = 0, looked_up = 0;
  long calls = 0;
  for (long round = 0; calls < 1000000; round++) {
    if (calls >= 10000 && before == 0) before = resident();
    double began = now();
    bool matches;
    uint64_t length;
    tuf_verdict *verdict = NULL;
    tuf_error *err = NULL;
    /* Ten calls, of which one fails. */
    CHECK(tuf_pattern_matches(S("a/*.tar"), S("a/b.tar"), &matches, NULL) == TUF_OK && matches);
    CHECK(tuf_job_verdict(job, &verdict, NULL) == TUF_OK);
    CHECK(tuf_verdict_word(verdict) == TUF_TRUSTED && tuf_verdict_json(verdict).len > 0);
    CHECK(tuf_verdict_pinned(verdict).len > 0 && tuf_verdict_length(verdict, &length, NULL) == TUF_OK);
    CHECK(tuf_verdict_verify_bytes(verdict, NOTHING, &err) == TUF_ERR_CONTENT && tuf_error_code(err).len > 0);
    tuf_error_free(&err);
    tuf_verdict_free(&verdict);
    cheap += now() - began;
    calls += 10;
    if (round % 200 == 0) {
      began = now();
      tuf_job_free(&job);
      job = look_up(client);
      whole += now() - began;
      looked_up += 1;
    }
  }
  long grown = resident() - before;
  printf("%.0f ns a call, %.0f us a warm look-up, %ld bytes grown\n", cheap / (double)calls, whole / looked_up / 1e3, grown);
  tuf_job_free(&job);
  tuf_client_free(&client);
  CHECK(grown <= 1024 * 1024);
  return 0;
}
