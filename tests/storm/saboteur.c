/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * Stands between a deck and its worker (SERAMBI_WORKER) and hurts it when certain films are played:
 * a decoder that crashes, hangs, overwrites the shared memory, says nonsense, or is too slow. */
#include "media/ring.h"
#include "tests/storm/spoil.h"
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define RING_FD       3
#define CONTROL_FD    4
#define HEADERS_BYTES (RING_PAGE_BYTES + RING_PICTURE_COUNT * 128 + RING_SOUND_COUNT * 32)
#define LOOK_MS       3
#define CRAWL_MS      120 /* for each picture: slower than real time, and never still */

static uint32_t word_at(const uint8_t *memory, size_t at)
{
    uint32_t value;
    memcpy(&value, memory + at, sizeof value);
    return value;
}

static void hurt(pid_t worker, int pidfd, uint8_t *memory, uint32_t width)
{
    struct pollfd over = {.fd = pidfd, .events = POLLIN};
    switch (width) {
    case SPOIL_CRASHES:
        (void)kill(worker, SIGABRT);
        break;
    case SPOIL_HANGS:
        (void)kill(worker, SIGSTOP);
        break;
    case SPOIL_SCRIBBLES:
        for (int i = 0; i < 64; i++)
            memory[(size_t)rand() % (i % 2 ? 512 : HEADERS_BYTES)] = (uint8_t)rand();
        break;
    case SPOIL_BABBLES:
        (void)send(CONTROL_FD, "{\"ready\":[]}\n", 13, MSG_NOSIGNAL | MSG_DONTWAIT);
        break;
    case SPOIL_CRAWLS:
        (void)kill(worker, SIGSTOP);
        (void)poll(&over, 1, CRAWL_MS);
        (void)kill(worker, SIGCONT);
        break;
    default:
        break;
    }
}

int main(int argc, char **argv)
{
    const char *program = getenv("SERAMBI_WORKER");
    uint8_t *memory = mmap(NULL, HEADERS_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, RING_FD, 0);
    if (!program || memory == MAP_FAILED)
        return 1;
    pid_t worker = fork();
    if (worker == 0) {
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        (void)execv(program, argv);
        _exit(1);
    }
    int pidfd = pidfd_open(worker, 0);
    srand((unsigned)worker);
    uint32_t seen = word_at(memory, 64); /* ring.c:RingPage, pictures.put */
    struct pollfd over = {.fd = pidfd, .events = POLLIN};
    while (poll(&over, 1, LOOK_MS) == 0) {
        uint32_t put = word_at(memory, 64);
        if (put == seen)
            continue;
        seen = put;
        size_t header = RING_PAGE_BYTES + (put - 1) % RING_PICTURE_COUNT * 128;
        if (word_at(memory, header + 16) == put - 1) /* the worker's, not our own scribbling */
            hurt(worker, pidfd, memory, word_at(memory, header + 24));
    }
    int status = 0;
    (void)waitpid(worker, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}
