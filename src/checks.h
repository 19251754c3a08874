/*
 * checks.h
 *		Checks of arguments, shared so that one mistake reads the same in every
 *		function, and the exact arithmetic on the values that passed them.
 *
 * A check returns when its argument is fine and raises an error otherwise:
 * 22004 for NULL, 22003 for a survey or health score outside its scale, 22023
 * for the rest. The message states the argument, the allowed range, the value.
 */
#ifndef CM_CHECKS_H
#define CM_CHECKS_H

#include "fmgr.h"
#include "utils/array.h"
#include "utils/fmgrprotos.h"
#include "utils/numeric.h"
#include "utils/timestamp.h"

extern void check_not_null(const char *name, bool isnull);

extern void check_finite(const char *name, Numeric value);
extern void check_not_negative(const char *name, Numeric value);
extern void check_at_most(const char *name, Numeric value, int64 most);
extern void check_fraction(const char *name, Numeric value);
extern void check_part(const char *part_name, Numeric part,
					   const char *whole_name, Numeric whole,
					   const char *hint);
extern void check_at_least(const char *name, int64 value, int64 least,
						   const char *hint);

extern void check_score(const char *name, Numeric value, int32 low, int32 high);
extern int32 check_whole_score(const char *name, Numeric value, int32 low,
							   int32 high);

extern void check_interval(const char *name, const Interval *value);
extern void check_state_array(const ArrayType *state, Oid element_type,
							  int length);

/* a + b, exact. */
static inline Numeric
num_add(Numeric a, Numeric b)
{
	return DatumGetNumeric(DirectFunctionCall2(numeric_add,
											   NumericGetDatum(a),
											   NumericGetDatum(b)));
}

/* a - b, exact. */
static inline Numeric
num_sub(Numeric a, Numeric b)
{
	return DatumGetNumeric(DirectFunctionCall2(numeric_sub,
											   NumericGetDatum(a),
											   NumericGetDatum(b)));
}

/* a x b, exact up to the most decimals that numeric can have. */
static inline Numeric
num_mul(Numeric a, Numeric b)
{
	return DatumGetNumeric(DirectFunctionCall2(numeric_mul,
											   NumericGetDatum(a),
											   NumericGetDatum(b)));
}

/* a / b, with as many decimals as numeric gives it; raises 22012 where b is zero. */
static inline Numeric
num_div(Numeric a, Numeric b)
{
	return DatumGetNumeric(DirectFunctionCall2(numeric_div,
											   NumericGetDatum(a),
											   NumericGetDatum(b)));
}

/* Below, at or above 0 as a is less than, equal to or greater than b; NaN is the greatest. */
static inline int
num_cmp(Numeric a, Numeric b)
{
	return DatumGetInt32(DirectFunctionCall2(numeric_cmp,
											 NumericGetDatum(a),
											 NumericGetDatum(b)));
}

/* Is the value zero? */
static inline bool
num_is_zero(Numeric a)
{
	return num_cmp(a, int64_to_numeric(0)) == 0;
}

#endif							/* CM_CHECKS_H */
