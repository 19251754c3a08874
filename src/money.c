/*
 * money.c
 *		Conversions between numeric and the integers that the ledger computes with.
 */
#include "postgres.h"

#include "fmgr.h"
#include "utils/builtins.h"

#include "money.h"

#define NUMERIC_TEXT(value) \
	DatumGetCString(DirectFunctionCall1(numeric_out, (value)))

/* An integer as a numeric datum. */
static Datum
int8_datum(int64 value)
{
	return NumericGetDatum(int64_to_numeric(value));
}

/* The mrr argument in millionths, for every numeric there is. */
int64
mrr_from_numeric_general(Datum value)
{
	Numeric		mrr = DatumGetNumeric(value);
	Datum		scaled;
	Datum		magnitude;

	if (numeric_is_nan(mrr) || numeric_is_inf(mrr))
		ereport(ERROR,
				(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
				 errmsg("mrr must be a finite amount, not %s",
						NUMERIC_TEXT(NumericGetDatum(mrr)))));

	scaled = DirectFunctionCall2(numeric_round, NumericGetDatum(mrr), Int32GetDatum(6));
	scaled = DirectFunctionCall2(numeric_mul, scaled, int8_datum(MICROS_PER_UNIT));
	magnitude = DirectFunctionCall1(numeric_abs, scaled);
	if (DatumGetBool(DirectFunctionCall2(numeric_gt, magnitude, int8_datum(PG_INT64_MAX))))
		ereport(ERROR,
				(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
				 errmsg("mrr must be between -9223372036854.775807 and 9223372036854.775807, not %s",
						NUMERIC_TEXT(NumericGetDatum(mrr)))));
	return DatumGetInt64(DirectFunctionCall1(numeric_int8, scaled));
}

/* A whole number as numeric. */
Numeric
count_to_numeric(int128 count)
{
	const int64 base = INT64CONST(1000000000000000000);
	Datum		high;

	if (count <= PG_INT64_MAX && count >= PG_INT64_MIN)
		return int64_to_numeric((int64) count);
	high = DirectFunctionCall2(numeric_mul,
							   NumericGetDatum(count_to_numeric(count / base)),
							   int8_datum(base));
	return DatumGetNumeric(DirectFunctionCall2(numeric_add, high,
											   int8_datum((int64) (count % base))));
}

/* An amount as numeric with as few decimals as it needs, but at least two. */
Numeric
money_to_numeric(int128 micros)
{
	int			decimals = 6;

	if (likely(micros <= PG_INT64_MAX && micros >= PG_INT64_MIN))
	{
		int64		amount = (int64) micros;

		if (amount % MICROS_PER_CENT == 0)
			return int64_div_fast_to_numeric(amount / MICROS_PER_CENT, 2);
		for (; decimals > 2 && amount % 10 == 0; decimals--)
			amount /= 10;
		return int64_div_fast_to_numeric(amount, decimals);
	}
	for (; decimals > 2 && micros % 10 == 0; decimals--)
		micros /= 10;
	return DatumGetNumeric(DirectFunctionCall2(numeric_mul,
											   NumericGetDatum(count_to_numeric(micros)),
											   NumericGetDatum(int64_div_fast_to_numeric(1, decimals))));
}

/* part / whole of two amounts, NULL where the whole is zero. */
Datum
money_rate(int128 part, int128 whole, bool *isnull)
{
	*isnull = (whole == 0);
	if (*isnull)
		return (Datum) 0;
	return DirectFunctionCall2(numeric_div,
							   NumericGetDatum(money_to_numeric(part)),
							   NumericGetDatum(money_to_numeric(whole)));
}

/* part / whole of two counts, NULL where the whole is zero. */
Datum
count_rate(int64 part, int64 whole, bool *isnull)
{
	*isnull = (whole == 0);
	if (*isnull)
		return (Datum) 0;
	return DirectFunctionCall2(numeric_div, int8_datum(part), int8_datum(whole));
}

/* An amount per customer, NULL without customers. */
Datum
money_per_customer(int128 micros, int64 customers, bool *isnull)
{
	*isnull = (customers == 0);
	if (*isnull)
		return (Datum) 0;
	return DirectFunctionCall2(numeric_div, NumericGetDatum(money_to_numeric(micros)),
							   int8_datum(customers));
}

/* 1 - rate. */
Datum
one_minus(Datum rate)
{
	return DirectFunctionCall2(numeric_sub, int8_datum(1), rate);
}
