/*
 * health.c
 *		The health score, a weighted mean of scores; see docs/health.md.
 *
 * The state is a numeric array of two elements, the sum of weight x score and
 * the sum of the weights: exact, so that the value does not depend on the order
 * of the rows or the plan, and a plain type that any plan can move. Its size
 * grows with the digits, so that each row makes a new one.
 */
#include "postgres.h"

#include "catalog/pg_type.h"

#include "checks.h"
#include "compat.h"

#define STATE_LENGTH	2

typedef struct HealthSums
{
	Numeric		points;			/* sum of weight x score */
	Numeric		weights;		/* sum of weight */
} HealthSums;

PG_FUNCTION_INFO_V1(cm_health_score_trans);
PG_FUNCTION_INFO_V1(cm_health_score_combine);
PG_FUNCTION_INFO_V1(cm_health_score_final);

/* Argument argno as the two sums of a state, 0 or more. */
static HealthSums
sums_arg(FunctionCallInfo fcinfo, int argno)
{
	ArrayType  *state = PG_GETARG_ARRAYTYPE_P(argno);
	HealthSums	sums;
	Datum	   *elements;
	int			count;

	check_state_array(state, NUMERICOID, STATE_LENGTH);
	deconstruct_array(state, NUMERICOID, -1, false, TYPALIGN_INT,
					  &elements, NULL, &count);
	sums.points = DatumGetNumeric(elements[0]);
	sums.weights = DatumGetNumeric(elements[1]);
	check_not_negative("state", sums.points);
	check_not_negative("state", sums.weights);
	return sums;
}

/* The state that holds the two sums. */
static Datum
sums_datum(HealthSums sums)
{
	Datum		elements[STATE_LENGTH];

	elements[0] = NumericGetDatum(sums.points);
	elements[1] = NumericGetDatum(sums.weights);
	return PointerGetDatum(construct_array(elements, STATE_LENGTH, NUMERICOID,
										   -1, false, TYPALIGN_INT));
}

/* Both sums of two states. */
static HealthSums
add_sums(HealthSums a, HealthSums b)
{
	HealthSums	sums;

	sums.points = num_add(a.points, b.points);
	sums.weights = num_add(a.weights, b.weights);
	return sums;
}

/* health_score(score, weight): adds one score; a NULL is none, whatever its weight. */
Datum
cm_health_score_trans(PG_FUNCTION_ARGS)
{
	Numeric		score;
	Numeric		weight;
	HealthSums	row;

	if (PG_ARGISNULL(1))
	{
		if (PG_ARGISNULL(0))
			PG_RETURN_NULL();
		PG_RETURN_DATUM(PG_GETARG_DATUM(0));
	}
	score = PG_GETARG_NUMERIC(1);
	check_score("score", score, 0, 100);
	check_not_null("weight", PG_ARGISNULL(2));
	weight = PG_GETARG_NUMERIC(2);
	check_not_negative("weight", weight);

	row.points = num_mul(weight, score);
	row.weights = weight;
	if (!PG_ARGISNULL(0))
		row = add_sums(sums_arg(fcinfo, 0), row);
	return sums_datum(row);
}

/* health_score: adds the second state's sums to the first's. */
Datum
cm_health_score_combine(PG_FUNCTION_ARGS)
{
	return sums_datum(add_sums(sums_arg(fcinfo, 0), sums_arg(fcinfo, 1)));
}

/* health_score: the value of a state. */
Datum
cm_health_score_final(PG_FUNCTION_ARGS)
{
	HealthSums	sums = sums_arg(fcinfo, 0);

	if (num_is_zero(sums.weights))
		PG_RETURN_NULL();
	PG_RETURN_NUMERIC(num_div(sums.points, sums.weights));
}
