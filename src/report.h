/*
 * report.h
 *		What the set-returning reports share: the arguments behind the ledger, and
 *		a ledger from a value or from the text of a query.
 */
#ifndef CM_REPORT_H
#define CM_REPORT_H

#include "fmgr.h"
#include "funcapi.h"

#include "periods.h"
#include "scan.h"

/* A report over a ledger: puts its rows into result->setResult. */
typedef void (*Report) (const Ledger *ledger, const PeriodRequest *request,
						ReturnSetInfo *result);

extern void report_row(ReturnSetInfo *result, Datum *values, bool *nulls);
extern MemoryContext report_rows_begin(void);
extern void report_rows_end(MemoryContext old);
extern Datum report_on_ledger(FunctionCallInfo fcinfo, Report report);
extern Datum report_on_query(FunctionCallInfo fcinfo, Report report, bool needs_mrr);

#endif							/* CM_REPORT_H */
