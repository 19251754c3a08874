/*
 * rates.c
 *		Churn, retention, GRR, NRR and CLV of one period, as aggregates over
 *		subscription rows.  See docs/rates.md.
 *
 * The state is that of subscription_ledger() with the period in its header, and
 * the policy where one is given.  By the standard policy only rows that run at
 * the opening or at the closing are kept: the others cannot change a result.
 * Other policies need the whole history, and are counted by the sweep of the
 * series over a grid of one period.
 */
#include "postgres.h"

#include "utils/builtins.h"
#include "utils/datetime.h"

#include "checks.h"
#include "oneperiod.h"
#include "sweep.h"

PG_FUNCTION_INFO_V1(cm_churn_rate_final);
PG_FUNCTION_INFO_V1(cm_retention_rate_final);
PG_FUNCTION_INFO_V1(cm_mrr_churn_final);
PG_FUNCTION_INFO_V1(cm_net_mrr_churn_final);
PG_FUNCTION_INFO_V1(cm_grr_final);
PG_FUNCTION_INFO_V1(cm_nrr_final);
PG_FUNCTION_INFO_V1(cm_clv_final);

/* How far a month's beginning can lie from its midnight in UTC: the farthest zone. */
#define ZONE_REACH		(14 * USECS_PER_HOUR)

/* A gross margin in units of 10^-18. */
static int64
margin_from_numeric(Datum value)
{
	Numeric		margin;
	Datum		scaled;
	int64		micros;

	if (mrr_from_numeric_short(value, &micros) && numeric_short_is_micros(value) &&
		micros >= 0 && micros <= MICROS_PER_UNIT)
		return micros * (MARGIN_ONE / MICROS_PER_UNIT);

	margin = DatumGetNumeric(value);
	check_fraction("gross_margin", margin);
	scaled = DirectFunctionCall2(numeric_mul,
								 DirectFunctionCall2(numeric_round, NumericGetDatum(margin), Int32GetDatum(18)),
								 NumericGetDatum(int64_to_numeric(MARGIN_ONE)));
	return DatumGetInt64(DirectFunctionCall1(numeric_int8, scaled));
}

/* Does a row, whose times count so many microseconds each, run just before a boundary? */
static inline bool
runs_at(const SubscriptionRow *row, int64 unit, int64 boundary)
{
	return row->start * unit < boundary &&
		(row->end == ROW_RUNNING || row->end * unit >= boundary);
}

/* A quoted number. */
static Datum
numeric_from_text(Datum value)
{
	return DirectFunctionCall3(numeric_in, CStringGetDatum(TextDatumGetCString(value)),
							   ObjectIdGetDatum(InvalidOid), Int32GetDatum(-1));
}

/*
 * Transition: (state, customer, started_at, ended_at [, mrr], period
 * [, gross_margin] [, policy]), told apart by the number of arguments.  A margin
 * that is quoted comes as text: beside the policy nothing says that it is a number.
 */
static pg_attribute_always_inline Datum
period_trans(FunctionCallInfo fcinfo, uint8 customer, RowTime time, bool has_policy, bool quoted)
{
	MemoryContext aggcontext = aggregate_context(fcinfo);
	int			nargs = PG_NARGS() - has_policy;
	bool		has_mrr = nargs > 5;
	int			period_arg = has_mrr ? 5 : 4;
	uint8		flags = customer | LEDGER_HAS_PERIOD | (has_policy ? LEDGER_HAS_POLICY : 0) |
		(has_mrr ? LEDGER_HAS_MRR : 0) |
		(time == ROW_DATE ? LEDGER_IN_DAYS : 0) |
		(time == ROW_TIMESTAMPTZ ? LEDGER_INSTANTS : 0);
	int64		unit = time == ROW_DATE ? USECS_PER_DAY : 1;
	LedgerPeriod period;
	SubscriptionRow row;
	bool		kept;

	if (!row_from_arguments(fcinfo, customer, time, has_mrr, &row))
	{
		if (PG_ARGISNULL(0))
			PG_RETURN_NULL();
		PG_RETURN_DATUM(PG_GETARG_DATUM(0));
	}
	check_not_null("period", PG_ARGISNULL(period_arg));
	period_bounds(PG_GETARG_DATUM(period_arg), time, &period);
	period.margin = MARGIN_ONE;
	if (nargs > period_arg + 1)
	{
		check_not_null("gross_margin", PG_ARGISNULL(period_arg + 1));
		period.margin = margin_from_numeric(quoted ? numeric_from_text(PG_GETARG_DATUM(period_arg + 1)) :
											PG_GETARG_DATUM(period_arg + 1));
	}
	kept = runs_at(&row, unit, period.from) || runs_at(&row, unit, period.until);
	if (has_policy)
	{
		const PolicyCache *policy = policy_of_row(fcinfo, nargs, policy_for_one_period);

		memcpy(period.policy, policy->words, sizeof(period.policy));
		kept |= !policy->is_standard;
	}
	kept &= row.start != row.end;
	PG_RETURN_DATUM(state_add_row(PG_GETARG_DATUM(0), PG_ARGISNULL(0), flags, &period,
								  kept ? &row : NULL, aggcontext));
}

/* The SQL entry points of period_trans for one customer type and one time type. */
#define PERIOD_TRANS(name, customer, time) \
PG_FUNCTION_INFO_V1(cm_period_trans_##name); \
PG_FUNCTION_INFO_V1(cm_policy_trans_##name); \
PG_FUNCTION_INFO_V1(cm_quoted_trans_##name); \
Datum \
cm_period_trans_##name(PG_FUNCTION_ARGS) \
{ \
	return period_trans(fcinfo, customer, time, false, false); \
} \
Datum \
cm_policy_trans_##name(PG_FUNCTION_ARGS) \
{ \
	return period_trans(fcinfo, customer, time, true, false); \
} \
Datum \
cm_quoted_trans_##name(PG_FUNCTION_ARGS) \
{ \
	return period_trans(fcinfo, customer, time, false, true); \
}

PERIOD_TRANS(bigint_date, LEDGER_CUSTOMER_BIGINT, ROW_DATE)
PERIOD_TRANS(bigint_timestamp, LEDGER_CUSTOMER_BIGINT, ROW_TIMESTAMP)
PERIOD_TRANS(bigint_timestamptz, LEDGER_CUSTOMER_BIGINT, ROW_TIMESTAMPTZ)
PERIOD_TRANS(uuid_date, LEDGER_CUSTOMER_UUID, ROW_DATE)
PERIOD_TRANS(uuid_timestamp, LEDGER_CUSTOMER_UUID, ROW_TIMESTAMP)
PERIOD_TRANS(uuid_timestamptz, LEDGER_CUSTOMER_UUID, ROW_TIMESTAMPTZ)
PERIOD_TRANS(text_date, LEDGER_CUSTOMER_TEXT, ROW_DATE)
PERIOD_TRANS(text_timestamp, LEDGER_CUSTOMER_TEXT, ROW_TIMESTAMP)
PERIOD_TRANS(text_timestamptz, LEDGER_CUSTOMER_TEXT, ROW_TIMESTAMPTZ)

/* What the rates are made of. */
typedef struct PeriodTotals
{
	LedgerPeriod period;
	bool		instants;
	int64		opening_customers;
	RateParts	parts;
} PeriodTotals;

/* Add one customer to the totals; only who is active at the opening counts. */
static inline void
add_customer(PeriodTotals *totals, const LedgerScan *scan, bool has_mrr)
{
	int64		rows[2] = {0, 0};	/* just before the period, and before its end */
	int128		sum[2] = {0, 0};
	bool		active[2];
	int64		i;

	for (i = 0; i < scan->n && scan->changes[i].at < totals->period.until; i++)
	{
		CHECK_FOR_INTERRUPTS_AT(i);
		rows[1] += scan->changes[i].rows;
		sum[1] += scan->changes[i].mrr;
		if (scan->changes[i].at < totals->period.from)
		{
			rows[0] = rows[1];
			sum[0] = sum[1];
		}
	}
	for (i = 0; i < 2; i++)
	{
		active[i] = has_mrr ? sum[i] > 0 : rows[i] > 0;
		sum[i] = Max(sum[i], 0);
	}
	if (!active[0])
		return;
	totals->opening_customers++;
	totals->parts.lost += !active[1];
	totals->parts.of++;
	totals->parts.opening_mrr += sum[0];
	totals->parts.net_lost_mrr += sum[0] - sum[1];
	totals->parts.lost_mrr += Max(sum[0] - sum[1], 0);
}

/* The totals by a policy that is not the standard one. */
static void
policy_totals(PeriodTotals *totals, const Ledger *ledger, const ChurnPolicy *policy)
{
	/* in UTC: an aggregate's value must not depend on the session's time zone */
	static const Clock clock;
	MovementSeries series;

	period_between(totals->period.from, totals->period.until, &series.grid);
	series_begin(&series, policy, (ledger->flags & LEDGER_HAS_MRR) != 0);
	series_add(&series, ledger, &clock, NULL, NULL);
	series_end(&series);
	totals->opening_customers = series.standings[0].customers;
	totals->parts = rate_parts(&series, 0);
}

/* The totals of a group's state; false where there is none. */
static bool
period_totals(FunctionCallInfo fcinfo, PeriodTotals *totals)
{
	Ledger		ledger;
	LedgerScan	scan;

	memset(totals, 0, sizeof(*totals));
	if (PG_ARGISNULL(0))
		return false;
	(void) aggregate_context(fcinfo);
	ledger = ledger_of(PG_GETARG_DATUM(0));
	if (!(ledger.flags & LEDGER_HAS_PERIOD))
		elog(ERROR, "aggregate state has no period");
	totals->period = ledger.period;
	totals->instants = (ledger.flags & LEDGER_INSTANTS) != 0;
	if (ledger.flags & LEDGER_HAS_POLICY)
	{
		ChurnPolicy policy;

		if (!policy_load(ledger.period.policy, &policy))
			ledger_corrupted();
		if (!policy_is_standard(&policy))
		{
			policy_totals(totals, &ledger, &policy);
			return true;
		}
	}
	ledger_scan_begin(&scan, &ledger);
	while (ledger_scan_next(&scan))
		add_customer(totals, &scan, (ledger.flags & LEDGER_HAS_MRR) != 0);
	ledger_scan_end(&scan);
	return true;
}

/* The aggregate's value: customers lost / customers at opening, or as the policy has it; NULL where that is zero. */
Datum
cm_churn_rate_final(PG_FUNCTION_ARGS)
{
	PeriodTotals totals;

	period_totals(fcinfo, &totals);
	return count_rate(totals.parts.lost, totals.parts.of, &fcinfo->isnull);
}

/* The aggregate's value: 1 - churn_rate, NULL without customers at opening. */
Datum
cm_retention_rate_final(PG_FUNCTION_ARGS)
{
	PeriodTotals totals;
	Datum		rate;

	period_totals(fcinfo, &totals);
	rate = count_rate(totals.parts.lost, totals.parts.of, &fcinfo->isnull);
	return fcinfo->isnull ? (Datum) 0 : one_minus(rate);
}

/* The aggregate's value: MRR lost / opening MRR, NULL where that is zero. */
Datum
cm_mrr_churn_final(PG_FUNCTION_ARGS)
{
	PeriodTotals totals;

	period_totals(fcinfo, &totals);
	return money_rate(totals.parts.lost_mrr, totals.parts.opening_mrr, &fcinfo->isnull);
}

/* The aggregate's value: (opening MRR - MRR kept) / opening MRR, NULL where that is zero. */
Datum
cm_net_mrr_churn_final(PG_FUNCTION_ARGS)
{
	PeriodTotals totals;

	period_totals(fcinfo, &totals);
	return money_rate(totals.parts.net_lost_mrr, totals.parts.opening_mrr, &fcinfo->isnull);
}

/* The aggregate's value: (opening MRR - MRR lost) / opening MRR, NULL where that is zero. */
Datum
cm_grr_final(PG_FUNCTION_ARGS)
{
	PeriodTotals totals;

	period_totals(fcinfo, &totals);
	return money_rate(totals.parts.opening_mrr - totals.parts.lost_mrr, totals.parts.opening_mrr,
					  &fcinfo->isnull);
}

/* The aggregate's value: MRR kept / opening MRR, NULL where that is zero. */
Datum
cm_nrr_final(PG_FUNCTION_ARGS)
{
	PeriodTotals totals;

	period_totals(fcinfo, &totals);
	return money_rate(totals.parts.opening_mrr - totals.parts.net_lost_mrr, totals.parts.opening_mrr,
					  &fcinfo->isnull);
}

/* The month (counted from year 0) that begins at a bound, within "reach"; false if none does. */
static bool
begins_month(int64 bound, int64 reach, int64 *month)
{
	int64		moment = bound + reach;
	int64		date = moment / USECS_PER_DAY - (moment % USECS_PER_DAY < 0);
	int			year;
	int			mon;
	int			day;
	int64		first;

	/* the last first-of-a-month midnight at or before the bound plus the reach */
	j2date((int) date + POSTGRES_EPOCH_JDATE, &year, &mon, &day);
	first = (date - (day - 1)) * USECS_PER_DAY;
	*month = (int64) year * 12 + mon;
	return first >= bound - reach;
}

/* The value of a customer's lifetime: see docs/rates.md for the formula. */
Datum
cm_clv_final(PG_FUNCTION_ARGS)
{
	PeriodTotals totals;
	int64		reach;
	int64		from_month;
	int64		until_month;
	int128		length;
	Datum		value;
	Datum		divisor;

	/* churn is lost / of; of is opening_customers by the standard policy */
	if (!period_totals(fcinfo, &totals) || totals.parts.lost == 0 || totals.opening_customers == 0)
		PG_RETURN_NULL();
	reach = totals.instants ? ZONE_REACH : 0;
	if (begins_month(totals.period.from, reach, &from_month) &&
		begins_month(totals.period.until, reach, &until_month) && until_month > from_month)
	{
		length = until_month - from_month;
		divisor = NumericGetDatum(int64_to_numeric(totals.parts.lost));
	}
	else
	{
		/* days x 12 / 365.25, in microseconds x 48 / 1461 */
		length = ((int128) totals.period.until - totals.period.from) * 48;
		divisor = NumericGetDatum(count_to_numeric((int128) USECS_PER_DAY * 1461 *
												   totals.parts.lost));
	}
	value = DirectFunctionCall2(numeric_mul,
								NumericGetDatum(money_to_numeric(totals.parts.opening_mrr)),
								NumericGetDatum(count_to_numeric(length)));
	if (totals.parts.of != totals.opening_customers)
	{
		value = DirectFunctionCall2(numeric_mul, value, NumericGetDatum(int64_to_numeric(totals.parts.of)));
		divisor = DirectFunctionCall2(numeric_mul, divisor, NumericGetDatum(int64_to_numeric(totals.opening_customers)));
	}
	if (totals.period.margin != MARGIN_ONE)
		value = DirectFunctionCall2(numeric_mul, value,
									NumericGetDatum(int64_div_fast_to_numeric(totals.period.margin, 18)));
	return DirectFunctionCall2(numeric_div, value, divisor);
}
