/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * The jail of a job: after sandbox_enter() the process cannot reach the network, other processes,
 * or files that its policy does not name, and cannot grow without end.
 *
 * Layers     1 limits (memory, processor time, file size, open files, processes, no core dumps)
 *            2 no new privileges, no capabilities; dies with its parent
 *            3 namespaces: user, network, IPC, and one of mounts in which everything but the write
 *              folder is read-only
 *            4 Landlock: only the named paths
 *            5 seccomp: an allow list of calls; others answer ENOSYS, the network EACCES
 * Degrading  A layer that this kernel or container forbids is left out with one line on stderr.
 *            Only the last one is required: without seccomp sandbox_enter() fails.
 * Threads    Call it while the process has a single thread: namespaces need that. */
#pragma once
#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

/* What a job may do. Zero or NULL: nothing of it, or the limit in brackets.
 *
 * read_paths    files and folders to read, beside the system's own (/usr, fonts ...)
 * write_folder  the one folder to write in, existing; NULL: no file can be made or written
 * may_exec      absolute paths of programs; NULL: none, ever again
 * memory_bytes  address space [1.5 GiB]; not enforced under AddressSanitizer
 * cpu_seconds   processor time [unlimited]
 * file_bytes    longest file [4 GiB with a write folder, else 1 MiB for logs]
 * processes     processes and threads [64]; root in a container without a user namespace is exempt
 * open_files    [64]
 * Arrays end with NULL. */
typedef struct SandboxPolicy {
    const char *const *read_paths;
    const char *write_folder;
    const char *const *may_exec;
    uint64_t memory_bytes;
    uint64_t cpu_seconds;
    uint64_t file_bytes;
    uint64_t processes;
    uint64_t open_files;
} SandboxPolicy;

/* What holds; bits of sandbox_layers(). */
typedef enum SandboxLayer {
    SANDBOX_LIMITS = 1 << 0,
    SANDBOX_PRIVILEGES = 1 << 1,
    SANDBOX_USER = 1 << 2,      /* own user namespace */
    SANDBOX_NETWORK = 1 << 3,   /* own network namespace */
    SANDBOX_READ_ONLY = 1 << 4, /* own mount namespace, read-only but for the write folder */
    SANDBOX_LANDLOCK = 1 << 5,
    SANDBOX_SECCOMP = 1 << 6,
} SandboxLayer;

typedef enum SandboxError {
    SANDBOX_ERROR_SECCOMP = 1, /* the filter could not be made or loaded */
    SANDBOX_ERROR_POLICY,      /* the write folder does not exist */
} SandboxError;

#define SANDBOX_ERROR (sandbox_error_quark())
GQuark sandbox_error_quark(void);

/* Locks this process and all that it will start into the policy, for ever. */
bool sandbox_enter(const SandboxPolicy *policy, GError **error);

/* The layers that hold, SandboxLayer bits; 0 before sandbox_enter(). */
unsigned sandbox_layers(void);
