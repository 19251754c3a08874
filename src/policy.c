/*
 * policy.c
 *		churn_policy: how to count where vendors differ.  See docs/policy.md.
 *
 * The type has every axis from the first version on, so that views and calls
 * do not change when an axis is built.  What is not built yet is an error that
 * names the axis.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "executor/executor.h"
#include "funcapi.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"
#include "utils/typcache.h"

#include "checks.h"
#include "policy.h"

PG_FUNCTION_INFO_V1(cm_churn_policy);

typedef enum AxisType
{
	AXIS_WORD,
	AXIS_FLAG,
	AXIS_INTERVAL,
	AXIS_COUNT
} AxisType;

/* An axis: its allowed values, and the standard one. */
typedef struct Axis
{
	const char *name;
	AxisType	type;
	const char *words[3];		/* the first is the standard */
	bool		null_allowed;	/* NULL is the standard */
} Axis;

/* In the order of the type's fields. */
static const Axis axes[] = {
	{"boundary", AXIS_WORD, {"before", "at", NULL}, false},
	{"basis", AXIS_WORD, {"snapshot", "events", NULL}, false},
	{"denominator", AXIS_WORD, {"opening", "opening_plus_new", "average"}, false},
	{"count_transient", AXIS_FLAG, {NULL}, false},
	{"grace", AXIS_INTERVAL, {NULL}, false},
	{"reactivation_window", AXIS_INTERVAL, {NULL}, true},
	{"minimum_absence", AXIS_INTERVAL, {NULL}, false},
	{"count_free", AXIS_FLAG, {NULL}, false},
	{"reactivation_offsets", AXIS_FLAG, {NULL}, false},
	{"lookback", AXIS_COUNT, {NULL}, false},
	{"smoothing", AXIS_COUNT, {NULL}, false},
};

#define NAXES		lengthof(axes)

static const char *const presets[] = {
	"standard", "stripe", "chartmogul", "baremetrics", "recurly", "profitwell", "maxio", "fight_churn"
};

/* The words of a list as an error message shows them. */
static char *
word_list(const char *const *words, int n)
{
	StringInfoData list;
	int			i;

	initStringInfo(&list);
	for (i = 0; i < n && words[i] != NULL; i++)
		appendStringInfo(&list, "%s%s", i > 0 ? ", " : "", words[i]);
	return list.data;
}

/* Raises 0A000 for a value of an axis that is allowed but not supported yet. */
static void
not_built(const char *axis, const char *value)
{
	ereport(ERROR,
			(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
			 errmsg("policy %s \"%s\" is not supported yet", axis, value),
			 errhint("Leave it out to count by the standard policy.")));
}

/* Check a word; returns its index among the allowed ones. */
static int
check_word(const char *axis, const char *value, const char *const *words, int n)
{
	int			i;

	for (i = 0; i < n && words[i] != NULL; i++)
		if (strcmp(value, words[i]) == 0)
			return i;
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("policy %s must be one of %s, not \"%s\"", axis, word_list(words, n), value)));
	return 0;
}

/* Check one field: nonsense is an error, and so is what is not built yet. */
static void
check_axis(const Axis *axis, Datum value, bool isnull)
{
	if (isnull)
	{
		if (!axis->null_allowed)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("policy %s must not be null", axis->name),
					 errhint("Make policies with the function churn_policy().")));
		return;
	}
	switch (axis->type)
	{
		case AXIS_WORD:
			{
				char	   *word = TextDatumGetCString(value);

				if (check_word(axis->name, word, axis->words, lengthof(axis->words)) > 0)
					not_built(axis->name, word);
				break;
			}
		case AXIS_FLAG:
			if (DatumGetBool(value))
				not_built(axis->name, "true");
			break;
		case AXIS_INTERVAL:
			{
				Interval   *interval = DatumGetIntervalP(value);
				char	   *text = DatumGetCString(DirectFunctionCall1(interval_out, value));

				if (interval->month < 0 || interval->day < 0 || interval->time < 0)
					ereport(ERROR,
							(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
							 errmsg("policy %s must not be negative, not %s", axis->name, text)));
				if (interval->month != 0 || interval->day != 0 || interval->time != 0 || axis->null_allowed)
					not_built(axis->name, text);
				break;
			}
		case AXIS_COUNT:
			{
				int32		count = DatumGetInt32(value);

				check_at_least(psprintf("policy %s", axis->name), count, 1, NULL);
				if (count > 1)
					not_built(axis->name, psprintf("%d", count));
				break;
			}
	}
}

/* The standard value of an axis. */
static Datum
standard_value(const Axis *axis, bool *isnull)
{
	*isnull = axis->null_allowed;
	switch (axis->type)
	{
		case AXIS_WORD:
			return CStringGetTextDatum(axis->words[0]);
		case AXIS_FLAG:
			return BoolGetDatum(false);
		case AXIS_INTERVAL:
			return IntervalPGetDatum(palloc0(sizeof(Interval)));
		case AXIS_COUNT:
			return Int32GetDatum(1);
	}
	pg_unreachable();
}

/* The constructor: a preset, and axes that differ from it. */
Datum
cm_churn_policy(PG_FUNCTION_ARGS)
{
	TupleDesc	tupdesc;
	Datum		values[NAXES];
	bool		nulls[NAXES];
	char	   *preset;
	int			i;

	if (get_call_result_type(fcinfo, NULL, &tupdesc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	if (PG_ARGISNULL(0))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("policy preset must not be null, but one of %s",
						word_list(presets, lengthof(presets)))));
	preset = text_to_cstring(PG_GETARG_TEXT_PP(0));
	if (check_word("preset", preset, presets, lengthof(presets)) > 0)
		not_built("preset", preset);
	for (i = 0; i < (int) NAXES; i++)
	{
		if (PG_ARGISNULL(i + 1))
			values[i] = standard_value(&axes[i], &nulls[i]);
		else
		{
			values[i] = PG_GETARG_DATUM(i + 1);
			nulls[i] = false;
		}
		check_axis(&axes[i], values[i], nulls[i]);
	}
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(tupdesc), values, nulls)));
}

/* Check a report's policy argument; NULL is the standard policy. */
void
policy_argument(FunctionCallInfo fcinfo, int argument)
{
	HeapTupleHeader policy;
	int			i;

	if (PG_ARGISNULL(argument))
		return;
	policy = PG_GETARG_HEAPTUPLEHEADER(argument);
	for (i = 0; i < (int) NAXES; i++)
	{
		bool		isnull;
		Datum		value = GetAttributeByNum(policy, i + 1, &isnull);

		check_axis(&axes[i], value, isnull);
	}
}
