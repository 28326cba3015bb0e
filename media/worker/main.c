/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * serambi-media: finds the job that the command line names and becomes it. */
#include "jobs.h"
#include <glib.h>
#include <locale.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

/* Playing screens come first: what is prepared takes the processor time that they leave. */
#define PATIENT 10
#define LAST    15

/* One line per job; the last line ends the table. */
static const Job JOBS[] = {
    {"probe", job_probe, "--input FILE", PATIENT},
    {"prepare", job_prepare, "--input FILE --output DIR [--seconds N] [--title TEXT]", PATIENT},
    {"speak", job_speak, "--language id|en|ar [--input FOLDER] --output FILE.wav -- TEXT", 0},
    {"compose", job_compose, "STORYBOARD --output DIR [--language id]", PATIENT},
    {"lint", job_lint, "STORYBOARD", 0},
    {"slide", job_slide, "STORYBOARD --line N", 0},
    {"picture", job_picture, "--input FILE --output DIR", PATIENT},
    {"recording", job_recording, "--input FILE --output DIR", PATIENT},
    {"shrink", job_shrink, "--input MASTER --output DIR", LAST},
    {"prove", job_prove, "--input FILE --frames N", PATIENT},
    {"play", job_play, "--ring FD --control FD", 0},
    {0},
};

static void print_usage(FILE *stream)
{
    (void)fprintf(stream, "usage: serambi-media JOB [OPTIONS]\n\njobs:\n");
    for (const Job *job = JOBS; job->name; job++)
        (void)fprintf(stream, "  %s %s\n", job->name, job->usage);
}

int main(int argc, char **argv)
{
    (void)setlocale(LC_CTYPE, "C.UTF-8");
    if (argc >= 2 && strcmp(argv[1], "--help") == 0) {
        print_usage(stdout);
        return 0;
    }
    if (argc >= 2 && strcmp(argv[1], "--version") == 0) {
        (void)printf("serambi-media %s\n", SERAMBI_VERSION);
        return 0;
    }
    for (const Job *job = JOBS; argc >= 2 && job->name; job++)
        if (strcmp(job->name, argv[1]) == 0) {
            /* To stand back further is never refused. */
            (void)setpriority(PRIO_PROCESS, 0, getpriority(PRIO_PROCESS, 0) + job->nice);
            return job->run(argc - 1, argv + 1);
        }
    print_usage(stderr);
    return 2;
}
