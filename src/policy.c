/*
 * policy.c
 *		churn_policy: how to count where products differ.  See docs/policy.md.
 *
 * The type is a composite, so that a policy can be stored, changed by field and
 * shown; reports read it once per call into a ChurnPolicy.  A preset is nothing
 * but values of the axes.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "executor/executor.h"
#include "funcapi.h"
#include "utils/builtins.h"
#include "utils/typcache.h"

#include "checks.h"
#include "policy.h"

PG_FUNCTION_INFO_V1(cm_churn_policy);
PG_FUNCTION_INFO_V1(cm_churn_policies);

/* The longest interval, and the most periods, that an axis takes. */
#define MAX_YEARS		100
#define MAX_PERIODS		10000

/* 365.25 / 12 days */
#define USECS_PER_MEAN_MONTH	INT64CONST(2629800000000)

/* The type's fields, in their order. */
typedef enum Axis
{
	AXIS_BOUNDARY,
	AXIS_BASIS,
	AXIS_DENOMINATOR,
	AXIS_COUNT_TRANSIENT,
	AXIS_GRACE,
	AXIS_REACTIVATION_WINDOW,
	AXIS_MINIMUM_ABSENCE,
	AXIS_COUNT_FREE,
	AXIS_REACTIVATION_OFFSETS,
	AXIS_LOOKBACK,
	AXIS_SMOOTHING
} Axis;

#define NAXES		(AXIS_SMOOTHING + 1)

static const char *const axis_names[NAXES] = {
	"boundary", "basis", "denominator", "count_transient", "grace", "reactivation_window",
	"minimum_absence", "count_free", "reactivation_offsets", "lookback", "smoothing"
};

static const char *const boundaries[] = {"before", "at"};
static const char *const bases[] = {"snapshot", "events"};
static const char *const denominators[] = {"opening", "opening_plus_new", "average"};

#define ONE_PERIOD_EACH		.lookback = 1, .smoothing = 1

/* Each preset has a page in docs/presets with its sources. */
static const struct
{
	const char *name;
	ChurnPolicy policy;
}			presets[] =
{
	{"standard", {ONE_PERIOD_EACH}},
	{"stripe", {.events = true, .denominator = DENOMINATOR_OPENING_PLUS_NEW, ONE_PERIOD_EACH}},
	{"chartmogul", {.events = true, .count_free = true, .reactivation_offsets = true, ONE_PERIOD_EACH}},
	{"baremetrics", {.count_transient = true, ONE_PERIOD_EACH}},
	{"recurly", {.minimum_absence = {.month = 1}, ONE_PERIOD_EACH}},
	{"profitwell", {ONE_PERIOD_EACH}},
	{"maxio", {.events = true, .count_transient = true, .has_window = true, .reactivation_window = {.day = 90},
	.reactivation_offsets = true, ONE_PERIOD_EACH}},
	{"fight_churn", {.at = true, .grace = {.day = 7}, .count_free = true, ONE_PERIOD_EACH}},
};

/* The words of a list as an error message shows them. */
static char *
word_list(const char *const *words, int n)
{
	StringInfoData list;
	int			i;

	initStringInfo(&list);
	for (i = 0; i < n; i++)
		appendStringInfo(&list, "%s%s", i > 0 ? ", " : "", words[i]);
	return list.data;
}

/* The index of a word among the allowed ones; raises 22023 where it is none of them. */
static int
check_word(const char *name, Datum value, const char *const *words, int n)
{
	char	   *word = TextDatumGetCString(value);
	int			i;

	for (i = 0; i < n; i++)
		if (strcmp(word, words[i]) == 0)
			return i;
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("policy %s must be one of %s, not \"%s\"", name, word_list(words, n), word)));
	return 0;
}

/* Is an interval a length of time that an axis takes? */
static bool
interval_in_range(const Interval *interval)
{
	const int64 most = MAX_YEARS * 12 * USECS_PER_MEAN_MONTH;

	return interval->month >= 0 && interval->day >= 0 && interval->time >= 0 &&
		interval->month <= MAX_YEARS * 12 && interval->day <= MAX_YEARS * 366 && interval->time <= most &&
		interval->month * USECS_PER_MEAN_MONTH + interval->day * USECS_PER_DAY <= most - interval->time;
}

/* The interval of an axis; raises 22023 for one that is negative or absurd. */
static Interval
check_length(Axis axis, Datum value)
{
	Interval   *interval = DatumGetIntervalP(value);

	if (!interval_in_range(interval))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("policy %s must be between 0 and %d years, not %s", axis_names[axis], MAX_YEARS,
						DatumGetCString(DirectFunctionCall1(interval_out, value))),
				 errhint("Give a length of time such as interval '31 days' or '1 month'; no part of it may be negative.")));
	return *interval;
}

/* The number of periods of an axis; raises 22023 for one that is out of range. */
static int32
check_periods(Axis axis, Datum value)
{
	int32		count = DatumGetInt32(value);

	if (count < 1 || count > MAX_PERIODS)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("policy %s must be between 1 and %d periods, not %d",
						axis_names[axis], MAX_PERIODS, count)));
	return count;
}

/* What a NULL field should have been, as the end of a sentence. */
static char *
allowed_values(Axis axis)
{
	switch (axis)
	{
		case AXIS_BOUNDARY:
			return psprintf("one of %s", word_list(boundaries, lengthof(boundaries)));
		case AXIS_BASIS:
			return psprintf("one of %s", word_list(bases, lengthof(bases)));
		case AXIS_DENOMINATOR:
			return psprintf("one of %s", word_list(denominators, lengthof(denominators)));
		case AXIS_COUNT_TRANSIENT:
		case AXIS_COUNT_FREE:
		case AXIS_REACTIVATION_OFFSETS:
			return pstrdup("one of true, false");
		case AXIS_GRACE:
		case AXIS_REACTIVATION_WINDOW:
		case AXIS_MINIMUM_ABSENCE:
			return psprintf("between 0 and %d years", MAX_YEARS);
		case AXIS_LOOKBACK:
		case AXIS_SMOOTHING:
			return psprintf("between 1 and %d periods", MAX_PERIODS);
	}
	pg_unreachable();
}

/* Set one axis of a policy; nonsense is an error that says what is allowed. */
static void
set_axis(ChurnPolicy *policy, Axis axis, Datum value, bool isnull)
{
	const char *name = axis_names[axis];

	if (axis == AXIS_REACTIVATION_WINDOW)
		policy->has_window = !isnull;
	if (isnull && axis != AXIS_REACTIVATION_WINDOW)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("policy %s must not be null, but %s", name, allowed_values(axis)),
				 errhint("Make policies with the function churn_policy().")));
	switch (axis)
	{
		case AXIS_BOUNDARY:
			policy->at = check_word(name, value, boundaries, lengthof(boundaries)) == 1;
			break;
		case AXIS_BASIS:
			policy->events = check_word(name, value, bases, lengthof(bases)) == 1;
			break;
		case AXIS_DENOMINATOR:
			policy->denominator = (Denominator) check_word(name, value, denominators, lengthof(denominators));
			break;
		case AXIS_COUNT_TRANSIENT:
			policy->count_transient = DatumGetBool(value);
			break;
		case AXIS_GRACE:
			policy->grace = check_length(axis, value);
			break;
		case AXIS_REACTIVATION_WINDOW:
			if (isnull)
				memset(&policy->reactivation_window, 0, sizeof(Interval));
			else
				policy->reactivation_window = check_length(axis, value);
			break;
		case AXIS_MINIMUM_ABSENCE:
			policy->minimum_absence = check_length(axis, value);
			break;
		case AXIS_COUNT_FREE:
			policy->count_free = DatumGetBool(value);
			break;
		case AXIS_REACTIVATION_OFFSETS:
			policy->reactivation_offsets = DatumGetBool(value);
			break;
		case AXIS_LOOKBACK:
			policy->lookback = check_periods(axis, value);
			break;
		case AXIS_SMOOTHING:
			policy->smoothing = check_periods(axis, value);
			break;
	}
}

/* A policy as the fields of the type; the intervals are the policy's own. */
static void
policy_fields(const ChurnPolicy *policy, Datum *values, bool *nulls)
{
	memset(nulls, 0, NAXES * sizeof(bool));
	values[AXIS_BOUNDARY] = CStringGetTextDatum(boundaries[policy->at]);
	values[AXIS_BASIS] = CStringGetTextDatum(bases[policy->events]);
	values[AXIS_DENOMINATOR] = CStringGetTextDatum(denominators[policy->denominator]);
	values[AXIS_COUNT_TRANSIENT] = BoolGetDatum(policy->count_transient);
	values[AXIS_GRACE] = IntervalPGetDatum(&policy->grace);
	values[AXIS_REACTIVATION_WINDOW] = IntervalPGetDatum(&policy->reactivation_window);
	nulls[AXIS_REACTIVATION_WINDOW] = !policy->has_window;
	values[AXIS_MINIMUM_ABSENCE] = IntervalPGetDatum(&policy->minimum_absence);
	values[AXIS_COUNT_FREE] = BoolGetDatum(policy->count_free);
	values[AXIS_REACTIVATION_OFFSETS] = BoolGetDatum(policy->reactivation_offsets);
	values[AXIS_LOOKBACK] = Int32GetDatum(policy->lookback);
	values[AXIS_SMOOTHING] = Int32GetDatum(policy->smoothing);
}

/* The policy of a preset; raises 22023 for an unknown one. */
static const ChurnPolicy *
preset_policy(FunctionCallInfo fcinfo)
{
	const char *names[lengthof(presets)];
	int			i;

	for (i = 0; i < (int) lengthof(presets); i++)
		names[i] = presets[i].name;
	if (PG_ARGISNULL(0))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("policy preset must not be null, but one of %s", word_list(names, lengthof(names)))));
	return &presets[check_word("preset", PG_GETARG_DATUM(0), names, lengthof(names))].policy;
}

/* The constructor: a preset, and axes that differ from it. */
Datum
cm_churn_policy(PG_FUNCTION_ARGS)
{
	TupleDesc	tupdesc;
	ChurnPolicy policy = *preset_policy(fcinfo);
	Datum		values[NAXES];
	bool		nulls[NAXES];
	int			axis;

	if (get_call_result_type(fcinfo, NULL, &tupdesc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	for (axis = 0; axis < NAXES; axis++)
		if (!PG_ARGISNULL(axis + 1))
			set_axis(&policy, axis, PG_GETARG_DATUM(axis + 1), false);
	policy_fields(&policy, values, nulls);
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(tupdesc), values, nulls)));
}

/* The presets as a table: name, and every axis. */
Datum
cm_churn_policies(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	int			i;

	InitMaterializedSRF(fcinfo, MAT_SRF_USE_EXPECTED_DESC);
	for (i = 0; i < (int) lengthof(presets); i++)
	{
		Datum		values[NAXES + 1];
		bool		nulls[NAXES + 1] = {false};

		values[0] = CStringGetTextDatum(presets[i].name);
		policy_fields(&presets[i].policy, values + 1, nulls + 1);
		tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
	}
	return (Datum) 0;
}

/* Read a value of the type; a field that makes no sense is an error. */
void
policy_from_datum(Datum datum, ChurnPolicy *policy)
{
	HeapTupleHeader fields = DatumGetHeapTupleHeader(datum);
	int			axis;

	memset(policy, 0, sizeof(*policy));
	for (axis = 0; axis < NAXES; axis++)
	{
		bool		isnull;
		Datum		value = GetAttributeByNum(fields, axis + 1, &isnull);

		set_axis(policy, axis, value, isnull);
	}
}

/* Read a report's policy argument; NULL is the standard policy. */
void
policy_argument(FunctionCallInfo fcinfo, int argument, ChurnPolicy *policy)
{
	if (PG_ARGISNULL(argument))
		*policy = presets[0].policy;
	else
		policy_from_datum(PG_GETARG_DATUM(argument), policy);
}

/* Does a policy count as the standard does? */
bool
policy_is_standard(const ChurnPolicy *policy)
{
	return !policy_changes_history(policy) && !policy->events && !policy->count_transient &&
		!policy->count_free && !policy->reactivation_offsets && policy->denominator == DENOMINATOR_OPENING &&
		policy->lookback == 1 && policy->smoothing == 1;
}

/* Raises 22023 for the axes that need a series of periods. */
void
policy_for_one_period(const ChurnPolicy *policy)
{
	if (policy->lookback != 1)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("policy lookback must be 1 for one period, not %d", policy->lookback),
				 errhint("The period given is the window: make it as long as you want to look back.")));
	if (policy->smoothing != 1)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("policy smoothing must be 1 for one period, not %d", policy->smoothing),
				 errhint("Use churn_by_period() or mrr_movements() over the periods wanted.")));
}

/* ------------------------------------------------------------------
 * A policy in the state of a one-period aggregate: the words and flags in one
 * word, then the intervals.  Equal words mean equal policies.
 * ------------------------------------------------------------------
 */

#define STORED_AT			0x01
#define STORED_EVENTS		0x02
#define STORED_TRANSIENT	0x04
#define STORED_FREE			0x08
#define STORED_OFFSETS		0x10
#define STORED_WINDOW		0x20
#define STORED_DENOMINATOR_SHIFT 6

/* Write an interval as two words. */
static void
store_interval(const Interval *interval, uint64 *words)
{
	words[0] = (uint64) interval->time;
	words[1] = (uint64) (uint32) interval->month << 32 | (uint32) interval->day;
}

/* Read what store_interval wrote; false where no axis takes it. */
static bool
load_interval(const uint64 *words, Interval *interval)
{
	interval->time = (TimeOffset) words[0];
	interval->month = (int32) (words[1] >> 32);
	interval->day = (int32) (words[1] & 0xFFFFFFFF);
	return interval_in_range(interval);
}

/* Write a policy for one period as POLICY_WORDS words. */
void
policy_store(const ChurnPolicy *policy, uint64 *words)
{
	words[0] = (policy->at ? STORED_AT : 0) | (policy->events ? STORED_EVENTS : 0) |
		(policy->count_transient ? STORED_TRANSIENT : 0) | (policy->count_free ? STORED_FREE : 0) |
		(policy->reactivation_offsets ? STORED_OFFSETS : 0) | (policy->has_window ? STORED_WINDOW : 0) |
		(uint64) policy->denominator << STORED_DENOMINATOR_SHIFT;
	store_interval(&policy->grace, words + 1);
	store_interval(&policy->reactivation_window, words + 3);
	store_interval(&policy->minimum_absence, words + 5);
}

/* Read what policy_store wrote; false for words that it cannot have written. */
bool
policy_load(const uint64 *words, ChurnPolicy *policy)
{
	policy->at = (words[0] & STORED_AT) != 0;
	policy->events = (words[0] & STORED_EVENTS) != 0;
	policy->count_transient = (words[0] & STORED_TRANSIENT) != 0;
	policy->count_free = (words[0] & STORED_FREE) != 0;
	policy->reactivation_offsets = (words[0] & STORED_OFFSETS) != 0;
	policy->has_window = (words[0] & STORED_WINDOW) != 0;
	policy->lookback = policy->smoothing = 1;
	if (words[0] >> STORED_DENOMINATOR_SHIFT > DENOMINATOR_AVERAGE)
		return false;
	policy->denominator = (Denominator) (words[0] >> STORED_DENOMINATOR_SHIFT);
	if (!policy->has_window && (words[3] | words[4]) != 0)
		return false;
	return load_interval(words + 1, &policy->grace) &&
		load_interval(words + 3, &policy->reactivation_window) &&
		load_interval(words + 5, &policy->minimum_absence);
}
