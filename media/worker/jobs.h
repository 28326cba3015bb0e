/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * The jobs of serambi-media: one function and one file each.
 *
 * A job is called once, on the main thread, before any other thread exists, with the arguments that
 * follow its name on the command line: argv[0] is the job's name. It returns the exit status of the
 * process (0 done, 1 failed and reported, 2 called wrongly). It enters its sandbox before it reads
 * a byte of what it was given. */
#pragma once

typedef struct Job {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *usage; /* the arguments, for the help text */
} Job;

int job_probe(int argc, char **argv);
int job_prepare(int argc, char **argv);
int job_shrink(int argc, char **argv);
int job_speak(int argc, char **argv);
int job_compose(int argc, char **argv);
int job_prove(int argc, char **argv);
int job_play(int argc, char **argv);
