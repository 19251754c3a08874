/*
 * movements.c
 *		Customer churn and MRR movements by period.  See docs/movements.md.
 *
 * What happened is counted in sweep.c; here it becomes rows.
 */
#include "postgres.h"

#include "sweep.h"

PG_FUNCTION_INFO_V1(cm_churn_by_period);
PG_FUNCTION_INFO_V1(cm_churn_by_period_query);
PG_FUNCTION_INFO_V1(cm_mrr_movements);
PG_FUNCTION_INFO_V1(cm_mrr_movements_query);

/* The rows of churn_by_period, one per period. */
static void
churn_report(const Ledger *ledger, const ReportRequest *request, ReturnSetInfo *result)
{
	MovementSeries series;
	RateParts	sum = {0};
	MemoryContext old;
	int			i;

	if (!movement_series(ledger, request, &series, NULL, NULL))
		return;
	old = report_rows_begin();
	for (i = 0; i < series.grid.n; i++)
	{
		const Flows *f = &series.flows[i];
		RateParts	parts = smoothed_parts(&series, i, &sum);
		Datum		values[12];
		bool		nulls[12] = {false};

		if (i < series.grid.shown)
			continue;
		values[0] = DateADTGetDatum(series.grid.dates[i]);
		values[1] = DateADTGetDatum(series.grid.dates[i + 1]);
		values[2] = Int64GetDatum(series_opening(&series, i)->customers);
		values[3] = Int64GetDatum(f->customers[MOVED_NEW]);
		values[4] = Int64GetDatum(f->customers[MOVED_REACTIVATION]);
		values[5] = Int64GetDatum(f->customers[MOVED_CHURNED]);
		values[6] = Int64GetDatum(series.standings[i + 1].customers);
		values[7] = Int64GetDatum(f->customers[MOVED_TRANSIENT] + f->customers[MOVED_TRANSIENT_NEW]);
		values[8] = Int64GetDatum(f->customers[MOVED_TRANSIENT_NEW]);
		values[9] = count_rate(parts.lost, parts.of, &nulls[9]);
		nulls[10] = nulls[9];
		values[10] = nulls[9] ? (Datum) 0 : one_minus(values[9]);
		values[11] = BoolGetDatum(series.grid.complete[i]);
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
mrr_report(const Ledger *ledger, const ReportRequest *request, ReturnSetInfo *result)
{
	MovementSeries series;
	RateParts	sum = {0};
	MemoryContext old;
	int			i;

	if (!ledger_is_empty(ledger) && !(ledger->flags & LEDGER_HAS_MRR))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("mrr_movements needs a ledger with mrr"),
				 errhint("Build it with subscription_ledger(customer, started_at, ended_at, mrr).")));
	if (!movement_series(ledger, request, &series, NULL, NULL))
		return;
	old = report_rows_begin();
	for (i = 0; i < series.grid.n; i++)
	{
		const Flows *f = &series.flows[i];
		const Standing *closing = &series.standings[i + 1];
		RateParts	parts = smoothed_parts(&series, i, &sum);
		int128		gained = f->mrr[MOVED_NEW] + f->mrr[MOVED_REACTIVATION] + f->mrr[MOVED_EXPANSION];
		int128		lost = f->mrr[MOVED_CONTRACTION] + f->mrr[MOVED_CHURNED];
		Datum		values[18];
		bool		nulls[18] = {false};

		if (i < series.grid.shown)
			continue;
		values[0] = DateADTGetDatum(series.grid.dates[i]);
		values[1] = DateADTGetDatum(series.grid.dates[i + 1]);
		values[2] = money_datum(series_opening(&series, i)->mrr);
		values[3] = money_datum(f->mrr[MOVED_NEW]);
		values[4] = money_datum(f->mrr[MOVED_REACTIVATION]);
		values[5] = money_datum(f->mrr[MOVED_EXPANSION]);
		values[6] = money_datum(f->mrr[MOVED_CONTRACTION]);
		values[7] = money_datum(f->mrr[MOVED_CHURNED]);
		values[8] = money_datum(closing->mrr);
		values[9] = money_datum(gained - lost);
		values[10] = money_rate(parts.lost_mrr, parts.opening_mrr, &nulls[10]);
		values[11] = money_rate(parts.net_lost_mrr, parts.opening_mrr, &nulls[11]);
		nulls[12] = nulls[13] = nulls[10];
		values[12] = nulls[10] ? (Datum) 0 : one_minus(values[10]);
		values[13] = nulls[11] ? (Datum) 0 : one_minus(values[11]);
		values[14] = money_rate(gained, lost, &nulls[14]);
		values[15] = Int64GetDatum(closing->customers);
		values[16] = money_per_customer(closing->mrr, closing->customers, &nulls[16]);
		values[17] = BoolGetDatum(series.grid.complete[i]);
		report_row(result, values, nulls);
	}
	report_rows_end(old);
}

static const ReportKind churn_kind = {churn_report, 1, false};
static const ReportKind mrr_kind = {mrr_report, 1, true};

/* churn_by_period() of a ledger. */
Datum
cm_churn_by_period(PG_FUNCTION_ARGS)
{
	return report_on_ledger(fcinfo, &churn_kind);
}

/* churn_by_period() of the rows of a query, with or without mrr. */
Datum
cm_churn_by_period_query(PG_FUNCTION_ARGS)
{
	return report_on_query(fcinfo, &churn_kind);
}

/* mrr_movements() of a ledger. */
Datum
cm_mrr_movements(PG_FUNCTION_ARGS)
{
	return report_on_ledger(fcinfo, &mrr_kind);
}

/* mrr_movements() of the rows of a query, which must have mrr. */
Datum
cm_mrr_movements_query(PG_FUNCTION_ARGS)
{
	return report_on_query(fcinfo, &mrr_kind);
}
