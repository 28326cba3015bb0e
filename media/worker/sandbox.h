/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * The jail of a job: after sandbox_enter() the process cannot reach the network, other processes,
 * or files that its policy does not name, and cannot grow without end.
 *
 * Layers    1 limits of the kernel (memory, processor time, file size, open files, processes, no
 * core dumps) 2 no new privileges; dies with its parent; no capabilities 3 namespaces of its own:
 * user, network, IPC, and one in which everything but the write folder is read-only 4 Landlock:
 * only the named paths 5 seccomp: an allow list of system calls; others answer ENOSYS, the network
 * EACCES Degrading A layer that this kernel or container forbids is left out with one line on
 * stderr. Only the last layer is required: without seccomp sandbox_enter() fails. Threads   Call it
 * while the process has a single thread; the others would keep their rights to namespaces. */
#pragma once
#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

/* What a job may do. Zero or NULL: nothing of it, or the limit in brackets. */
typedef struct SandboxPolicy {
    const char *const *read_paths; /* NULL-terminated files and folders to read, beside the system's
                                      own (/usr, /etc ...) */
    const char *write_folder; /* the one folder to write in, existing; NULL: no file can be made or
                                 written */
    const char *const
        *may_exec;         /* NULL-terminated absolute paths of programs; NULL: none, ever again */
    uint64_t memory_bytes; /* address space [1.5 GiB]; not enforced under AddressSanitizer */
    uint64_t cpu_seconds;  /* processor time [unlimited] */
    uint64_t file_bytes;   /* longest file [4 GiB with a write folder, else 1 MiB for logs] */
    uint64_t processes;    /* processes and threads [64] */
    uint64_t open_files;   /* [64] */
} SandboxPolicy;

/* What holds; bits of SandboxLayers.held. */
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
