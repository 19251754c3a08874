/*
 * formulas.c
 *		The metrics as plain functions from totals; see docs/formulas.md.
 *
 * Every function first checks each argument on its own, then returns NULL if
 * its denominator is zero, then checks the arguments against each other.
 * Values are exact products and sums with one division at the end, so that
 * only the last digit is rounded.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/memutils.h"

#include "checks.h"
#include "compat.h"

/* The mean month in sixteenths of a day: 365.25 / 12 = 487 / 16. */
#define SIXTEENTHS_PER_MONTH	INT64CONST(487)
#define SIXTEENTHS_PER_DAY		INT64CONST(16)

/* Decimals of a converted rate, and of the powers it is computed from. */
#define CONVERTED_SCALE			20
#define POWER_SCALE				40

PG_FUNCTION_INFO_V1(cm_churn_rate);
PG_FUNCTION_INFO_V1(cm_retention_rate);
PG_FUNCTION_INFO_V1(cm_renewal_rate);
PG_FUNCTION_INFO_V1(cm_referral_rate);
PG_FUNCTION_INFO_V1(cm_mrr_churn);
PG_FUNCTION_INFO_V1(cm_net_mrr_churn);
PG_FUNCTION_INFO_V1(cm_grr);
PG_FUNCTION_INFO_V1(cm_nrr);
PG_FUNCTION_INFO_V1(cm_quick_ratio);
PG_FUNCTION_INFO_V1(cm_monthly_amount);
PG_FUNCTION_INFO_V1(cm_arr);
PG_FUNCTION_INFO_V1(cm_arpa);
PG_FUNCTION_INFO_V1(cm_customer_lifetime);
PG_FUNCTION_INFO_V1(cm_convert_rate);
PG_FUNCTION_INFO_V1(cm_clv);
PG_FUNCTION_INFO_V1(cm_clv_from_churn);
PG_FUNCTION_INFO_V1(cm_ltv_cac_ratio);
PG_FUNCTION_INFO_V1(cm_cac_payback_months);
PG_FUNCTION_INFO_V1(cm_clv_sensitivity);

/* A count or an amount: 0 or more. */
static Numeric
amount_arg(FunctionCallInfo fcinfo, int argno, const char *name)
{
	Numeric		value = PG_GETARG_NUMERIC(argno);

	check_not_negative(name, value);
	return value;
}

/* A rate or a margin: between 0 and 1. */
static Numeric
fraction_arg(FunctionCallInfo fcinfo, int argno, const char *name)
{
	Numeric		value = PG_GETARG_NUMERIC(argno);

	check_fraction(name, value);
	return value;
}

/* A billing or rate interval: months or days. */
static const Interval *
interval_arg(FunctionCallInfo fcinfo, int argno, const char *name)
{
	const Interval *value = PG_GETARG_INTERVAL_P(argno);

	check_interval(name, value);
	return value;
}

/* Argument 0 divided by argument 1, NULL if that is zero. */
static Datum
ratio_of_args(FunctionCallInfo fcinfo, const char *dividend_name,
			  const char *divisor_name)
{
	Numeric		dividend = amount_arg(fcinfo, 0, dividend_name);
	Numeric		divisor = amount_arg(fcinfo, 1, divisor_name);

	if (num_is_zero(divisor))
		PG_RETURN_NULL();
	PG_RETURN_NUMERIC(num_div(dividend, divisor));
}

/* Argument 0 as a share of argument 1, which it must not exceed. */
static Datum
share_of_args(FunctionCallInfo fcinfo, const char *part_name,
			  const char *whole_name)
{
	Numeric		part = amount_arg(fcinfo, 0, part_name);
	Numeric		whole = amount_arg(fcinfo, 1, whole_name);

	if (num_is_zero(whole))
		PG_RETURN_NULL();
	check_part(part_name, part, whole_name, whole, NULL);
	PG_RETURN_NUMERIC(num_div(part, whole));
}

/* churn_rate(lost, at_start) */
Datum
cm_churn_rate(PG_FUNCTION_ARGS)
{
	return share_of_args(fcinfo, "lost", "at_start");
}

/* retention_rate(at_start, at_end, new_customers): above 1 where customers came back. */
Datum
cm_retention_rate(PG_FUNCTION_ARGS)
{
	Numeric		at_start = amount_arg(fcinfo, 0, "at_start");
	Numeric		at_end = amount_arg(fcinfo, 1, "at_end");
	Numeric		new_customers = amount_arg(fcinfo, 2, "new_customers");

	if (num_is_zero(at_start))
		PG_RETURN_NULL();
	check_part("new_customers", new_customers, "at_end", at_end,
			   "Count only the new customers who are still there at the end.");
	PG_RETURN_NUMERIC(num_div(num_sub(at_end, new_customers), at_start));
}

/* renewal_rate(renewed, due) */
Datum
cm_renewal_rate(PG_FUNCTION_ARGS)
{
	return share_of_args(fcinfo, "renewed", "due");
}

/* referral_rate(referrers, customers) */
Datum
cm_referral_rate(PG_FUNCTION_ARGS)
{
	return share_of_args(fcinfo, "referrers", "customers");
}

/*
 * Reads the arguments opening, churned and contraction; returns what was lost,
 * or NULL if nothing was open.
 */
static Numeric
lost_mrr(FunctionCallInfo fcinfo, Numeric *opening)
{
	Numeric		churned;
	Numeric		contraction;
	Numeric		lost;

	*opening = amount_arg(fcinfo, 0, "opening");
	churned = amount_arg(fcinfo, 1, "churned");
	contraction = amount_arg(fcinfo, 2, "contraction");
	if (num_is_zero(*opening))
		return NULL;
	lost = num_add(churned, contraction);
	check_part("churned + contraction", lost, "opening", *opening,
			   "Count only what the customers of the opening lost of their opening MRR.");
	return lost;
}

/* mrr_churn(opening, churned, contraction): gross. */
Datum
cm_mrr_churn(PG_FUNCTION_ARGS)
{
	Numeric		opening;
	Numeric		lost = lost_mrr(fcinfo, &opening);

	if (lost == NULL)
		PG_RETURN_NULL();
	PG_RETURN_NUMERIC(num_div(lost, opening));
}

/*
 * net_mrr_churn(opening, churned, contraction, expansion, reactivation):
 * negative where more was gained than lost.
 */
Datum
cm_net_mrr_churn(PG_FUNCTION_ARGS)
{
	Numeric		expansion = amount_arg(fcinfo, 3, "expansion");
	Numeric		reactivation = amount_arg(fcinfo, 4, "reactivation");
	Numeric		opening;
	Numeric		lost = lost_mrr(fcinfo, &opening);

	if (lost == NULL)
		PG_RETURN_NULL();
	PG_RETURN_NUMERIC(num_div(num_sub(lost, num_add(expansion, reactivation)),
							  opening));
}

/* grr(opening, churned, contraction): 1 - mrr_churn. */
Datum
cm_grr(PG_FUNCTION_ARGS)
{
	Numeric		opening;
	Numeric		lost = lost_mrr(fcinfo, &opening);

	if (lost == NULL)
		PG_RETURN_NULL();
	PG_RETURN_NUMERIC(num_div(num_sub(opening, lost), opening));
}

/* nrr(opening, churned, contraction, expansion): 1 - net_mrr_churn. */
Datum
cm_nrr(PG_FUNCTION_ARGS)
{
	Numeric		expansion = amount_arg(fcinfo, 3, "expansion");
	Numeric		opening;
	Numeric		lost = lost_mrr(fcinfo, &opening);

	if (lost == NULL)
		PG_RETURN_NULL();
	PG_RETURN_NUMERIC(num_div(num_add(num_sub(opening, lost), expansion),
							  opening));
}

/* quick_ratio(new, expansion, contraction, churned, reactivation): MRR gained per MRR lost. */
Datum
cm_quick_ratio(PG_FUNCTION_ARGS)
{
	Numeric		new_mrr = amount_arg(fcinfo, 0, "new");
	Numeric		expansion = amount_arg(fcinfo, 1, "expansion");
	Numeric		contraction = amount_arg(fcinfo, 2, "contraction");
	Numeric		churned = amount_arg(fcinfo, 3, "churned");
	Numeric		reactivation = amount_arg(fcinfo, 4, "reactivation");
	Numeric		lost = num_add(contraction, churned);

	if (num_is_zero(lost))
		PG_RETURN_NULL();
	PG_RETURN_NUMERIC(num_div(num_add(num_add(new_mrr, expansion), reactivation),
							  lost));
}

/* monthly_amount(amount, billing_interval): a year has 12 months, 52 weeks, 365 days. */
Datum
cm_monthly_amount(PG_FUNCTION_ARGS)
{
	Numeric		amount = amount_arg(fcinfo, 0, "amount");
	const Interval *billing = interval_arg(fcinfo, 1, "billing_interval");
	int64		per_year;
	int64		units;

	if (billing->month > 0)
		PG_RETURN_NUMERIC(num_div(amount, int64_to_numeric(billing->month)));

	if (billing->day % 7 == 0)
	{
		per_year = 52;
		units = billing->day / 7;
	}
	else
	{
		per_year = 365;
		units = billing->day;
	}
	PG_RETURN_NUMERIC(num_div(num_mul(amount, int64_to_numeric(per_year)),
							  int64_to_numeric(12 * units)));
}

/* arr(mrr): 12 x mrr. */
Datum
cm_arr(PG_FUNCTION_ARGS)
{
	PG_RETURN_NUMERIC(num_mul(amount_arg(fcinfo, 0, "mrr"),
							  int64_to_numeric(12)));
}

/* arpa(mrr, customers) */
Datum
cm_arpa(PG_FUNCTION_ARGS)
{
	return ratio_of_args(fcinfo, "mrr", "customers");
}

/* customer_lifetime(churn_rate): in the periods the rate is for. */
Datum
cm_customer_lifetime(PG_FUNCTION_ARGS)
{
	Numeric		churn_rate = fraction_arg(fcinfo, 0, "churn_rate");

	if (num_is_zero(churn_rate))
		PG_RETURN_NULL();
	PG_RETURN_NUMERIC(num_div(int64_to_numeric(1), churn_rate));
}

/*
 * The length of an interval: in months or days if both intervals are in months
 * or both in days, else in sixteenths of a day.
 */
static int64
interval_length(const Interval *interval, const Interval *other)
{
	if ((interval->month > 0) == (other->month > 0))
		return interval->month + interval->day;
	return interval->month * SIXTEENTHS_PER_MONTH +
		interval->day * SIXTEENTHS_PER_DAY;
}

/* The number rounded to so many decimals. */
static Numeric
rounded(Numeric value, int32 scale)
{
	return DatumGetNumeric(DirectFunctionCall2(numeric_round,
											   NumericGetDatum(value),
											   Int32GetDatum(scale)));
}

/*
 * base ^ (dividend / divisor) with at least POWER_SCALE decimals: numeric
 * division and power keep as many decimals as their arguments show.
 */
static Numeric
fractional_power(Numeric base, int64 dividend, int64 divisor)
{
	Numeric		decimals = rounded(int64_to_numeric(0), POWER_SCALE);
	Numeric		exponent = num_div(num_add(int64_to_numeric(dividend), decimals),
								   int64_to_numeric(divisor));

	return DatumGetNumeric(DirectFunctionCall2(numeric_power,
											   NumericGetDatum(num_add(base, decimals)),
											   NumericGetDatum(exponent)));
}

/* convert_rate(rate, from_interval, to_interval): 1 - (1 - rate)^(to / from). */
Datum
cm_convert_rate(PG_FUNCTION_ARGS)
{
	Numeric		rate = PG_GETARG_NUMERIC(0);
	Numeric		one = int64_to_numeric(1);
	const Interval *from;
	const Interval *to;
	int64		from_length;
	int64		to_length;
	Numeric		kept;

	check_at_most("rate", rate, 1);
	from = interval_arg(fcinfo, 1, "from_interval");
	to = interval_arg(fcinfo, 2, "to_interval");
	from_length = interval_length(from, to);
	to_length = interval_length(to, from);
	if (from_length == to_length)
		PG_RETURN_NUMERIC(rate);

	kept = fractional_power(num_sub(one, rate), to_length, from_length);
	PG_RETURN_NUMERIC(rounded(num_sub(one, kept), CONVERTED_SCALE));
}

/* clv(mrr, marginal_cost, lifetime): negative where the cost is higher. */
Datum
cm_clv(PG_FUNCTION_ARGS)
{
	Numeric		mrr = amount_arg(fcinfo, 0, "mrr");
	Numeric		marginal_cost = amount_arg(fcinfo, 1, "marginal_cost");
	Numeric		lifetime = amount_arg(fcinfo, 2, "lifetime");

	PG_RETURN_NUMERIC(num_mul(num_sub(mrr, marginal_cost), lifetime));
}

/*
 * earned x (1 + discount) / (discount + churn): the sum over t >= 0 of
 * earned x ((1 - churn) / (1 + discount))^t, or NULL if it does not converge.
 */
static Numeric
discounted_value(Numeric earned, Numeric churn_rate, Numeric discount_rate)
{
	Numeric		growth = num_add(int64_to_numeric(1), discount_rate);
	Numeric		decay = num_add(discount_rate, churn_rate);

	if (num_is_zero(decay))
		return NULL;
	return num_div(num_mul(earned, growth), decay);
}

/* clv_from_churn(arpa, churn_rate, gross_margin, discount_rate) */
Datum
cm_clv_from_churn(PG_FUNCTION_ARGS)
{
	Numeric		arpa = amount_arg(fcinfo, 0, "arpa");
	Numeric		churn_rate = fraction_arg(fcinfo, 1, "churn_rate");
	Numeric		gross_margin = fraction_arg(fcinfo, 2, "gross_margin");
	Numeric		discount_rate = amount_arg(fcinfo, 3, "discount_rate");
	Numeric		value = discounted_value(num_mul(arpa, gross_margin),
										 churn_rate, discount_rate);

	if (value == NULL)
		PG_RETURN_NULL();
	PG_RETURN_NUMERIC(value);
}

/* ltv_cac_ratio(clv, cac) */
Datum
cm_ltv_cac_ratio(PG_FUNCTION_ARGS)
{
	return ratio_of_args(fcinfo, "clv", "cac");
}

/* cac_payback_months(cac, arpa, gross_margin): cac / (arpa x margin). */
Datum
cm_cac_payback_months(PG_FUNCTION_ARGS)
{
	Numeric		cac = amount_arg(fcinfo, 0, "cac");
	Numeric		arpa = amount_arg(fcinfo, 1, "arpa");
	Numeric		gross_margin = fraction_arg(fcinfo, 2, "gross_margin");
	Numeric		earned = num_mul(arpa, gross_margin);

	if (num_is_zero(earned))
		PG_RETURN_NULL();
	PG_RETURN_NUMERIC(num_div(cac, earned));
}

/* Writes one row of clv_sensitivity; element names the change in errors. */
static void
put_sensitivity(ReturnSetInfo *rsinfo, const char *element, Numeric change,
				Numeric earned, Numeric churn_rate)
{
	Numeric		zero = int64_to_numeric(0);
	Numeric		unchanged = discounted_value(earned, churn_rate, zero);
	Numeric		changed_rate;
	Numeric		changed;
	Datum		values[4] = {0};
	bool		nulls[4] = {false, false, true, true};

	check_finite(element, change);
	changed_rate = num_sub(churn_rate, change);
	check_fraction(psprintf("churn_rate - %s", element), changed_rate);
	changed = discounted_value(earned, changed_rate, zero);

	values[0] = NumericGetDatum(change);
	values[1] = NumericGetDatum(changed_rate);
	if (changed != NULL)
	{
		values[2] = NumericGetDatum(changed);
		nulls[2] = false;
	}
	if (changed != NULL && unchanged != NULL)
	{
		values[3] = NumericGetDatum(num_sub(changed, unchanged));
		nulls[3] = false;
	}
	tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
}

/*
 * clv_sensitivity(arpa, churn_rate, gross_margin, retention_changes): a row per
 * change, in the order of the array.
 */
Datum
cm_clv_sensitivity(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	Numeric		arpa = amount_arg(fcinfo, 0, "arpa");
	Numeric		churn_rate = fraction_arg(fcinfo, 1, "churn_rate");
	Numeric		earned = num_mul(arpa, fraction_arg(fcinfo, 2, "gross_margin"));
	ArrayType  *changes = PG_GETARG_ARRAYTYPE_P(3);
	MemoryContext row_context;
	MemoryContext caller_context;
	Datum	   *elements;
	bool	   *nulls;
	int			count;
	int			i;

	if (ARR_NDIM(changes) > 1)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("retention_changes must have 1 dimension, not %d",
						ARR_NDIM(changes))));
	deconstruct_array(changes, NUMERICOID, -1, false, TYPALIGN_INT,
					  &elements, &nulls, &count);

	InitMaterializedSRF(fcinfo, MAT_SRF_USE_EXPECTED_DESC);
	row_context = AllocSetContextCreate(CurrentMemoryContext,
										"clv_sensitivity row",
										ALLOCSET_SMALL_SIZES);
	caller_context = MemoryContextSwitchTo(row_context);
	for (i = 0; i < count; i++)
	{
		char	   *element = psprintf("retention_changes[%d]",
									   ARR_LBOUND(changes)[0] + i);

		CHECK_FOR_INTERRUPTS();
		check_not_null(element, nulls[i]);
		put_sensitivity(rsinfo, element, DatumGetNumeric(elements[i]),
						earned, churn_rate);
		MemoryContextReset(row_context);
	}
	MemoryContextSwitchTo(caller_context);
	MemoryContextDelete(row_context);
	return (Datum) 0;
}
