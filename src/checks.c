/*
 * checks.c
 *		Checks of arguments, shared by all topics.
 */
#include "postgres.h"

#include "checks.h"
#include "compat.h"

/* A number as an error message shows it. */
static char *
shown(Numeric value)
{
	return DatumGetCString(DirectFunctionCall1(numeric_out,
											   NumericGetDatum(value)));
}

/* Raises 22004 if the argument is NULL. */
void
check_not_null(const char *name, bool isnull)
{
	if (isnull)
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("%s must not be null", name)));
}

/* Raises 22023 if the value is NaN or infinite. */
void
check_finite(const char *name, Numeric value)
{
	if (numeric_is_nan(value) || numeric_is_inf(value))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s must be a finite number, not %s",
						name, shown(value))));
}

/* Raises 22023 unless the value is finite and 0 or more. */
void
check_not_negative(const char *name, Numeric value)
{
	check_finite(name, value);
	if (num_cmp(value, int64_to_numeric(0)) < 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s must be 0 or more, not %s", name, shown(value)),
				 errhint("Counts, amounts and weights have no sign: a loss of 10 is given as 10.")));
}

/* Raises 22023 unless the value is finite and no greater than most. */
void
check_at_most(const char *name, Numeric value, int64 most)
{
	check_finite(name, value);
	if (num_cmp(value, int64_to_numeric(most)) > 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s must be %lld or less, not %s",
						name, (long long) most, shown(value))));
}

/* Raises 22023 unless the value lies between 0 and 1, both allowed. */
void
check_fraction(const char *name, Numeric value)
{
	bool		above;

	check_finite(name, value);
	above = num_cmp(value, int64_to_numeric(1)) > 0;
	if (above || num_cmp(value, int64_to_numeric(0)) < 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s must be between 0 and 1, not %s",
						name, shown(value)),
				 above ? errhint("Five percent is given as 0.05.") : 0));
}

/* Raises 22023 if the part is greater than the whole; both are 0 or more. */
void
check_part(const char *part_name, Numeric part,
		   const char *whole_name, Numeric whole, const char *hint)
{
	if (num_cmp(part, whole) > 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s must be between 0 and %s (%s), not %s",
						part_name, whole_name, shown(whole), shown(part)),
				 hint ? errhint("%s", hint) : 0));
}

/* Raises 22023 unless the integer is least or more. */
void
check_at_least(const char *name, int64 value, int64 least, const char *hint)
{
	if (value < least)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s must be %lld or more, not %lld",
						name, (long long) least, (long long) value),
				 hint ? errhint("%s", hint) : 0));
}

/* Raises 22003 unless the score lies between low and high, both allowed. */
void
check_score(const char *name, Numeric value, int32 low, int32 high)
{
	if (numeric_is_nan(value) ||
		num_cmp(value, int64_to_numeric(low)) < 0 ||
		num_cmp(value, int64_to_numeric(high)) > 0)
		ereport(ERROR,
				(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
				 errmsg("%s must be between %d and %d, not %s",
						name, low, high, shown(value)),
				 errhint("A score that is not known is given as NULL.")));
}

/*
 * Returns the score as an integer, or raises 22003 unless it is a whole number
 * between low and high, both allowed.
 */
int32
check_whole_score(const char *name, Numeric value, int32 low, int32 high)
{
	bool		failed = false;
	int32		whole = numeric_int4_opt_error(value, &failed);

	if (failed || whole < low || whole > high ||
		num_cmp(value, int64_to_numeric(whole)) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
				 errmsg("%s must be a whole number between %d and %d, not %s",
						name, low, high, shown(value)),
				 errhint("An answer that was not given is NULL.")));
	return whole;
}

/*
 * Raises 22023 unless the interval is a positive number of months or of days;
 * an infinite interval has both and a time, so it never passes.
 */
void
check_interval(const char *name, const Interval *value)
{
	if (value->time != 0 || value->month < 0 || value->day < 0 ||
		(value->month > 0) == (value->day > 0))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s must be a positive number of whole months or of whole days, not %s",
						name,
						DatumGetCString(DirectFunctionCall1(interval_out,
															IntervalPGetDatum(value)))),
				 errhint("Give months or days alone, such as interval '1 month', '1 year', '1 week' or '30 days'.")));
}

/* Raises 22023 unless an aggregate's state has the shape its own functions give it. */
void
check_state_array(const ArrayType *state, Oid element_type, int length)
{
	if (ARR_NDIM(state) != 1 || ARR_DIMS(state)[0] != length ||
		ARR_HASNULL(state) || ARR_ELEMTYPE(state) != element_type)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("state must be an array of %d elements without NULL",
						length),
				 errhint("The aggregate makes its state; it is not meant to be written by hand.")));
}
