/*
 * reasons.c
 *		Churn by reason: voluntary, involuntary, unknown.  See docs/reasons.md.
 *
 * The query's rows are gathered into one ledger as for a report, and those that
 * ended for a known reason also into the terms of that reason, in which ends and
 * starts of one moment stay apart.  The sweep tells who left and when, in order of
 * the customers' keys, which is the order of the terms, too.
 */
#include "postgres.h"

#include "utils/builtins.h"

#include "checks.h"
#include "renewals.h"
#include "sweep.h"

PG_FUNCTION_INFO_V1(cm_churn_by_reason);

/* In order of precedence where rows of one customer end at one moment. */
typedef enum Reason
{
	REASON_INVOLUNTARY,
	REASON_VOLUNTARY,
	REASON_UNKNOWN
} Reason;

#define REASONS			(REASON_UNKNOWN + 1)

static const char *const reason_names[REASONS] = {"involuntary", "voluntary", "unknown"};

/* The order in which they are reported. */
static const Reason shown_reasons[REASONS] = {REASON_VOLUNTARY, REASON_INVOLUNTARY, REASON_UNKNOWN};

/* Columns of the statement. */
#define COLUMN_LEDGER		1
#define COLUMN_TERMS		2	/* one for each known reason */
#define COLUMN_WRONG		(COLUMN_TERMS + REASON_UNKNOWN)

/* The terms that ended for one reason, at the customer told of last or the next one. */
typedef struct Terms
{
	LedgerScan	scan;
	bool		has_customer;
	int64		next;			/* change that was not looked at yet */
} Terms;

typedef struct ReasonReport
{
	const ReportRequest *request;
	Terms		terms[REASON_UNKNOWN];
	Standing  (*churned)[REASONS];	/* by period; as differences where there is a look-back */
	int			n;
} ReasonReport;

/* Did a term of a customer end at a moment?  To be asked in order of both. */
static bool
has_end(Terms *terms, const uint64 *key, int64 moment)
{
	int64		slot = ended_slot(moment);

	while (terms->has_customer && key_before(terms->scan.key, key))
	{
		terms->has_customer = ledger_scan_next(&terms->scan);
		terms->next = 0;
	}
	if (!terms->has_customer || key_before(key, terms->scan.key))
		return false;
	for (; terms->next < terms->scan.n && terms->scan.changes[terms->next].at < slot; terms->next++)
		CHECK_FOR_INTERRUPTS_AT(terms->next);
	return terms->next < terms->scan.n && terms->scan.changes[terms->next].at == slot;
}

/* Count a movement if it is churn. */
static void
take_movement(void *context, const Movement *movement)
{
	ReasonReport *report = context;
	int64		left_at = movement->left_at + (report->request->policy.at ? 1 : 0);
	int			reason = 0;

	if (movement->kind != MOVED_CHURNED)
		return;
	while (reason < REASON_UNKNOWN && !has_end(&report->terms[reason], movement->key, left_at))
		reason++;
	report->churned[movement->first][reason].customers++;
	report->churned[movement->first][reason].mrr += movement->opening;
	if (report->request->policy.lookback > 1 && movement->last + 1 < report->n)
	{
		report->churned[movement->last + 1][reason].customers--;
		report->churned[movement->last + 1][reason].mrr -= movement->opening;
	}
}

/* Make differences between rows whole. */
static void
add_up_rows(ReasonReport *report)
{
	int			row;
	int			reason;

	for (row = 1; row < report->n; row++)
		for (reason = 0; reason < REASONS; reason++)
		{
			report->churned[row][reason].customers += report->churned[row - 1][reason].customers;
			report->churned[row][reason].mrr += report->churned[row - 1][reason].mrr;
		}
}

/* The rows, three for each period. */
static void
put_rows(const ReasonReport *report, const PeriodGrid *grid)
{
	ReturnSetInfo *result = (ReturnSetInfo *) report->request->fcinfo->resultinfo;
	MemoryContext old = report_rows_begin();
	int			i;
	int			j;

	for (i = grid->shown; i < grid->n; i++)
		for (j = 0; j < REASONS; j++)
		{
			const Standing *all = report->churned[i];
			const Standing *churned = &all[shown_reasons[j]];
			int64		customers = all[0].customers + all[1].customers + all[2].customers;
			int128		mrr = all[0].mrr + all[1].mrr + all[2].mrr;
			Datum		values[8];
			bool		nulls[8] = {false};

			values[0] = DateADTGetDatum(grid->dates[i]);
			values[1] = DateADTGetDatum(grid->dates[i + 1]);
			values[2] = CStringGetTextDatum(reason_names[shown_reasons[j]]);
			values[3] = Int64GetDatum(churned->customers);
			values[4] = NumericGetDatum(money_to_numeric(churned->mrr));
			values[5] = count_rate(churned->customers, customers, &nulls[5]);
			values[6] = money_rate(churned->mrr, mrr, &nulls[6]);
			values[7] = BoolGetDatum(grid->complete[i]);
			report_row(result, values, nulls);
		}
	report_rows_end(old);
}

/* The ledger of all rows, and the terms that ended for known reasons. */
static void
take_ledger(TupleTableSlot *slot, bool has_mrr, void *context)
{
	ReasonReport *report = context;
	const ReportRequest *request = report->request;
	bool		isnull;
	Datum		wrong = slot_getattr(slot, COLUMN_WRONG, &isnull);
	Datum		datum;
	Ledger		ledger;
	Clock		clock;
	MovementSeries series;
	int64		first_start = 0;
	bool		has_rows;
	int			reason;

	(void) has_mrr;
	if (!isnull)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("reason must be voluntary, involuntary, unknown or null, not \"%s\"", TextDatumGetCString(wrong)),
				 errhint("Translate the source's reasons with CASE in the query.")));
	datum = slot_getattr(slot, COLUMN_LEDGER, &isnull);
	ledger = ledger_argument(datum, isnull, false);
	clock = period_clock(&request->periods, (ledger.flags & LEDGER_INSTANTS) != 0);
	has_rows = ledger_first_start(&ledger, &first_start);
	if (!periods_make(&request->periods, clock.instants, has_rows, first_start, false, &series.grid))
		return;
	report->n = series.grid.n;
	report->churned = palloc_extended(report->n * sizeof(*report->churned), MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	for (reason = 0; reason < REASON_UNKNOWN; reason++)
	{
		Terms	   *terms = &report->terms[reason];
		Ledger		ended = {0};

		datum = slot_getattr(slot, COLUMN_TERMS + reason, &isnull);
		if (!isnull)
			ended = ledger_of(datum);
		ledger_scan_begin(&terms->scan, &ended);
		terms->has_customer = ledger_scan_next(&terms->scan);
	}
	series_begin(&series, &request->policy, true);
	series_add(&series, &ledger, &clock, take_movement, report);
	for (reason = 0; reason < REASON_UNKNOWN; reason++)
		ledger_scan_end(&report->terms[reason].scan);
	if (request->policy.lookback > 1)
		add_up_rows(report);
	put_rows(report, &series.grid);
}

/* churn_by_reason() of the rows of a query. */
Datum
cm_churn_by_reason(PG_FUNCTION_ARGS)
{
	/* terms reach to the year 70000, as a Julian day; who leaves later does so for unknown reasons */
#define TERMS_OF(reason) \
	" %1$s.renewal_terms(customer, started_at, ended_at, 0)" \
	" FILTER (WHERE reason OPERATOR(pg_catalog.=) '" reason "'::pg_catalog.text" \
	" AND ended_at OPERATOR(pg_catalog.<) 'J27288035'::pg_catalog.date),"
	static const RowsQuery query = {
		{COLUMN_MRR, COLUMN_REASON},
		"SELECT %1$s.subscription_ledger(customer, started_at, ended_at, mrr),"
		TERMS_OF("involuntary") TERMS_OF("voluntary")
		" pg_catalog.min(reason) FILTER (WHERE reason OPERATOR(pg_catalog.<>)"
		" ALL ('{voluntary,involuntary,unknown}'::pg_catalog.text[]))"
		/* OFFSET keeps the query's expressions from being worked out for each aggregate anew */
		" FROM (SELECT * FROM %2$s OFFSET 0) AS rows",
		NULL
	};
	ReportRequest request;
	ReasonReport *report = palloc0(sizeof(ReasonReport));

	check_not_null("query", PG_ARGISNULL(0));
	request = report_request(fcinfo, 1);
	report->request = &request;
	query_rows(fcinfo, &query, take_ledger, report);
	return (Datum) 0;
}
