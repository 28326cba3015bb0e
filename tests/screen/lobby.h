/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * The programs of a lobby without a server: a screen (Xvfb), and the presenter that plays on from
 * its own disk. The folder of a display is laid out as its link keeps it: the last slot table under
 * remembered/, the clips under files/ by their hash. So all of it is real: program, plugins, decks,
 * preroll and cuts. */
#pragma once
#include "schedule.h"
#include <sys/types.h>

typedef struct {
    const char *build;  /* the build folder, or where programs and plugins are */
    const char *folder; /* empty; everything is kept in it */
    int screen;         /* number of the X screen */
    int width, height;  /* of it */
    const char *layout; /* cinema, desk, board */
    bool has_ticker;    /* an announcement glides along the bar */
    const char *pulse;  /* the sound server's address; NULL: nobody hears it */
} LobbyOptions;

typedef struct Lobby Lobby;

/* Errors  G_SPAWN_ERROR, G_FILE_ERROR */
Lobby *lobby_new(const LobbyOptions *options, GError **error);
/* Where Xvfb keeps the picture. */
const char *lobby_screen_folder(const Lobby *lobby);
/* Where clips belong. */
const char *lobby_files_folder(const Lobby *lobby);
/* Writes the slot table and starts the presenter. */
bool lobby_show(Lobby *lobby, const Schedule *schedule, GError **error);
/* The presenter; 0 when it has ended. */
pid_t lobby_display(Lobby *lobby);
/* Ends all; returns the presenter's exit status, -1 when it did not end by itself. */
int lobby_end(Lobby *lobby);
void lobby_free(Lobby *lobby);
