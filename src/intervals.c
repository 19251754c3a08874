/*
 * intervals.c
 *		Confidence intervals of shares, of churn and retention by period, and of
 *		NPS.  See docs/intervals.md for the formulas and their sources.
 *
 * The state of nps_summary() is four counts (counts.h): the groups of nps(), and
 * the bits of the confidence as a double, which for a positive one are a positive
 * bigint.
 */
#include "postgres.h"

#include "compat.h"
#include "counts.h"
#include "intervals.h"
#include "model.h"
#include "numerics.h"
#include "surveys.h"
#include "sweep.h"

PG_FUNCTION_INFO_V1(cm_rate_ci);
PG_FUNCTION_INFO_V1(cm_churn_intervals);
PG_FUNCTION_INFO_V1(cm_churn_intervals_query);
PG_FUNCTION_INFO_V1(cm_nps_ci);
PG_FUNCTION_INFO_V1(cm_nps_summary_trans);
PG_FUNCTION_INFO_V1(cm_nps_summary_confidence_trans);
PG_FUNCTION_INFO_V1(cm_nps_summary_combine);
PG_FUNCTION_INFO_V1(cm_nps_summary_final);

typedef enum RateMethod
{
	WILSON,
	CLOPPER_PEARSON,
	JEFFREYS
} RateMethod;

static const char *const rate_methods[] = {"wilson", "clopper_pearson", "jeffreys"};

typedef enum NpsMethod
{
	ADJUSTED_WALD,
	WALD
} NpsMethod;

static const char *const nps_methods[] = {"adjusted_wald", "wald"};

/* Answers that the adjusted interval of NPS adds to each group, and to all (Rocks 2016). */
#define ADDED_EXTREME	0.75
#define ADDED_PASSIVE	1.5

/* The state of nps_summary(), behind the groups. */
enum
{
	SUMMARY_CONFIDENCE = NPS_GROUPS,
	SUMMARY_COUNTS
};

/* How an interval is to be made. */
typedef struct IntervalKind
{
	double		confidence;
	double		z;
	RateMethod	method;
} IntervalKind;

/* Raises 22023 unless 0 <= part <= whole. */
void
check_count_of(const char *part_name, int64 part, const char *whole_name, int64 whole)
{
	check_at_least(part_name, part, 0, NULL);
	check_at_least(whole_name, whole, 0, NULL);
	if (part > whole)
		check_part(part_name, int64_to_numeric(part), whole_name, int64_to_numeric(whole), NULL);
}

/* Raises 22023 unless an aggregate's rows ask for one confidence. */
void
check_same_confidence(double expected, double confidence)
{
	if (confidence != expected)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("confidence must be the same in all rows of a group, not %.15g and %.15g", expected, confidence)));
}

/* A confidence as an element of a state of counts. */
int64
confidence_bits(double confidence)
{
	int64		bits;

	memcpy(&bits, &confidence, sizeof(bits));
	return bits;
}

/* The confidence in a state; raises 22023 if none can have put it there. */
double
confidence_of_bits(int64 bits)
{
	double		confidence;

	memcpy(&confidence, &bits, sizeof(confidence));
	if (!(confidence > 0 && confidence < 1))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("state has no confidence between 0 and 1 in its last element"),
				 errhint("The aggregate makes its state; it is not meant to be written by hand.")));
	return confidence;
}

/* Read confidence and method of an interval; raises 22004 or 22023. */
static IntervalKind
interval_kind(FunctionCallInfo fcinfo, int argument)
{
	IntervalKind kind;

	kind.confidence = confidence_argument(fcinfo, argument);
	kind.method = choice_argument(fcinfo, argument + 1, "method", rate_methods, lengthof(rate_methods));
	kind.z = kind.method == WILSON ? Max(normal_deviate(kind.confidence), 0) : 0;
	return kind;
}

/*
 * The quantiles of two beta distributions that bound k of n, with "tail" outside
 * each of them; "added" is 1 for Clopper and Pearson's and 1/2 for Jeffreys'.
 * Only for k <= n / 2, so that 1 less a bound loses nothing.
 */
static Bounds
beta_bounds(double k, double n, double tail, double added)
{
	Bounds		bounds;

	bounds.lower = k <= 0 ? 0 : beta_quantile(tail, k + 1 - added, n - k + added);
	if (k <= 0 && added == 1)
		bounds.upper = -expm1(log(tail) / n);
	else
		bounds.upper = beta_upper_quantile(tail, k + added, n - k + 1 - added);
	return bounds;
}

/* The interval for k of n, with 0 <= k <= n and n > 0; neither need be whole. */
static Bounds
rate_bounds(double k, double n, const IntervalKind *kind)
{
	double		tail = (1 - kind->confidence) / 2;
	double		added = kind->method == JEFFREYS ? 0.5 : 1;
	Bounds		bounds;
	double		lower;

	if (kind->method == WILSON)
		return wilson_bounds(k, n, kind->z);
	if (k <= n / 2)
		return beta_bounds(k, n, tail, added);
	bounds = beta_bounds(n - k, n, tail, added);
	lower = 1 - bounds.upper;
	bounds.upper = 1 - bounds.lower;
	bounds.lower = lower;
	return bounds;
}

/* An estimate as numeric, beside the rates of the reports: 15 significant digits; 0 and 1 are exact. */
static Datum
estimate_datum(double value)
{
	return DirectFunctionCall1(float8_numeric, Float8GetDatum(value));
}

/* rate_ci(k, n, confidence, method) */
Datum
cm_rate_ci(PG_FUNCTION_ARGS)
{
	int64		k = count_argument(fcinfo, 0, "k");
	int64		n = count_argument(fcinfo, 1, "n");
	IntervalKind kind = interval_kind(fcinfo, 2);
	Bounds		bounds;
	Datum		values[3];
	bool		nulls[3] = {false};

	check_count_of("k", k, "n", n);
	if (n == 0)
		PG_RETURN_NULL();
	bounds = rate_bounds(k, n, &kind);
	values[0] = estimate_datum((double) k / (double) n);
	values[1] = estimate_datum(bounds.lower);
	values[2] = estimate_datum(bounds.upper);
	PG_RETURN_DATUM(composite_datum(fcinfo, values, nulls));
}

/* The rows: every period with its churn and retention, and the intervals of both. */
static void
intervals_report(const Ledger *ledger, const ReportRequest *request, ReturnSetInfo *result)
{
	MovementSeries series;
	RateParts	sum = {0};
	IntervalKind kind = interval_kind(request->fcinfo, 1);
	double		halves = request->policy.denominator == DENOMINATOR_AVERAGE ? 2 : 1;
	MemoryContext old;
	int			i;

	if (!movement_series(ledger, request, &series, NULL, NULL))
		return;
	old = report_rows_begin();
	for (i = 0; i < series.grid.n; i++)
	{
		RateParts	parts = smoothed_parts(&series, i, &sum);
		Datum		values[11];
		bool		nulls[11] = {false};

		if (i < series.grid.shown)
			continue;
		values[0] = DateADTGetDatum(series.grid.dates[i]);
		values[1] = DateADTGetDatum(series.grid.dates[i + 1]);
		values[2] = Int64GetDatum(series_opening(&series, i)->customers);
		values[3] = Int64GetDatum(series.flows[i].customers[MOVED_CHURNED]);
		values[10] = BoolGetDatum(series.grid.complete[i]);
		if (parts.of == 0)
			memset(nulls + 4, true, 6);
		else
		{
			double		lost = Min(parts.lost, parts.of) / halves;
			double		of = parts.of / halves;
			Bounds		churn = rate_bounds(lost, of, &kind);
			Bounds		retention = rate_bounds(of - lost, of, &kind);

			values[4] = count_rate(parts.lost, parts.of, &nulls[4]);
			values[5] = estimate_datum(churn.lower);
			values[6] = estimate_datum(churn.upper);
			values[7] = one_minus(values[4]);
			values[8] = estimate_datum(retention.lower);
			values[9] = estimate_datum(retention.upper);
		}
		report_row(result, values, nulls);
	}
	report_rows_end(old);
}

static const ReportKind intervals_kind = {intervals_report, 3, false};

/* churn_intervals() of a ledger. */
Datum
cm_churn_intervals(PG_FUNCTION_ARGS)
{
	return report_on_ledger(fcinfo, &intervals_kind);
}

/* churn_intervals() of the rows of a query, with or without mrr. */
Datum
cm_churn_intervals_query(PG_FUNCTION_ARGS)
{
	interval_kind(fcinfo, 1);	/* before the query runs */
	return report_on_query(fcinfo, &intervals_kind);
}

/* Half the width of the interval of NPS, and the interval cut to -100 .. 100; at least one answer. */
static Bounds
nps_bounds(const int64 *groups, double confidence, NpsMethod method, double *margin)
{
	double		extreme = method == ADJUSTED_WALD ? ADDED_EXTREME : 0;
	double		promoters = (double) groups[NPS_PROMOTERS] + extreme;
	double		detractors = (double) groups[NPS_DETRACTORS] + extreme;
	double		passives = (double) groups[NPS_PASSIVES] + (method == ADJUSTED_WALD ? ADDED_PASSIVE : 0);
	double		all = promoters + passives + detractors;
	double		centre = 100 * ((promoters - detractors) / all);
	/* of one answer as +1, 0 or -1: (all (promoters + detractors) - (promoters - detractors)^2) / all^2 */
	double		variance = (4 * promoters * detractors + passives * (promoters + detractors)) / all / all;
	Bounds		bounds;

	*margin = 100 * (Max(normal_deviate(confidence), 0) * sqrt(variance / all));
	bounds.lower = Max(centre - *margin, -100);
	bounds.upper = Min(centre + *margin, 100);
	return bounds;
}

/* nps() of the groups; NULL without answers. */
static Numeric
nps_of_groups(const int64 *groups)
{
	return nps_value(int64_to_numeric(groups[NPS_PROMOTERS]), int64_to_numeric(groups[NPS_PASSIVES]),
					 int64_to_numeric(groups[NPS_DETRACTORS]));
}

/* nps_ci(promoters, passives, detractors, confidence, method) */
Datum
cm_nps_ci(PG_FUNCTION_ARGS)
{
	int64		groups[NPS_GROUPS] = {0};
	double		confidence = confidence_argument(fcinfo, 3);
	NpsMethod	method = choice_argument(fcinfo, 4, "method", nps_methods, lengthof(nps_methods));
	Numeric		nps;
	double		margin;
	Bounds		bounds;
	Datum		values[4];
	bool		nulls[4] = {false};

	groups[NPS_PROMOTERS] = count_argument(fcinfo, 0, "promoters");
	groups[NPS_PASSIVES] = count_argument(fcinfo, 1, "passives");
	groups[NPS_DETRACTORS] = count_argument(fcinfo, 2, "detractors");
	nps = nps_of_groups(groups);
	if (nps == NULL)
		PG_RETURN_NULL();
	bounds = nps_bounds(groups, confidence, method, &margin);
	values[0] = NumericGetDatum(nps);
	values[1] = estimate_datum(margin);
	values[2] = estimate_datum(bounds.lower);
	values[3] = estimate_datum(bounds.upper);
	PG_RETURN_DATUM(composite_datum(fcinfo, values, nulls));
}

/* Counts argument 1 as an answer, if it is one; a NULL is none, whatever stands beside it. */
static Datum
summary_count(FunctionCallInfo fcinfo, bool has_confidence)
{
	ArrayType  *state;
	double		confidence;
	int			group;

	if (PG_ARGISNULL(1))
	{
		if (PG_ARGISNULL(0))
			PG_RETURN_NULL();
		PG_RETURN_DATUM(PG_GETARG_DATUM(0));
	}
	confidence = has_confidence ? confidence_argument(fcinfo, 2) : USUAL_CONFIDENCE;
	group = nps_group(PG_GETARG_NUMERIC(1));
	if (PG_ARGISNULL(0))
	{
		state = counts_new(SUMMARY_COUNTS);
		counts_of(state)[SUMMARY_CONFIDENCE] = confidence_bits(confidence);
	}
	else
	{
		state = counts_to_change(fcinfo, SUMMARY_COUNTS);
		check_same_confidence(confidence_of_bits(counts_of(state)[SUMMARY_CONFIDENCE]), confidence);
	}
	count_add(&counts_of(state)[group], 1, "answers");
	PG_RETURN_ARRAYTYPE_P(state);
}

/* nps_summary(score) */
Datum
cm_nps_summary_trans(PG_FUNCTION_ARGS)
{
	return summary_count(fcinfo, false);
}

/* nps_summary(score, confidence) */
Datum
cm_nps_summary_confidence_trans(PG_FUNCTION_ARGS)
{
	return summary_count(fcinfo, true);
}

/* nps_summary: adds the second state's counts to the first's. */
Datum
cm_nps_summary_combine(PG_FUNCTION_ARGS)
{
	ArrayType  *state = counts_to_change(fcinfo, SUMMARY_COUNTS);
	int64	   *counts = counts_of(state);
	int64	   *others = counts_of(counts_argument(fcinfo, 1, SUMMARY_COUNTS));
	int			i;

	check_same_confidence(confidence_of_bits(counts[SUMMARY_CONFIDENCE]),
						  confidence_of_bits(others[SUMMARY_CONFIDENCE]));
	for (i = 0; i < NPS_GROUPS; i++)
		count_add(&counts[i], others[i], "answers");
	PG_RETURN_ARRAYTYPE_P(state);
}

/* nps_summary: the result of a state. */
Datum
cm_nps_summary_final(PG_FUNCTION_ARGS)
{
	int64	   *counts = counts_of(counts_argument(fcinfo, 0, SUMMARY_COUNTS));
	double		confidence = confidence_of_bits(counts[SUMMARY_CONFIDENCE]);
	Numeric		nps = nps_of_groups(counts);
	int64		responses = counts[NPS_PROMOTERS];
	double		margin;
	Bounds		bounds;
	Datum		values[9];
	bool		nulls[9] = {false};

	if (nps == NULL)
		PG_RETURN_NULL();
	count_add(&responses, counts[NPS_PASSIVES], "answers");
	count_add(&responses, counts[NPS_DETRACTORS], "answers");
	bounds = nps_bounds(counts, confidence, ADJUSTED_WALD, &margin);
	values[0] = NumericGetDatum(nps);
	values[1] = Int64GetDatum(counts[NPS_PROMOTERS]);
	values[2] = Int64GetDatum(counts[NPS_PASSIVES]);
	values[3] = Int64GetDatum(counts[NPS_DETRACTORS]);
	values[4] = Int64GetDatum(responses);
	values[5] = estimate_datum(margin);
	values[6] = estimate_datum(bounds.lower);
	values[7] = estimate_datum(bounds.upper);
	values[8] = Float8GetDatum(confidence);
	PG_RETURN_DATUM(composite_datum(fcinfo, values, nulls));
}
