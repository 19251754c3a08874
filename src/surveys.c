/*
 * surveys.c
 *		NPS and CSAT, from totals and as aggregates over answers; see
 *		docs/surveys.md.
 *
 * An aggregate's state is a bigint array of three elements, 48 bytes: NPS
 * keeps its three groups, CSAT the scale, the satisfied and all answers. It is
 * a plain type, so that parallel, partition-wise and distributed plans move it
 * as any value, and of one size, so that it is updated in place. There is no
 * state before the first answer.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "common/int.h"

#include "checks.h"
#include "compat.h"

#define STATE_LENGTH	3

enum
{
	NPS_PROMOTERS,
	NPS_PASSIVES,
	NPS_DETRACTORS
};

enum
{
	CSAT_SCALE,
	CSAT_SATISFIED,
	CSAT_RESPONSES
};

/* Answers of 9 and 10 are promoters', those up to 6 detractors'. */
#define NPS_HIGHEST		10
#define NPS_PROMOTER	9
#define NPS_PASSIVE		7

/* With fewer boxes than three the top two are all, or more than all. */
#define CSAT_LEAST_SCALE	3
#define CSAT_USUAL_SCALE	5

PG_FUNCTION_INFO_V1(cm_nps);
PG_FUNCTION_INFO_V1(cm_csat_rate);
PG_FUNCTION_INFO_V1(cm_nps_trans);
PG_FUNCTION_INFO_V1(cm_nps_combine);
PG_FUNCTION_INFO_V1(cm_nps_final);
PG_FUNCTION_INFO_V1(cm_csat_trans);
PG_FUNCTION_INFO_V1(cm_csat_scale_trans);
PG_FUNCTION_INFO_V1(cm_csat_combine);
PG_FUNCTION_INFO_V1(cm_csat_final);

/* The counts in a state whose shape was checked. */
static int64 *
state_counts(ArrayType *state)
{
	return (int64 *) ARR_DATA_PTR(state);
}

/* A state of zeros. */
static ArrayType *
new_state(void)
{
	Datum		zeros[STATE_LENGTH];
	int			i;

	for (i = 0; i < STATE_LENGTH; i++)
		zeros[i] = Int64GetDatum(0);
	return construct_array(zeros, STATE_LENGTH, INT8OID, sizeof(int64),
						   FLOAT8PASSBYVAL, TYPALIGN_DOUBLE);
}

/* Argument argno as a state of three counts, 0 or more. */
static ArrayType *
state_arg(FunctionCallInfo fcinfo, int argno)
{
	ArrayType  *state = PG_GETARG_ARRAYTYPE_P(argno);
	int			i;

	check_state_array(state, INT8OID, STATE_LENGTH);
	for (i = 0; i < STATE_LENGTH; i++)
		check_at_least("state", state_counts(state)[i], 0, NULL);
	return state;
}

/* Argument 0 as a state to change: an aggregate's own, otherwise a copy. */
static ArrayType *
own_state_arg(FunctionCallInfo fcinfo)
{
	ArrayType  *state = state_arg(fcinfo, 0);
	ArrayType  *copy;

	if (AggCheckCallContext(fcinfo, NULL))
		return state;
	copy = (ArrayType *) palloc(VARSIZE(state));
	memcpy(copy, state, VARSIZE(state));
	return copy;
}

/* Adds to a count, or raises 22003 where it would overflow. */
static void
add_count(int64 *count, int64 more)
{
	if (pg_add_s64_overflow(*count, more, count))
		ereport(ERROR,
				(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
				 errmsg("number of answers out of range for type bigint")));
}

/* 100 x (promoters - detractors) / all, or NULL if there were no answers. */
static Numeric
nps_value(Numeric promoters, Numeric passives, Numeric detractors)
{
	Numeric		all = num_add(num_add(promoters, passives), detractors);

	if (num_is_zero(all))
		return NULL;
	return num_div(num_mul(num_sub(promoters, detractors), int64_to_numeric(100)),
				   all);
}

/* nps(promoters, passives, detractors) */
Datum
cm_nps(PG_FUNCTION_ARGS)
{
	Numeric		promoters = PG_GETARG_NUMERIC(0);
	Numeric		passives = PG_GETARG_NUMERIC(1);
	Numeric		detractors = PG_GETARG_NUMERIC(2);
	Numeric		value;

	check_not_negative("promoters", promoters);
	check_not_negative("passives", passives);
	check_not_negative("detractors", detractors);
	value = nps_value(promoters, passives, detractors);
	if (value == NULL)
		PG_RETURN_NULL();
	PG_RETURN_NUMERIC(value);
}

/* csat_rate(satisfied, responses) */
Datum
cm_csat_rate(PG_FUNCTION_ARGS)
{
	Numeric		satisfied = PG_GETARG_NUMERIC(0);
	Numeric		responses = PG_GETARG_NUMERIC(1);

	check_not_negative("satisfied", satisfied);
	check_not_negative("responses", responses);
	if (num_is_zero(responses))
		PG_RETURN_NULL();
	check_part("satisfied", satisfied, "responses", responses, NULL);
	PG_RETURN_NUMERIC(num_div(satisfied, responses));
}

/* nps(score): counts one answer; a NULL is none. */
Datum
cm_nps_trans(PG_FUNCTION_ARGS)
{
	ArrayType  *state;
	int32		score;
	int			group;

	if (PG_ARGISNULL(1))
	{
		if (PG_ARGISNULL(0))
			PG_RETURN_NULL();
		PG_RETURN_DATUM(PG_GETARG_DATUM(0));
	}
	score = check_whole_score("score", PG_GETARG_NUMERIC(1), 0, NPS_HIGHEST);
	state = PG_ARGISNULL(0) ? new_state() : own_state_arg(fcinfo);
	group = score >= NPS_PROMOTER ? NPS_PROMOTERS :
		score >= NPS_PASSIVE ? NPS_PASSIVES : NPS_DETRACTORS;
	add_count(&state_counts(state)[group], 1);
	PG_RETURN_ARRAYTYPE_P(state);
}

/* nps(score): adds the second state's counts to the first's. */
Datum
cm_nps_combine(PG_FUNCTION_ARGS)
{
	ArrayType  *state = own_state_arg(fcinfo);
	ArrayType  *other = state_arg(fcinfo, 1);
	int			i;

	for (i = 0; i < STATE_LENGTH; i++)
		add_count(&state_counts(state)[i], state_counts(other)[i]);
	PG_RETURN_ARRAYTYPE_P(state);
}

/* nps(score): the value of a state. */
Datum
cm_nps_final(PG_FUNCTION_ARGS)
{
	int64	   *counts = state_counts(state_arg(fcinfo, 0));
	Numeric		value = nps_value(int64_to_numeric(counts[NPS_PROMOTERS]),
								  int64_to_numeric(counts[NPS_PASSIVES]),
								  int64_to_numeric(counts[NPS_DETRACTORS]));

	if (value == NULL)
		PG_RETURN_NULL();
	PG_RETURN_NUMERIC(value);
}

/* Raises 22023 unless the state's scale is the one given. */
static void
check_same_scale(int64 expected, int64 scale)
{
	if (scale != expected)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("scale must be the same in all rows of a group, not %lld and %lld",
						(long long) expected, (long long) scale),
				 errhint("Group by the scale, too.")));
}

/* Counts argument 1 as an answer on 1..scale. */
static Datum
csat_count(FunctionCallInfo fcinfo, int32 scale)
{
	int32		score;
	ArrayType  *state;
	int64	   *counts;

	check_at_least("scale", scale, CSAT_LEAST_SCALE,
				   "CSAT counts the top two boxes, so that there must be a third.");
	score = check_whole_score("score", PG_GETARG_NUMERIC(1), 1, scale);
	if (PG_ARGISNULL(0))
	{
		state = new_state();
		counts = state_counts(state);
		counts[CSAT_SCALE] = scale;
	}
	else
	{
		state = own_state_arg(fcinfo);
		counts = state_counts(state);
		check_same_scale(counts[CSAT_SCALE], scale);
	}
	add_count(&counts[CSAT_RESPONSES], 1);
	add_count(&counts[CSAT_SATISFIED], score > scale - 2);
	PG_RETURN_ARRAYTYPE_P(state);
}

/* csat(score): counts one answer on 1..5; a NULL is none. */
Datum
cm_csat_trans(PG_FUNCTION_ARGS)
{
	if (!PG_ARGISNULL(1))
		return csat_count(fcinfo, CSAT_USUAL_SCALE);
	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	PG_RETURN_DATUM(PG_GETARG_DATUM(0));
}

/* csat(score, scale): counts one answer on 1..scale; a NULL is none, whatever its scale. */
Datum
cm_csat_scale_trans(PG_FUNCTION_ARGS)
{
	if (!PG_ARGISNULL(1))
	{
		check_not_null("scale", PG_ARGISNULL(2));
		return csat_count(fcinfo, PG_GETARG_INT32(2));
	}
	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	PG_RETURN_DATUM(PG_GETARG_DATUM(0));
}

/* csat: adds the second state's counts to the first's, which must be of one scale. */
Datum
cm_csat_combine(PG_FUNCTION_ARGS)
{
	ArrayType  *state = own_state_arg(fcinfo);
	int64	   *counts = state_counts(state);
	int64	   *others = state_counts(state_arg(fcinfo, 1));

	check_same_scale(counts[CSAT_SCALE], others[CSAT_SCALE]);
	add_count(&counts[CSAT_SATISFIED], others[CSAT_SATISFIED]);
	add_count(&counts[CSAT_RESPONSES], others[CSAT_RESPONSES]);
	PG_RETURN_ARRAYTYPE_P(state);
}

/* csat: the value of a state. */
Datum
cm_csat_final(PG_FUNCTION_ARGS)
{
	int64	   *counts = state_counts(state_arg(fcinfo, 0));

	if (counts[CSAT_RESPONSES] == 0)
		PG_RETURN_NULL();
	PG_RETURN_NUMERIC(num_div(int64_to_numeric(counts[CSAT_SATISFIED]),
							  int64_to_numeric(counts[CSAT_RESPONSES])));
}
