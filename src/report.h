/*
 * report.h
 *		What the set-returning reports share: the arguments behind the ledger, and
 *		a ledger from a value or from the text of a query.
 */
#ifndef CM_REPORT_H
#define CM_REPORT_H

#include "executor/tuptable.h"
#include "fmgr.h"
#include "funcapi.h"

#include "periods.h"
#include "policy.h"
#include "scan.h"

/* The checked arguments of a report. */
typedef struct ReportRequest
{
	FunctionCallInfo fcinfo;
	PeriodRequest periods;
	ChurnPolicy policy;
} ReportRequest;

/* A report over a ledger: puts its rows into result->setResult. */
typedef void (*Report) (const Ledger *ledger, const ReportRequest *request,
						ReturnSetInfo *result);

/* A report, and how it is called. */
typedef struct ReportKind
{
	Report		run;
	int			argument;		/* where every, since, until, time_zone, policy, origin begin */
	bool		needs_mrr;
} ReportKind;

/* A column of a caller's query behind ended_at. */
typedef enum QueryColumn
{
	COLUMN_END,
	COLUMN_MRR,
	COLUMN_OPTIONAL_MRR,		/* before the others; left out where the query has one column less */
	COLUMN_ON_TRIAL,
	COLUMN_REASON
} QueryColumn;

#define MAX_QUERY_COLUMNS	5

/*
 * What is asked of the rows that a caller's query returns.  The rows are the
 * relation "rows" with the columns customer, started_at, ended_at, [mrr,]
 * [on_trial,] [reason]; "statement" has %1$s for the extension's schema and %2$s
 * for that relation, and there is one for rows with mrr and one for those without.
 */
typedef struct RowsQuery
{
	QueryColumn columns[3];
	const char *with_mrr;
	const char *without_mrr;	/* NULL: mrr must be there */
} RowsQuery;

/* Takes the rows of a statement, one at a time. */
typedef void (*RowTaker) (TupleTableSlot *slot, bool has_mrr, void *context);

extern void report_row(ReturnSetInfo *result, Datum *values, bool *nulls);
extern MemoryContext report_rows_begin(void);
extern void report_rows_end(MemoryContext old);
extern ReportRequest report_request(FunctionCallInfo fcinfo, int argument);
extern Datum report_on_ledger(FunctionCallInfo fcinfo, const ReportKind *kind);
extern Datum report_on_query(FunctionCallInfo fcinfo, const ReportKind *kind);
extern void query_rows(FunctionCallInfo fcinfo, const RowsQuery *query, RowTaker taker, void *context);

#endif							/* CM_REPORT_H */
