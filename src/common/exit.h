/* SPDX-License-Identifier: MIT
 *
 * exit: the exit codes of both programs. The numbers are those of sysexits.h; scripts rely on them.
 */
#ifndef COMMON_EXIT_H
#define COMMON_EXIT_H

enum exit_code {
	EXIT_ALL_FETCHED = 0, /* every URL was fetched; or the verb did what was asked */
	EXIT_SOME_FAILED = 1, /* the batch ended, some URL failed */
	EXIT_USAGE = 64,      /* the command line makes no sense */
	EXIT_BAD_INPUT = 65,  /* a line of the input is no URL or no job */
	EXIT_NO_INPUT = 66,   /* the input can't be read */
	EXIT_NO_DAEMON = 69,  /* nobody answers on the socket */
	EXIT_INTERNAL = 70,   /* a defect of ours: the daemon or the answer made no sense */
	EXIT_SYSTEM = 71,     /* the system refused something: memory, descriptors, a thread */
	EXIT_NO_STATE = 73, /* the state folder can't be used: missing, not ours, in use by another
			       daemon */
	EXIT_IO = 74,	    /* reading or writing failed: a full disk, a vanished connection */
	EXIT_FULL = 75,	    /* a limit or the disk is full now; try again later */
	EXIT_NOT_PERMITTED = 77, /* this user may not */
	EXIT_BAD_CONFIG = 78,	 /* the configuration file has an error; the message says where */
};

#endif
