/* SPDX-License-Identifier: MIT
 *
 * version: the one place that says which version this is.
 */
#ifndef COMMON_VERSION_H
#define COMMON_VERSION_H

#define FETCHD_VERSION "0.1.0"

#endif
