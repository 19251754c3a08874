/*
 * movements.c
 *		Customer churn and MRR movements by period.  See docs/movements.md.
 *
 * One sweep over the ledger: a customer's breakpoints that fall into one period
 * are taken together, its state before them is the opening, after them the
 * closing; what changed goes into that period's counters.  Periods in which
 * nothing happens to a customer are never visited: the openings and closings
 * of the whole follow by adding up.
 */
#include "postgres.h"

#include "report.h"

PG_FUNCTION_INFO_V1(cm_churn_by_period);
PG_FUNCTION_INFO_V1(cm_churn_by_period_query);
PG_FUNCTION_INFO_V1(cm_mrr_movements);
PG_FUNCTION_INFO_V1(cm_mrr_movements_query);

/* What happened in one period. */
typedef struct Flows
{
	int64		new_customers;
	int64		reactivated_customers;
	int64		churned_customers;
	int64		transient_customers;
	int64		transient_new_customers;
	int128		new_mrr;
	int128		reactivation_mrr;
	int128		expansion_mrr;
	int128		contraction_mrr;
	int128		churned_mrr;
} Flows;

/* How things stand at one moment. */
typedef struct Standing
{
	int64		customers;
	int128		mrr;
} Standing;

/* One customer's opening of a period, and what came before it. */
typedef struct Opening
{
	int128		mrr;
	bool		active;
	bool		ever_active;	/* at or before it */
} Opening;

/* Count what one period did to one customer, who closes with "mrr". */
static inline void
count_movement(Flows *flows, const Opening *opening, bool active, int128 mrr, bool active_inside)
{
	if (opening->active && active)
	{
		if (mrr > opening->mrr)
			flows->expansion_mrr += mrr - opening->mrr;
		else
			flows->contraction_mrr += opening->mrr - mrr;
	}
	else if (opening->active)
	{
		flows->churned_customers++;
		flows->churned_mrr += opening->mrr;
	}
	else if (active && opening->ever_active)
	{
		flows->reactivated_customers++;
		flows->reactivation_mrr += mrr;
	}
	else if (active)
	{
		flows->new_customers++;
		flows->new_mrr += mrr;
	}
	else if (active_inside)
	{
		flows->transient_customers++;
		flows->transient_new_customers += !opening->ever_active;
	}
}

/* Sweep one customer; the state before the first period is added to "start". */
static pg_attribute_always_inline void
sweep_customer(const LedgerChange *changes, int64 n, const PeriodGrid *grid, bool has_mrr,
			   Flows *flows, Standing *start)
{
	int64		rows = 0;
	int128		sum = 0;
	int128		mrr = 0;
	bool		active = false;
	bool		ever_active = false;
	Opening		opening = {0, false, false};
	bool		active_inside = false;
	int			current = PERIOD_BEFORE;
	int64		i;

	for (i = 0; i <= n; i++)
	{
		int			period = i < n ? period_of(grid, changes[i].at) : grid->n;

		if (period == current)
			active_inside |= active;
		else
		{
			if (current != PERIOD_BEFORE)
				count_movement(&flows[current], &opening, active, mrr, active_inside);
			else if (active)
			{
				start->customers++;
				start->mrr += mrr;
			}
			if (period == grid->n)
				return;
			current = period;
			opening.mrr = mrr;
			opening.active = active;
			opening.ever_active = ever_active;
			active_inside = false;
		}
		CHECK_FOR_INTERRUPTS_AT(i);
		rows += changes[i].rows;
		sum += changes[i].mrr;
		active = has_mrr ? sum > 0 : rows > 0;
		mrr = sum > 0 ? sum : 0;
		ever_active |= active;
	}
}

/* The flows of every period, and how things stand before the first. */
static Flows *
sweep(const Ledger *ledger, const PeriodGrid *grid, Standing *start)
{
	Flows	   *flows = palloc0(grid->n * sizeof(Flows));
	LedgerScan	scan;

	memset(start, 0, sizeof(*start));
	ledger_scan_begin(&scan, ledger);
	while (ledger_scan_next(&scan))
		if (ledger->flags & LEDGER_HAS_MRR)
			sweep_customer(scan.changes, scan.n, grid, true, flows, start);
		else
			sweep_customer(scan.changes, scan.n, grid, false, flows, start);
	ledger_scan_end(&scan);
	return flows;
}

/* The grid for a ledger; false where there is nothing to report. */
static bool
grid_for(const Ledger *ledger, const PeriodRequest *request, PeriodGrid *grid)
{
	int64		first_start = 0;
	bool		has_rows = ledger_first_start(ledger, &first_start);

	return periods_make(request, (ledger->flags & LEDGER_INSTANTS) != 0, has_rows,
						first_start, false, grid);
}

/* How many customers a period closes with. */
static int64
closing_customers(int64 opening, const Flows *flows)
{
	return opening + flows->new_customers + flows->reactivated_customers - flows->churned_customers;
}

/* The rows of churn_by_period, one per period. */
static void
churn_report(const Ledger *ledger, const PeriodRequest *request, ReturnSetInfo *result)
{
	PeriodGrid	grid;
	Standing	standing;
	Flows	   *flows;
	MemoryContext old;
	int			i;

	if (!grid_for(ledger, request, &grid))
		return;
	flows = sweep(ledger, &grid, &standing);
	old = report_rows_begin();
	for (i = 0; i < grid.n; i++)
	{
		Datum		values[12];
		bool		nulls[12] = {false};
		int64		opening = standing.customers;

		standing.customers = closing_customers(opening, &flows[i]);
		values[0] = DateADTGetDatum(grid.dates[i]);
		values[1] = DateADTGetDatum(grid.dates[i + 1]);
		values[2] = Int64GetDatum(opening);
		values[3] = Int64GetDatum(flows[i].new_customers);
		values[4] = Int64GetDatum(flows[i].reactivated_customers);
		values[5] = Int64GetDatum(flows[i].churned_customers);
		values[6] = Int64GetDatum(standing.customers);
		values[7] = Int64GetDatum(flows[i].transient_customers);
		values[8] = Int64GetDatum(flows[i].transient_new_customers);
		values[9] = count_rate(flows[i].churned_customers, opening, &nulls[9]);
		nulls[10] = nulls[9];
		values[10] = nulls[9] ? (Datum) 0 : one_minus(values[9]);
		values[11] = BoolGetDatum(grid.complete[i]);
		report_row(result, values, nulls);
	}
	report_rows_end(old);
}

/* An amount in millionths as a numeric datum. */
static Datum
money_datum(int128 micros)
{
	return NumericGetDatum(money_to_numeric(micros));
}

/* The rows of mrr_movements, one per period; raises 22023 for a ledger without mrr. */
static void
mrr_report(const Ledger *ledger, const PeriodRequest *request, ReturnSetInfo *result)
{
	PeriodGrid	grid;
	Standing	standing;
	Flows	   *flows;
	MemoryContext old;
	int			i;

	if (!ledger_is_empty(ledger) && !(ledger->flags & LEDGER_HAS_MRR))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("mrr_movements needs a ledger with mrr"),
				 errhint("Build it with subscription_ledger(customer, started_at, ended_at, mrr).")));
	if (!grid_for(ledger, request, &grid))
		return;
	flows = sweep(ledger, &grid, &standing);
	old = report_rows_begin();
	for (i = 0; i < grid.n; i++)
	{
		const Flows *f = &flows[i];
		Datum		values[18];
		bool		nulls[18] = {false};
		int128		opening = standing.mrr;
		int128		gained = f->new_mrr + f->reactivation_mrr + f->expansion_mrr;
		int128		lost = f->contraction_mrr + f->churned_mrr;

		standing.mrr = opening + gained - lost;
		standing.customers = closing_customers(standing.customers, f);
		values[0] = DateADTGetDatum(grid.dates[i]);
		values[1] = DateADTGetDatum(grid.dates[i + 1]);
		values[2] = money_datum(opening);
		values[3] = money_datum(f->new_mrr);
		values[4] = money_datum(f->reactivation_mrr);
		values[5] = money_datum(f->expansion_mrr);
		values[6] = money_datum(f->contraction_mrr);
		values[7] = money_datum(f->churned_mrr);
		values[8] = money_datum(standing.mrr);
		values[9] = money_datum(gained - lost);
		values[10] = money_rate(lost, opening, &nulls[10]);
		values[11] = money_rate(lost - f->expansion_mrr, opening, &nulls[11]);
		nulls[12] = nulls[13] = nulls[10];
		values[12] = nulls[10] ? (Datum) 0 : one_minus(values[10]);
		values[13] = nulls[11] ? (Datum) 0 : one_minus(values[11]);
		values[14] = money_rate(gained, lost, &nulls[14]);
		values[15] = Int64GetDatum(standing.customers);
		values[16] = money_per_customer(standing.mrr, standing.customers, &nulls[16]);
		values[17] = BoolGetDatum(grid.complete[i]);
		report_row(result, values, nulls);
	}
	report_rows_end(old);
}

/* churn_by_period() of a ledger. */
Datum
cm_churn_by_period(PG_FUNCTION_ARGS)
{
	return report_on_ledger(fcinfo, churn_report);
}

/* churn_by_period() of the rows of a query, with or without mrr. */
Datum
cm_churn_by_period_query(PG_FUNCTION_ARGS)
{
	return report_on_query(fcinfo, churn_report, false);
}

/* mrr_movements() of a ledger. */
Datum
cm_mrr_movements(PG_FUNCTION_ARGS)
{
	return report_on_ledger(fcinfo, mrr_report);
}

/* mrr_movements() of the rows of a query, which must have mrr. */
Datum
cm_mrr_movements_query(PG_FUNCTION_ARGS)
{
	return report_on_query(fcinfo, mrr_report, true);
}
