/* An installer: fetches a file, and hands it to a command only if it is what was signed.
 *
 *   installer CONFIG REPOSITORY PATH FOLDER COMMAND...
 *
 * `installer trust.toml tools.example/repo agent/install.sh /var/lib/agent sh` runs the script that
 * the repository's publisher signed, and none other. FOLDER must be one that nobody else can write:
 * what lies in it is run. Ctrl-C stops it, however the server hangs. */
#define _POSIX_C_SOURCE 200809L
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <tufverify.h>
#include <unistd.h>

static volatile sig_atomic_t interrupted;

static void interrupt(int number) {
  (void)number;
  interrupted = 1;
}

static void say(const char *what, tuf_text text) {
  if (text.ptr != NULL) fprintf(stderr, "installer: %s%.*s\n", what, (int)text.len, text.ptr);
}

/* Ends with what the library says of a call that failed. The error is looked at here, once the call is
 * over: C says nothing of the order of arguments. */
static void done(tuf_status status, tuf_error **err) {
  if (status < TUF_ERR_USAGE) return;
  say("", tuf_error_message(*err));
  say("next: ", tuf_error_hint(*err));
  tuf_error_free(err);
  exit(2);
}

int main(int argc, char **argv) {
  tuf_client *client = NULL;
  tuf_task *task = NULL;
  tuf_verdict *verdict = NULL;
  tuf_error *err = NULL;
  if (tuf_abi_version() != TUF_ABI_VERSION) {
    fprintf(stderr, "installer: it was built for another libtufverify\n");
    return 2;
  }
  if (argc < 6) {
    fprintf(stderr, "usage: installer CONFIG REPOSITORY PATH FOLDER COMMAND...\n");
    return 2;
  }
  const char *config = argv[1], *repository = argv[2], *path = argv[3], *folder = argv[4];

  done(tuf_client_from_file(config, strlen(config), &client, &err), &err);
  done(tuf_task_download(client, repository, strlen(repository), path, strlen(path), folder, strlen(folder), &task, &err), &err);
  signal(SIGINT, interrupt);
  while (tuf_task_wait(task, 50, NULL) == TUF_PENDING) {
    if (interrupted) done(tuf_task_cancel(task, &err), &err);
  }
  done(tuf_task_verdict(task, &verdict, &err), &err);
  signal(SIGINT, SIG_DFL);

  int status = (int)tuf_verdict_exit_status(verdict);
  if (tuf_verdict_word(verdict) != TUF_TRUSTED) {
    say("", tuf_verdict_message(verdict));
    say("code: ", tuf_verdict_code(verdict));
  } else {
    tuf_text at = tuf_verdict_file(verdict);
    char *file = malloc(at.len + 1);
    char **command = calloc((size_t)argc, sizeof *command);
    if (file == NULL || command == NULL) return 3;
    memcpy(file, at.ptr, at.len);
    file[at.len] = 0;
    for (int i = 5; i < argc; i++) command[i - 5] = argv[i];
    command[argc - 5] = file;
    execvp(command[0], command);
    perror(command[0]);
    status = 3;
  }
  tuf_verdict_free(&verdict);
  tuf_task_free(&task);
  tuf_client_free(&client);
  return status;
}
