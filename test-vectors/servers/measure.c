/* Runs a command N times and prints a line for each run: wall time in nanoseconds, peak resident
 * memory in KiB, exit status. What is measured begins at fork and ends when the child is reaped.
 *
 *   measure N BEFORE COMMAND…    BEFORE: a shell command run before each, not measured; or ""
 *
 * A program of its own because a child inherits the peak of the process that forks it: this one
 * has next to no memory, a Python interpreter has more than what is measured. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

int main(int argc, char **argv) {
    if (argc < 4) return 2;
    for (int n = atoi(argv[1]); n > 0; n--) {
        if (argv[2][0] && system(argv[2]) != 0) return 3;
        struct timespec from, to;
        clock_gettime(CLOCK_MONOTONIC, &from);
        pid_t child = fork();
        if (child < 0) return 4;
        if (child == 0) {
            int nowhere = open("/dev/null", O_RDWR);
            dup2(nowhere, 0);
            dup2(nowhere, 1);
            dup2(nowhere, 2);
            execv(argv[3], argv + 3);
            _exit(127);
        }
        int status;
        struct rusage used;
        if (wait4(child, &status, 0, &used) != child) return 5;
        clock_gettime(CLOCK_MONOTONIC, &to);
        long long ns = (to.tv_sec - from.tv_sec) * 1000000000LL + (to.tv_nsec - from.tv_nsec);
        printf("%lld %ld %d\n", ns, used.ru_maxrss, WIFEXITED(status) ? WEXITSTATUS(status) : -1);
    }
    return 0;
}
