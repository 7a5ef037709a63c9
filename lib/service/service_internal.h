/* Private to lib/service: the settings in force, and the way to others. */
#ifndef SERVICE_INTERNAL_H
#define SERVICE_INTERNAL_H

#include "service/service.h"

/* Hold the lock of the state folder that the settings in the folder dir lie in, from now on. Dies (111)
 * while a command of the administrator writes the stores; the supervisor tries again in a second. */
void taken_lock(char const *dir);

/* The settings in force; NULL before the first were taken. */
struct settings *taken_settings(void);

/* Keep the verbosity of the command line, whatever the settings say. */
void taken_verbosity_given(void);

/* Read the settings of svc in the folder dir, and take them when svc can. first: at
 * the start. false, having logged why: then the settings in force are as before. */
bool taken_load(struct service const *svc, char const *dir, bool first);

/* Say whether svc can take the settings in the folder dir; settings_refused() says why
 * not. Nothing changes. */
bool taken_check(struct service const *svc, char const *dir);

/* Handle the control record trace: begin a trace of svc in the file that r names, or end it. */
void trace_asked(struct service const *svc, struct link *ctl, struct record *r);

/* Set how malloc takes memory: before anything else. Give spare memory back now, and
 * every TRIM_US from then on (memory.c). */
void memory_start(void);
void memory_trim(void);

#endif
