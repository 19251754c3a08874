/*
 * cohorts.c
 *		Cohort retention by customers and by MRR.  See docs/cohorts.md.
 *
 * A cohort has one cell per period from its own on.  The sweep adds only what
 * changes in a period; the standing of each cell follows by adding up.  A cell
 * costs 24 bytes, and only cohorts that have members have cells.
 */
#include "postgres.h"

#include "utils/fmgrprotos.h"

#include "history.h"
#include "report.h"

PG_FUNCTION_INFO_V1(cm_cohort_retention);
PG_FUNCTION_INFO_V1(cm_cohort_retention_query);

#define MAX_CELLS		INT64CONST(16000000)

/* Change of a cohort within one period. */
typedef struct Cell
{
	int128		mrr;
	int64		customers;
}
#if defined(pg_attribute_packed) && defined(pg_attribute_aligned)
pg_attribute_packed()
pg_attribute_aligned(8)
#endif
Cell;

typedef struct Cohort
{
	int64		size;
	int128		first_mrr;		/* of the members at their first active moment */
	Cell	   *cells;			/* from the cohort's own period to the last; NULL without members */
} Cohort;

typedef struct Cohorts
{
	const PeriodGrid *grid;
	Cohort	   *all;			/* one per period */
	int64		cells;
} Cohorts;

/* Count a customer with its first MRR into a period's cohort; raises 54000 beyond MAX_CELLS cells. */
static Cohort *
join_cohort(Cohorts *cohorts, int period, int128 mrr)
{
	Cohort	   *cohort = &cohorts->all[period];

	if (cohort->cells == NULL)
	{
		int			n = cohorts->grid->n - period;

		cohorts->cells += n;
		if (cohorts->cells > MAX_CELLS)
			ereport(ERROR,
					(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
					 errmsg("more than " INT64_FORMAT " cells of cohort and period", MAX_CELLS),
					 errhint("Use longer periods or an earlier until.")));
		cohort->cells = palloc0(n * sizeof(Cell));
	}
	cohort->size++;
	cohort->first_mrr += mrr;
	return cohort;
}

/*
 * Put one customer into its cohort and the changes of its standing into the cells;
 * with lives, each life into its own.
 */
static pg_attribute_always_inline void
sweep_customer(const LedgerChange *changes, int64 n, const PeriodGrid *grid, bool by_rows, bool lives,
			   Cohorts *cohorts)
{
	CustomerState state = {0, 0, 0, false};
	Cohort	   *cohort = NULL;
	int			own = 0;
	int			next = period_of(grid, changes[0].at);
	int64		i;

	for (i = 0; i < n; i++)
	{
		int			period = next;
		CustomerState before = state;

		if (i + 1 < n)
		{
			/* many cohorts have more cells than the cache: fetch the next one early */
			next = period_of(grid, changes[i + 1].at);
			if (cohort && next >= own && next < grid->n)
				__builtin_prefetch(&cohort->cells[next - own]);
		}

		if (lives && changes[i].rows == NEW_LIFE)
			cohort = NULL;
		if (period == grid->n && (lives ? changes[i].at >= grid->last_uncut :
								  cohort || changes[i].at >= grid->last_uncut))
			return;
		CHECK_FOR_INTERRUPTS_AT(i);
		apply_change(&state, &changes[i], by_rows);
		if (cohort == NULL)
		{
			if (!state.active)
				continue;
			/* a member from behind until, but of the period that until cuts */
			own = Min(period, grid->n - 1);
			if (own < 0)
				ledger_corrupted();
			cohort = join_cohort(cohorts, own, state.mrr);
		}
		if (period == grid->n)
			continue;
		if (period < own)
			ledger_corrupted();
		cohort->cells[period - own].customers += (int) state.active - (int) before.active;
		cohort->cells[period - own].mrr += state.mrr - before.mrr;
	}
}

/* Put all customers of a ledger into their cohorts. */
static void
sweep(const Ledger *ledger, const ReportRequest *request, Cohorts *cohorts)
{
	Clock		clock = period_clock(&request->periods, (ledger->flags & LEDGER_INSTANTS) != 0);
	History		history;
	LedgerScan	scan;

	customer_history_begin(&history, &request->policy, &clock, (ledger->flags & LEDGER_HAS_MRR) != 0);
	ledger_scan_begin(&scan, ledger);
	while (ledger_scan_next(&scan))
	{
		if (scan.n == 0)
			continue;
		if (history.rewrite)
		{
			customer_history_of(&history, scan.changes, scan.n);
			if (history.n > 0)
				sweep_customer(history.changes, history.n, cohorts->grid, true, history.lives, cohorts);
		}
		else if (history.by_rows)
			sweep_customer(scan.changes, scan.n, cohorts->grid, true, false, cohorts);
		else
			sweep_customer(scan.changes, scan.n, cohorts->grid, false, false, cohorts);
	}
	ledger_scan_end(&scan);
	customer_history_end(&history);
}

/* The rows of one cohort from period "shown" on. */
static void
put_cohort(const Cohorts *cohorts, int own, bool has_mrr, MemoryContext lasting,
		   ReturnSetInfo *result)
{
	const PeriodGrid *grid = cohorts->grid;
	const Cohort *cohort = &cohorts->all[own];
	int64		customers = 0;
	int128		mrr = 0;
	int128		cumulative = 0;
	Datum		values[11];
	bool		nulls[11] = {false};
	MemoryContext rows;
	Datum		size;
	int			period;

	values[0] = DateADTGetDatum(grid->grid_dates[own]);
	values[3] = Int64GetDatum(cohort->size);
	nulls[6] = nulls[7] = nulls[9] = !has_mrr;
	nulls[8] = !has_mrr || cohort->first_mrr == 0;	/* members may begin for free */

	/* what is the same in all rows outlives them; a cohort has members */
	rows = MemoryContextSwitchTo(lasting);
	size = NumericGetDatum(count_to_numeric(cohort->size));
	if (has_mrr)
		values[6] = NumericGetDatum(money_to_numeric(cohort->first_mrr));
	MemoryContextSwitchTo(rows);

	for (period = own; period < grid->n; period++)
	{
		const Cell *cell = &cohort->cells[period - own];

		customers += cell->customers;
		mrr += cell->mrr;
		cumulative += mrr;
		if (period < grid->shown)
			continue;
		values[1] = Int32GetDatum(period - own);
		values[2] = DateADTGetDatum(grid->dates[period]);
		values[4] = Int64GetDatum(customers);
		values[5] = DirectFunctionCall2(numeric_div, NumericGetDatum(count_to_numeric(customers)), size);
		if (has_mrr)
		{
			values[7] = NumericGetDatum(money_to_numeric(mrr));
			if (!nulls[8])
				values[8] = DirectFunctionCall2(numeric_div, values[7], values[6]);
			values[9] = NumericGetDatum(money_to_numeric(cumulative));
		}
		values[10] = BoolGetDatum(grid->complete[period]);
		report_row(result, values, nulls);
	}
}

/* The rows of cohort_retention, by cohort and period; none for an empty ledger. */
static void
cohort_report(const Ledger *ledger, const ReportRequest *request, ReturnSetInfo *result)
{
	PeriodRequest periods = request->periods;
	PeriodGrid	grid;
	Cohorts		cohorts;
	int64		first_start;
	MemoryContext old;
	int			i;

	periods.earlier = 0;		/* a cohort has no opening to look back to */
	if (!ledger_first_start(ledger, &first_start) ||
		!periods_make(&periods, (ledger->flags & LEDGER_INSTANTS) != 0, true, first_start, true, &grid))
		return;
	cohorts.grid = &grid;
	cohorts.all = palloc0(grid.n * sizeof(Cohort));
	cohorts.cells = 0;
	sweep(ledger, request, &cohorts);

	old = report_rows_begin();
	for (i = 0; i < grid.n; i++)
		if (cohorts.all[i].cells)
			put_cohort(&cohorts, i, (ledger->flags & LEDGER_HAS_MRR) != 0, old, result);
	report_rows_end(old);
}

static const ReportKind cohort_kind = {cohort_report, 1, false};

/* cohort_retention() of a ledger. */
Datum
cm_cohort_retention(PG_FUNCTION_ARGS)
{
	return report_on_ledger(fcinfo, &cohort_kind);
}

/* cohort_retention() of the rows of a query, with or without mrr. */
Datum
cm_cohort_retention_query(PG_FUNCTION_ARGS)
{
	return report_on_query(fcinfo, &cohort_kind);
}
