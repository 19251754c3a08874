/*
 * alarm.c
 *		The periods whose churn lies above an accepted target beyond chance.  See
 *		docs/alarm.md for the formula and its source.
 */
#include "postgres.h"

#include "utils/builtins.h"

#include "checks.h"
#include "intervals.h"
#include "numerics.h"
#include "sweep.h"

PG_FUNCTION_INFO_V1(cm_churn_alarm);
PG_FUNCTION_INFO_V1(cm_churn_alarm_query);

#define ARG_TARGET		1
#define ARG_CONFIDENCE	2

/* Nothing is surer than 1 less this, nor less sure than this. */
#define LEAST			1e-15

/* The rate's decimals in the result. */
#define DECIMALS		10

/* A share as numeric. */
static Datum
share_datum(double share)
{
	return DirectFunctionCall2(numeric_round, DirectFunctionCall1(float8_numeric, Float8GetDatum(share)),
							   Int32GetDatum(DECIMALS));
}

/* Read target and confidence; raises 22004 or 22023 where they are no such thing. */
static void
alarm_arguments(FunctionCallInfo fcinfo, double *target, double *sure)
{
	Numeric		one = int64_to_numeric(1);
	Numeric		confidence;

	check_not_null("target", PG_ARGISNULL(ARG_TARGET));
	check_not_null("confidence", PG_ARGISNULL(ARG_CONFIDENCE));
	check_fraction("target", PG_GETARG_NUMERIC(ARG_TARGET));
	confidence = PG_GETARG_NUMERIC(ARG_CONFIDENCE);
	check_finite("confidence", confidence);
	if (num_cmp(confidence, int64_to_numeric(0)) <= 0 || num_cmp(confidence, one) >= 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("confidence must be between 0 and 1, both exclusive, not %s", numeric_normalize(confidence)),
				 errhint("95 percent is given as 0.95.")));
	*target = DatumGetFloat8(DirectFunctionCall1(numeric_float8, PG_GETARG_DATUM(ARG_TARGET)));
	*sure = DatumGetFloat8(DirectFunctionCall1(numeric_float8,
											   DirectFunctionCall2(numeric_round, NumericGetDatum(confidence), Int32GetDatum(20))));
	*sure = Min(Max(*sure, LEAST), 1 - LEAST);
}

/* The rows: periods whose churn is too high. */
static void
alarm_report(const Ledger *ledger, const ReportRequest *request, ReturnSetInfo *result)
{
	MovementSeries series;
	RateParts	sum = {0};
	double		target;
	double		confidence;
	double		z;
	MemoryContext old;
	int			i;

	alarm_arguments(request->fcinfo, &target, &confidence);
	if (!movement_series(ledger, request, &series, NULL, NULL))
		return;
	z = normal_deviate(confidence);
	old = report_rows_begin();
	for (i = 0; i < series.grid.n; i++)
	{
		RateParts	parts = smoothed_parts(&series, i, &sum);
		double		halves = request->policy.denominator == DENOMINATOR_AVERAGE ? 2 : 1;
		double		lower;
		Datum		values[7];
		bool		nulls[7] = {false};

		if (i < series.grid.shown || parts.of == 0)
			continue;
		lower = wilson_bounds(Min(parts.lost, parts.of) / halves, parts.of / halves, z).lower;
		if (!(lower > target))
			continue;
		values[0] = DateADTGetDatum(series.grid.dates[i]);
		values[1] = DateADTGetDatum(series.grid.dates[i + 1]);
		values[2] = Int64GetDatum(series_opening(&series, i)->customers);
		values[3] = Int64GetDatum(series.flows[i].customers[MOVED_CHURNED]);
		values[4] = count_rate(parts.lost, parts.of, &nulls[4]);
		values[5] = share_datum(lower);
		values[6] = BoolGetDatum(series.grid.complete[i]);
		report_row(result, values, nulls);
	}
	report_rows_end(old);
}

static const ReportKind alarm_kind = {alarm_report, 3, false};

/* churn_alarm() of a ledger. */
Datum
cm_churn_alarm(PG_FUNCTION_ARGS)
{
	return report_on_ledger(fcinfo, &alarm_kind);
}

/* churn_alarm() of the rows of a query, with or without mrr. */
Datum
cm_churn_alarm_query(PG_FUNCTION_ARGS)
{
	double		target;
	double		confidence;

	alarm_arguments(fcinfo, &target, &confidence);	/* before the query runs */
	return report_on_query(fcinfo, &alarm_kind);
}
