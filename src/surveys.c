/*
 * surveys.c
 *		NPS and CSAT, from totals and as aggregates over answers; see
 *		docs/surveys.md.
 *
 * An aggregate's state is three counts, 48 bytes (counts.h): NPS keeps its three
 * groups, CSAT the scale, the satisfied and all answers.
 */
#include "postgres.h"

#include "compat.h"
#include "counts.h"
#include "surveys.h"

enum
{
	CSAT_SCALE,
	CSAT_SATISFIED,
	CSAT_RESPONSES,
	CSAT_COUNTS
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

/* 100 x (promoters - detractors) / all, or NULL if there were no answers. */
Numeric
nps_value(Numeric promoters, Numeric passives, Numeric detractors)
{
	Numeric		all = num_add(num_add(promoters, passives), detractors);

	if (num_is_zero(all))
		return NULL;
	return num_div(num_mul(num_sub(promoters, detractors), int64_to_numeric(100)),
				   all);
}

/* The group of an answer; raises 22003 unless it is a whole number from 0 to 10. */
int
nps_group(Numeric score)
{
	int32		whole = check_whole_score("score", score, 0, NPS_HIGHEST);

	return whole >= NPS_PROMOTER ? NPS_PROMOTERS :
		whole >= NPS_PASSIVE ? NPS_PASSIVES : NPS_DETRACTORS;
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
	int			group;

	if (PG_ARGISNULL(1))
	{
		if (PG_ARGISNULL(0))
			PG_RETURN_NULL();
		PG_RETURN_DATUM(PG_GETARG_DATUM(0));
	}
	group = nps_group(PG_GETARG_NUMERIC(1));
	state = PG_ARGISNULL(0) ? counts_new(NPS_GROUPS) : counts_to_change(fcinfo, NPS_GROUPS);
	count_add(&counts_of(state)[group], 1, "answers");
	PG_RETURN_ARRAYTYPE_P(state);
}

/* nps(score): adds the second state's counts to the first's. */
Datum
cm_nps_combine(PG_FUNCTION_ARGS)
{
	ArrayType  *state = counts_to_change(fcinfo, NPS_GROUPS);
	ArrayType  *other = counts_argument(fcinfo, 1, NPS_GROUPS);
	int			i;

	for (i = 0; i < NPS_GROUPS; i++)
		count_add(&counts_of(state)[i], counts_of(other)[i], "answers");
	PG_RETURN_ARRAYTYPE_P(state);
}

/* nps(score): the value of a state. */
Datum
cm_nps_final(PG_FUNCTION_ARGS)
{
	int64	   *counts = counts_of(counts_argument(fcinfo, 0, NPS_GROUPS));
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
		state = counts_new(CSAT_COUNTS);
		counts = counts_of(state);
		counts[CSAT_SCALE] = scale;
	}
	else
	{
		state = counts_to_change(fcinfo, CSAT_COUNTS);
		counts = counts_of(state);
		check_same_scale(counts[CSAT_SCALE], scale);
	}
	count_add(&counts[CSAT_RESPONSES], 1, "answers");
	count_add(&counts[CSAT_SATISFIED], score > scale - 2, "answers");
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
	ArrayType  *state = counts_to_change(fcinfo, CSAT_COUNTS);
	int64	   *counts = counts_of(state);
	int64	   *others = counts_of(counts_argument(fcinfo, 1, CSAT_COUNTS));

	check_same_scale(counts[CSAT_SCALE], others[CSAT_SCALE]);
	count_add(&counts[CSAT_SATISFIED], others[CSAT_SATISFIED], "answers");
	count_add(&counts[CSAT_RESPONSES], others[CSAT_RESPONSES], "answers");
	PG_RETURN_ARRAYTYPE_P(state);
}

/* csat: the value of a state. */
Datum
cm_csat_final(PG_FUNCTION_ARGS)
{
	int64	   *counts = counts_of(counts_argument(fcinfo, 0, CSAT_COUNTS));

	if (counts[CSAT_RESPONSES] == 0)
		PG_RETURN_NULL();
	PG_RETURN_NUMERIC(num_div(int64_to_numeric(counts[CSAT_SATISFIED]),
							  int64_to_numeric(counts[CSAT_RESPONSES])));
}
