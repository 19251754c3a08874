/*
 * state.h
 *		The aggregate state of ledgers; see state.c.
 */
#ifndef CM_STATE_H
#define CM_STATE_H

#include "rows.h"

extern Datum state_add_row(Datum state, bool isnull, uint8 flags, const LedgerPeriod *period,
						   const SubscriptionRow *row, MemoryContext aggcontext);
extern Datum state_unite(Datum state, Datum other, MemoryContext aggcontext);
extern LedgerHeader *ledger_flatten(const LedgerView *view);
extern MemoryContext aggregate_context(FunctionCallInfo fcinfo);

#endif							/* CM_STATE_H */
