/*
 * canonical.h
 *		Writing, uniting and checking the canonical bytes of ledger.h.
 */
#ifndef CM_CANONICAL_H
#define CM_CANONICAL_H

#include "ledger.h"

/* A growing run of canonical customer blocks in a memory context. */
typedef struct LedgerRun
{
	uint8	   *data;
	Size		used;
	Size		allocated;
	uint32		customers;
} LedgerRun;

extern void run_add_customer(LedgerRun *run, bool wide, const uint64 *key,
							 const LedgerChange *changes, int64 n);
extern int64 changes_add_up(LedgerChange *changes, int64 n);
extern void run_merge(LedgerRun *run, const LedgerView *a, const LedgerView *b);
extern const char *ledger_check(const uint8 *data, Size length, LedgerView *view);
#ifdef USE_ASSERT_CHECKING
extern bool ledger_is_canonical(const LedgerView *view);
#endif
extern const char *ledger_open_header(const uint8 *data, Size length, LedgerView *view);

#endif							/* CM_CANONICAL_H */
