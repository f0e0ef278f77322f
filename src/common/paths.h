/* SPDX-License-Identifier: MIT
 *
 * paths: where daemon and command line meet unless told otherwise.
 */
#ifndef COMMON_PATHS_H
#define COMMON_PATHS_H

#define FETCHD_SOCKET_PATH "/run/fetchd/fetchd.sock"

#endif
