/*
 * reasons.c
 *		Churn by reason: voluntary, involuntary, unknown.  See docs/reasons.md.
 *
 * The query's rows are gathered into one ledger as for a report, and beside it
 * the ends whose reason is known, as three arrays: customer, moment, reason.  The
 * sweep tells who left, when it did, and the reason is looked up by both.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/builtins.h"

#include "checks.h"
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
#define COLUMN_CUSTOMERS	2
#define COLUMN_ENDS			3
#define COLUMN_IS_VOLUNTARY	4
#define COLUMN_WRONG		5

/* A row that ended for a known reason. */
typedef struct KnownEnd
{
	uint64		key[2];
	int64		at;
	Reason		reason;
} KnownEnd;

typedef struct ReasonReport
{
	const ReportRequest *request;
	KnownEnd   *ends;			/* in order of customer, moment, precedence */
	int			n;
	int			next;			/* not before what was looked up last */
	Standing  (*churned)[REASONS];	/* by period */
} ReasonReport;

/* Does an end come before that of a customer at a moment? */
static inline bool
end_before(const KnownEnd *end, const uint64 *key, int64 at)
{
	if (end->key[0] != key[0] || end->key[1] != key[1])
		return key_before(end->key, key);
	return end->at < at;
}

#define ST_SORT sort_ends
#define ST_ELEMENT_TYPE KnownEnd
#define ST_COMPARE(a, b) \
	(end_before(a, (b)->key, (b)->at) ? -1 : end_before(b, (a)->key, (a)->at) ? 1 : (int) (a)->reason - (int) (b)->reason)
#define ST_SCOPE static
#define ST_CHECK_FOR_INTERRUPTS
#define ST_DECLARE
#define ST_DEFINE
#include "lib/sort_template.h"

/* Read the ends from three arrays of one length. */
static void
read_ends(ReasonReport *report, Datum customers, Datum moments, Datum voluntary)
{
	ArrayType  *array = DatumGetArrayTypeP(moments);
	bool		dates = ARR_ELEMTYPE(array) == DATEOID;
	KeyedCustomer *keyed;
	Datum	   *names;
	Datum	   *at;
	Datum	   *is_voluntary;
	int			nmoments;
	int			nreasons;
	int			i;

	keyed = customers_by_key(customers, &names, &report->n);
	if (dates)
		deconstruct_array(array, DATEOID, sizeof(DateADT), true, TYPALIGN_INT, &at, NULL, &nmoments);
	else
		deconstruct_array(array, ARR_ELEMTYPE(array), sizeof(Timestamp), FLOAT8PASSBYVAL, TYPALIGN_DOUBLE, &at, NULL,
						  &nmoments);
	deconstruct_array(DatumGetArrayTypeP(voluntary), BOOLOID, sizeof(bool), true, TYPALIGN_CHAR, &is_voluntary, NULL,
					  &nreasons);
	if (nmoments != report->n || nreasons != report->n)
		elog(ERROR, "customers, ends and reasons are not of one number");
	report->ends = palloc_extended(report->n * sizeof(KnownEnd), MCXT_ALLOC_HUGE);
	for (i = 0; i < report->n; i++)
	{
		int			index = keyed[i].index;

		CHECK_FOR_INTERRUPTS_AT(i);
		report->ends[i].key[0] = keyed[i].key[0];
		report->ends[i].key[1] = keyed[i].key[1];
		report->ends[i].at = dates ? DatumGetDateADT(at[index]) * USECS_PER_DAY : DatumGetTimestamp(at[index]);
		report->ends[i].reason = DatumGetBool(is_voluntary[index]) ? REASON_VOLUNTARY : REASON_INVOLUNTARY;
	}
	pfree(keyed);
	pfree(names);
	pfree(at);
	pfree(is_voluntary);
	sort_ends(report->ends, report->n);
}

/* The reason for which a customer left at a moment; to be asked in order of both. */
static Reason
find_reason(ReasonReport *report, const uint64 *key, int64 at)
{
	const KnownEnd *end;

	for (; report->next < report->n && end_before(&report->ends[report->next], key, at); report->next++)
		CHECK_FOR_INTERRUPTS_AT(report->next);
	end = &report->ends[report->next];
	if (report->next < report->n && end->key[0] == key[0] && end->key[1] == key[1] && end->at == at)
		return end->reason;
	return REASON_UNKNOWN;
}

/* Count a movement if it is churn. */
static void
take_movement(void *context, const Movement *movement)
{
	ReasonReport *report = context;
	Reason		reason;
	int			row;

	if (movement->kind != MOVED_CHURNED)
		return;
	reason = find_reason(report, movement->key, movement->left_at + (report->request->policy.at ? 1 : 0));
	for (row = movement->first; row <= movement->last; row++)
	{
		CHECK_FOR_INTERRUPTS_AT(row);
		report->churned[row][reason].customers++;
		report->churned[row][reason].mrr += movement->opening;
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

/* The ledger of all rows, and the ends whose reason is known. */
static void
take_ledger(TupleTableSlot *slot, bool has_mrr, void *context)
{
	ReasonReport *report = context;
	const PeriodRequest *periods = &report->request->periods;
	bool		isnull;
	bool		no_ends;
	Datum		wrong = slot_getattr(slot, COLUMN_WRONG, &isnull);
	Datum		customers = slot_getattr(slot, COLUMN_CUSTOMERS, &no_ends);
	MovementSeries series;
	Ledger		ledger;
	Clock		clock;
	int64		first_start = 0;
	bool		has_rows;

	(void) has_mrr;
	if (!isnull)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("reason must be voluntary, involuntary, unknown or null, not \"%s\"", TextDatumGetCString(wrong)),
				 errhint("Translate the source's reasons with CASE in the query.")));
	if (!no_ends)
	{
		bool		no_moments;
		bool		no_reasons;
		Datum		moments = slot_getattr(slot, COLUMN_ENDS, &no_moments);
		Datum		voluntary = slot_getattr(slot, COLUMN_IS_VOLUNTARY, &no_reasons);

		read_ends(report, customers, moments, voluntary);
	}
	wrong = slot_getattr(slot, COLUMN_LEDGER, &isnull);
	ledger = ledger_argument(wrong, isnull, false);
	clock = period_clock(periods, (ledger.flags & LEDGER_INSTANTS) != 0);
	has_rows = ledger_first_start(&ledger, &first_start);
	if (!periods_make(periods, clock.instants, has_rows, first_start, false, &series.grid))
		return;
	report->churned = palloc_extended(series.grid.n * sizeof(*report->churned), MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	series_begin(&series, &report->request->policy, true);
	series_add(&series, &ledger, &clock, take_movement, report);
	put_rows(report, &series.grid);
}

/* churn_by_reason() of the rows of a query. */
Datum
cm_churn_by_reason(PG_FUNCTION_ARGS)
{
#define OF_KNOWN_ENDS \
	" FILTER (WHERE reason OPERATOR(pg_catalog.=) ANY ('{voluntary,involuntary}'::pg_catalog.text[])" \
	" AND ended_at OPERATOR(pg_catalog.>) started_at AND pg_catalog.isfinite(ended_at) AND customer IS NOT NULL)"
	static const RowsQuery query = {
		{COLUMN_MRR, COLUMN_REASON},
		"SELECT %1$s.subscription_ledger(customer, started_at, ended_at, mrr),"
		" pg_catalog.array_agg(customer)" OF_KNOWN_ENDS ","
		" pg_catalog.array_agg(ended_at)" OF_KNOWN_ENDS ","
		" pg_catalog.array_agg(reason OPERATOR(pg_catalog.=) 'voluntary'::pg_catalog.text)" OF_KNOWN_ENDS ","
		" pg_catalog.min(reason) FILTER (WHERE reason OPERATOR(pg_catalog.<>)"
		" ALL ('{voluntary,involuntary,unknown}'::pg_catalog.text[]))"
		" FROM %2$s",
		NULL
	};
	ReportRequest request;
	ReasonReport report = {0};

	check_not_null("query", PG_ARGISNULL(0));
	request = report_request(fcinfo, 1);
	report.request = &request;
	query_rows(fcinfo, &query, take_ledger, &report);
	return (Datum) 0;
}
