/*
 * compat.h
 *		The differences between PostgreSQL 15, 16, 17 and 18, in one place.
 */
#ifndef CM_COMPAT_H
#define CM_COMPAT_H

#if PG_VERSION_NUM < 150000
#error "churnmetrics needs PostgreSQL 15 or later"
#endif

#if PG_VERSION_NUM >= 160000
#include "varatt.h"
#endif

/* A prefix since 18; before, an attribute that may stand there too. */
#if PG_VERSION_NUM < 180000
#define pg_noreturn pg_attribute_noreturn()
#endif

/* Soft errors of input functions came with 16; before, every error is thrown. */
#if PG_VERSION_NUM < 160000
#define ereturn(escontext, dummy_value, ...) \
	do { \
		(void) (escontext); \
		ereport(ERROR, __VA_ARGS__); \
		return dummy_value; \
	} while (0)
#endif

#endif							/* CM_COMPAT_H */
