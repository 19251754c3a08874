/*
 * counts.h
 *		Counts as arguments, and the state of an aggregate that counts: an array of
 *		bigint of one length.
 *
 * An argument is numeric, as sum() of a bigint is, and holds a whole number.
 *
 * A state is a plain type, so that parallel, partition-wise and distributed plans move
 * it as any value, and of one size, so that it is updated in place.  There is no
 * state before the first row that counts.  A number that belongs to the whole
 * aggregate, such as its confidence, is an element, too.
 */
#ifndef CM_COUNTS_H
#define CM_COUNTS_H

#include "catalog/pg_type.h"
#include "common/int.h"

#include "checks.h"

/* An argument as a count; raises 22023 unless it is a whole number from 0 to the largest bigint. */
static inline int64
count_argument(FunctionCallInfo fcinfo, int argument, const char *name)
{
	Numeric		value = PG_GETARG_NUMERIC(argument);
	int64		count;

	check_not_negative(name, value);
	check_at_most(name, value, PG_INT64_MAX);
	count = DatumGetInt64(DirectFunctionCall1(numeric_int8, NumericGetDatum(value)));
	if (num_cmp(value, int64_to_numeric(count)) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s must be a whole number, not %s",
						name, DatumGetCString(DirectFunctionCall1(numeric_out, NumericGetDatum(value))))));
	return count;
}

/* The counts in a state whose shape was checked. */
static inline int64 *
counts_of(ArrayType *state)
{
	return (int64 *) ARR_DATA_PTR(state);
}

/* A state of n zeros. */
static inline ArrayType *
counts_new(int n)
{
	Datum	   *zeros = palloc0(n * sizeof(Datum));
	int			i;

	for (i = 0; i < n; i++)
		zeros[i] = Int64GetDatum(0);
	return construct_array(zeros, n, INT8OID, sizeof(int64), FLOAT8PASSBYVAL, TYPALIGN_DOUBLE);
}

/* An argument as a state of n counts, 0 or more. */
static inline ArrayType *
counts_argument(FunctionCallInfo fcinfo, int argument, int n)
{
	ArrayType  *state = PG_GETARG_ARRAYTYPE_P(argument);
	int			i;

	check_state_array(state, INT8OID, n);
	for (i = 0; i < n; i++)
		check_at_least("state", counts_of(state)[i], 0, NULL);
	return state;
}

/* Argument 0 as a state to change: an aggregate's own, otherwise a copy. */
static inline ArrayType *
counts_to_change(FunctionCallInfo fcinfo, int n)
{
	ArrayType  *state = counts_argument(fcinfo, 0, n);
	ArrayType  *copy;

	if (AggCheckCallContext(fcinfo, NULL))
		return state;
	copy = (ArrayType *) palloc(VARSIZE(state));
	memcpy(copy, state, VARSIZE(state));
	return copy;
}

/* Adds to a count of such things, or raises 22003 where it would overflow. */
static inline void
count_add(int64 *count, int64 more, const char *things)
{
	if (pg_add_s64_overflow(*count, more, count))
		ereport(ERROR,
				(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
				 errmsg("number of %s out of range for type bigint", things)));
}

#endif							/* CM_COUNTS_H */
