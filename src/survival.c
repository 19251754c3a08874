/*
 * survival.c
 *		Kaplan-Meier with right censoring and left truncation, and the log-rank
 *		test; see docs/survival.md.
 *
 * A subject is at risk at t when entry < t <= duration; one that was under
 * observation from the beginning also at t = 0.
 *
 * The survival is a product over the times, which may be millions.  It is kept to
 * twice the precision of a double, as a sum of two, so that it is right to the
 * last digit and a curve that stands at one half exactly is seen to do so.
 */
#include "postgres.h"

#include <float.h>
#include <math.h>

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "common/hashfn.h"
#include "common/int.h"
#include "libpq/pqformat.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/float.h"
#include "utils/memutils.h"

#include "checks.h"
#include "compat.h"
#include "model.h"
#include "rfm.h"
#include "numerics.h"
#include "survival.h"

/* The fields of survival_model. */
enum
{
	MODEL_TIMES,
	MODEL_ENTERED,
	MODEL_EVENTS,
	MODEL_CENSORED,
	MODEL_N,
	MODEL_N_EVENTS,
	MODEL_N_SKIPPED,
	MODEL_FIELDS
};

static const char *const model_fields[MODEL_FIELDS] = {
	"times", "entered", "events", "censored", "n", "n_events", "n_skipped"
};

static const char *const bounds_names[] = {"log-log", "log", "plain"};

/* Bytes of a row's header before fields that are all given. */
#define MODEL_HEADER	MAXALIGN(SizeofHeapTupleHeader)

/* Times between two looks for a cancel request. */
#define BLOCK			8192

/* A survival this close to 1 - q, as a share of it, is taken for equal; the second is what 1 - q itself may be off. */
#define SAME_SHARE		1e-12
#define SAME_AT_LEAST	DBL_EPSILON

/* Groups of a log-rank test, and a table in which their slots are found, at most half full. */
#define MAX_GROUPS		100
#define GROUP_SLOTS		256

/* A group whose variance the others hold to this share has none of its own. */
#define SINGULAR		1e-10

/* A group of a log-rank test. */
typedef struct LogrankGroup
{
	char	   *name;			/* bytes, without an end mark */
	int			length;
	SurvivalRows *rows;
} LogrankGroup;

/* The state of logrank(): the rows of each group, in the order in which the groups came. */
typedef struct LogrankState
{
	MemoryContext context;
	Size		bytes;			/* of all groups' rows */
	int64		skipped;
	int			n;
	LogrankGroup groups[MAX_GROUPS];
	uint8		slots[GROUP_SLOTS]; /* group's number + 1; 0: empty */
	LogrankGroup *last;			/* that of the row before, which is often that of the next */
} LogrankState;

/* A walk along a curve; survival, variance and hazard are those at "time", events at it included. */
typedef struct Walk
{
	const SurvivalModel *model;
	int			next;
	int64		observed;		/* under observation after "time" */
	double		time;
	int64		at_risk;
	int64		events;
	int64		censored;
	bool		ended;			/* the survival is 0 */
	double		survival;
	double		rest;			/* of the survival, beyond the precision of a double */
	LongSum		variance;		/* Greenwood's sum: the variance of ln S */
	LongSum		hazard;			/* Nelson's and Aalen's sum */
} Walk;

PG_FUNCTION_INFO_V1(cm_survival_fit_trans);
PG_FUNCTION_INFO_V1(cm_survival_fit_interval_trans);
PG_FUNCTION_INFO_V1(cm_survival_fit_entry_trans);
PG_FUNCTION_INFO_V1(cm_survival_fit_interval_entry_trans);
PG_FUNCTION_INFO_V1(cm_survival_merge_trans);
PG_FUNCTION_INFO_V1(cm_survival_fit_combine);
PG_FUNCTION_INFO_V1(cm_survival_fit_serial);
PG_FUNCTION_INFO_V1(cm_survival_fit_deserial);
PG_FUNCTION_INFO_V1(cm_survival_fit_final);
PG_FUNCTION_INFO_V1(cm_survival_table);
PG_FUNCTION_INFO_V1(cm_survival_at);
PG_FUNCTION_INFO_V1(cm_survival_at_ci);
PG_FUNCTION_INFO_V1(cm_survival_quantile);
PG_FUNCTION_INFO_V1(cm_survival_quantile_ci);
PG_FUNCTION_INFO_V1(cm_survival_rmst);
PG_FUNCTION_INFO_V1(cm_survival_rmst_ci);
PG_FUNCTION_INFO_V1(cm_logrank_trans);
PG_FUNCTION_INFO_V1(cm_logrank_interval_trans);
PG_FUNCTION_INFO_V1(cm_logrank_model_trans);
PG_FUNCTION_INFO_V1(cm_logrank_combine);
PG_FUNCTION_INFO_V1(cm_logrank_serial);
PG_FUNCTION_INFO_V1(cm_logrank_deserial);
PG_FUNCTION_INFO_V1(cm_logrank_final);

/* ---- Rows ---- */

/* Raises 22023 unless a time is finite and 0 or more. */
static inline void
check_time(const char *name, double time, const char *hint)
{
	if (likely(time >= 0 && time <= DBL_MAX))
		return;
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 isnan(time) || isinf(time) ? errmsg("%s must be a finite number, not %s", name, number_shown(time)) :
			 errmsg("%s must be 0 or more, not %s", name, number_shown(time)),
			 errhint("%s", hint)));
}

static inline void
check_duration(double duration)
{
	check_time("duration", duration, "A duration that is not known is given as NULL; one that still runs ends today, with event false.");
}

/* Raises 22023 unless a subject came under observation before its end, or was from the beginning. */
static void
check_entry(double entry, double duration)
{
	check_time("entry", entry, "Who was under observation from the beginning has entry 0.");
	if (entry >= duration && entry > 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("entry must be less than duration (%s), not %s", number_shown(duration), number_shown(entry)),
				 errhint("Who left before coming under observation was never seen at risk: leave such rows out with FILTER or WHERE.")));
}

/* No rows yet; "bytes" is what they share with other rows, or NULL. */
static SurvivalRows *
rows_sharing(MemoryContext context, Size *bytes)
{
	SurvivalRows *rows = MemoryContextAllocZero(context, sizeof(SurvivalRows));

	rows->bytes = bytes ? bytes : &rows->own;
	rows->exits = tally_create(context, 1);
	tally_share(rows->exits, rows->bytes);
	return rows;
}

/* No rows yet. */
SurvivalRows *
survival_rows(MemoryContext context)
{
	return rows_sharing(context, NULL);
}

/* The first late entry is to come. */
static void
begin_entries(SurvivalRows *rows)
{
	rows->entries = tally_create(rows->exits->context, 1);
	tally_share(rows->entries, rows->bytes);
}

/* Subjects who come under observation after some time has passed. */
void
survival_add_entry(SurvivalRows *rows, double entry, int64 weight)
{
	if (rows->entries == NULL)
		begin_entries(rows);
	tally_add_word(rows->entries, survival_word(entry, false), weight);
}

/* The time of a word. */
static inline double
time_of_word(uint64 word)
{
	double		time;

	word >>= 1;
	memcpy(&time, &word, sizeof(time));
	return time;
}

/* Add what a model counts. */
static void
add_model(SurvivalRows *rows, const SurvivalModel *model)
{
	int			i;

	for (i = 0; i < model->n_times; i++)
	{
		if (i % BLOCK == 0)
			CHECK_FOR_INTERRUPTS();
		if (model->censored[i] > 0)
			tally_add_word(rows->exits, survival_word(model->times[i], false), model->censored[i]);
		if (model->events[i] > 0)
			tally_add_word(rows->exits, survival_word(model->times[i], true), model->events[i]);
		if (model->entered != NULL && model->entered[i] > 0)
			survival_add_entry(rows, model->times[i], model->entered[i]);
	}
	tally_skip(rows->exits, model->n_skipped);
}

/* Add other rows, which stay as they are. */
static void
combine_rows(SurvivalRows *rows, const SurvivalRows *other)
{
	tally_combine(rows->exits, other->exits);
	if (other->entries == NULL)
		return;
	if (rows->entries == NULL)
		begin_entries(rows);
	tally_combine(rows->entries, other->entries);
}

/* Write rows for another process. */
static void
write_rows(StringInfo buffer, SurvivalRows *rows)
{
	tally_write(buffer, rows->exits);
	pq_sendbyte(buffer, rows->entries != NULL);
	if (rows->entries != NULL)
		tally_write(buffer, rows->entries);
}

/* Read what write_rows wrote. */
static SurvivalRows *
read_rows(StringInfo buffer)
{
	SurvivalRows *rows = palloc0(sizeof(SurvivalRows));

	rows->exits = tally_read(buffer, 1);
	rows->entries = pq_getmsgbyte(buffer) ? tally_read(buffer, 1) : NULL;
	return rows;
}

/* ---- Models ---- */

/* The next time of two sorted tallies, from the i-th row of one and the j-th of the other on; false behind the last. */
static inline bool
next_time(const Tally *exits, Size i, const Tally *entries, Size j, uint64 *time)
{
	if (i >= exits->n && j >= entries->n)
		return false;
	*time = i < exits->n ? tally_words(exits, i)[0] >> 1 : PG_UINT64_MAX;
	if (j < entries->n)
		*time = Min(*time, tally_words(entries, j)[0] >> 1);
	return true;
}

/*
 * The counts of the rows by time, into arrays of as many as there are times, or
 * only their number where "times" is NULL.
 */
static Size
count_times(const SurvivalRows *rows, double *times, int64 *entered, int64 *events, int64 *censored)
{
	/* copies, of which the compiler knows that the loop does not change them */
	const Tally exits = *rows->exits;
	const Tally entries = rows->entries != NULL ? *rows->entries : (Tally) {0};
	Size		i = 0;
	Size		j = 0;
	Size		n;
	uint64		time;

	for (n = 0; next_time(&exits, i, &entries, j, &time); n++)
	{
		int64		counts[2] = {0, 0};
		int64		late = 0;

		if (n % BLOCK == 0)
			CHECK_FOR_INTERRUPTS();
		for (; i < exits.n && tally_words(&exits, i)[0] >> 1 == time; i++)
			counts[tally_words(&exits, i)[0] & 1] = tally_count(&exits, i);
		if (j < entries.n && tally_words(&entries, j)[0] >> 1 == time)
			late = tally_count(&entries, j++);
		if (times == NULL)
			continue;
		times[n] = time_of_word(time << 1);
		censored[n] = counts[0];
		events[n] = counts[1];
		if (entered != NULL)
			entered[n] = late;
	}
	return n;
}

/* Bytes of an array of so many elements of 8 bytes. */
static inline Size
array_size(Size n)
{
	return ARR_OVERHEAD_NONULLS(n > 0 ? 1 : 0) + n * sizeof(int64);
}

/* Such an array at a place, which is moved behind it; the caller writes the data. */
static void *
put_array(char **place, Size n, Oid type)
{
	ArrayType  *array = (ArrayType *) *place;

	SET_VARSIZE(array, array_size(n));
	array->ndim = n > 0 ? 1 : 0;
	array->dataoffset = 0;
	array->elemtype = type;
	if (n > 0)
	{
		ARR_DIMS(array)[0] = n;
		ARR_LBOUND(array)[0] = 1;
	}
	*place += array_size(n);
	return ARR_DATA_PTR(array);
}

/*
 * The model of rows, in the current memory context; false if there are none.
 *
 * It may have millions of times, so its arrays are written where they are to lie
 * in a value of survival_model: each behind the other, as all are aligned to 8
 * bytes, between the header of a row and the three numbers.
 */
bool
survival_model_of(SurvivalRows *rows, SurvivalModel *model)
{
	bool		late = rows->entries != NULL && rows->entries->total > 0;
	Size		n;
	char	   *place;
	double	   *times;
	int64	   *entered;
	int64	   *events;
	int64	   *censored;
	int			i;

	if (rows->exits->total == 0)
		return false;
	tally_sort(rows->exits);
	if (late)
		tally_sort(rows->entries);
	n = count_times(rows, NULL, NULL, NULL, NULL);
	if (n > (MaxAllocSize - 1024) / ((late ? 4 : 3) * sizeof(int64)))
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("a model of %zu distinct times exceeds the largest value of 1 GB", n),
				 errhint("Give the aggregate values that are rounded, such as whole days.")));
	*model = (SurvivalModel) {.n_times = n, .n = rows->exits->total, .n_skipped = rows->exits->skipped};
	model->size = MODEL_HEADER + 3 * array_size(n) + array_size(late ? n : 0) + 3 * sizeof(int64);
	model->value = palloc(model->size);
	place = model->value + MODEL_HEADER;
	times = put_array(&place, n, FLOAT8OID);
	entered = put_array(&place, late ? n : 0, INT8OID);
	events = put_array(&place, n, INT8OID);
	censored = put_array(&place, n, INT8OID);
	count_times(rows, times, late ? entered : NULL, events, censored);
	model->times = times;
	model->entered = late ? entered : NULL;
	model->events = events;
	model->censored = censored;
	for (i = 0; i < (int) n; i++)
		model->n_events += events[i];
	model->from_start = model->n - (late ? (int64) rows->entries->total : 0);
	return true;
}

/*
 * A model made by survival_model_of as a value of the type that the running
 * function returns.  Its header is that of a value with empty arrays.
 */
Datum
survival_model_datum(FunctionCallInfo fcinfo, const SurvivalModel *model)
{
	HeapTupleHeader value = (HeapTupleHeader) model->value;
	int64	   *numbers = (int64 *) (model->value + model->size) - 3;
	Datum		values[MODEL_FIELDS] = {0};
	bool		nulls[MODEL_FIELDS] = {false};
	HeapTupleHeader empty;

	values[MODEL_TIMES] = float_array(NULL, 0);
	values[MODEL_ENTERED] = values[MODEL_EVENTS] = values[MODEL_CENSORED] = int_array(NULL, 0);
	empty = DatumGetHeapTupleHeader(composite_datum(fcinfo, values, nulls));
	if (empty->t_hoff != MODEL_HEADER)
		elog(ERROR, "a row's header of unexpected size");
	memcpy(value, empty, MODEL_HEADER);
	HeapTupleHeaderSetDatumLength(value, model->size);
	numbers[0] = model->n;
	numbers[1] = model->n_events;
	numbers[2] = model->n_skipped;
	return HeapTupleHeaderGetDatum(value);
}

/* The counts of a field of a model, one for each time, none negative; NULL where there are none and need not be. */
static const int64 *
model_counts(const Model *value, int field, int n_times, bool optional)
{
	int			n;
	const int64 *counts;
	int			i;

	if (optional && value->nulls[field])
		return NULL;
	counts = model_ints(value, field, &n);
	if (optional && n == 0)
		return NULL;
	if (n != n_times)
		model_invalid(value, model_fields[field]);
	for (i = 0; i < n; i++)
		if (counts[i] < 0)
			model_invalid(value, model_fields[field]);
	return counts;
}

/*
 * An argument as a model: times ascend, something happens at each, and who ends
 * was under observation.  All sums of counts are then at most n.
 */
static SurvivalModel
survival_argument(FunctionCallInfo fcinfo, int argument)
{
	Model		value = model_argument(fcinfo, argument, "survival_model", model_fields, MODEL_FIELDS);
	SurvivalModel model = {0};
	int64		late = 0;
	int64		ends = 0;
	int64		events = 0;
	int			i;

	model.times = model_floats(&value, MODEL_TIMES, &model.n_times);
	model.entered = model_counts(&value, MODEL_ENTERED, model.n_times, true);
	model.events = model_counts(&value, MODEL_EVENTS, model.n_times, false);
	model.censored = model_counts(&value, MODEL_CENSORED, model.n_times, false);
	model.n = model_int(&value, MODEL_N, 1, PG_INT64_MAX);
	model.n_events = model_int(&value, MODEL_N_EVENTS, 0, model.n);
	model.n_skipped = model_int(&value, MODEL_N_SKIPPED, 0, PG_INT64_MAX);
	for (i = 0; model.entered != NULL && i < model.n_times; i++)
		if (pg_add_s64_overflow(late, model.entered[i], &late) || (model.entered[i] > 0 && model.times[i] == 0))
			model_invalid(&value, "entered");
	if (late > model.n)
		model_invalid(&value, "entered");
	model.from_start = model.n - late;
	late = 0;
	for (i = 0; i < model.n_times; i++)
	{
		int64		entered = model.entered != NULL ? model.entered[i] : 0;

		if (i % BLOCK == 0)
			CHECK_FOR_INTERRUPTS();
		if (model.times[i] < 0 || (i > 0 && model.times[i] <= model.times[i - 1]) ||
			(model.events[i] == 0 && model.censored[i] == 0 && entered == 0))
			model_invalid(&value, "times");
		if (pg_add_s64_overflow(ends, model.events[i], &ends) || ends > model.from_start + late)
			model_invalid(&value, "events");
		if (pg_add_s64_overflow(ends, model.censored[i], &ends) || ends > model.from_start + late)
			model_invalid(&value, "censored");
		events += model.events[i];
		late += entered;
	}
	if (ends != model.n)
		model_invalid(&value, "n");
	if (events != model.n_events)
		model_invalid(&value, "n_events");
	return model;
}

/* ---- The curve ---- */

/* At the beginning of a curve, before its first time. */
static Walk
walk_begin(const SurvivalModel *model)
{
	Walk		walk = {0};

	walk.model = model;
	walk.observed = model->from_start;
	walk.survival = 1;
	return walk;
}

/*
 * Multiply the survival by 1 - d / n, 0 < d < n.  The smaller of d / n and its
 * counterpart is taken, as the difference of large counts is exact in integers
 * and would not be in doubles.
 */
static void
walk_lose(Walk *walk, int64 d, int64 n)
{
	bool		subtract = d <= n / 2;
	double		part = (double) (subtract ? d : n - d);
	double		ratio = part / (double) n;
	double		ratio_rest = fma(-ratio, (double) n, part) / (double) n;
	double		product = walk->survival * ratio;
	double		rest = fma(walk->survival, ratio, -product) + (walk->survival * ratio_rest + walk->rest * ratio);

	if (subtract)
	{
		double		difference = walk->survival - product;

		rest = ((walk->survival - difference) - product) + (walk->rest - rest);
		product = difference;
	}
	walk->survival = product + rest;
	walk->rest = rest - (walk->survival - product);
	/* what a double cannot hold is nobody */
	if (walk->survival < DBL_MIN)
		walk->ended = true;
}

/* Go to the next time; false behind the last. */
static bool
walk_step(Walk *walk)
{
	const SurvivalModel *model = walk->model;
	int			i = walk->next;

	if (i >= model->n_times)
		return false;
	if (i % BLOCK == 0)
		CHECK_FOR_INTERRUPTS();
	walk->next++;
	walk->time = model->times[i];
	walk->at_risk = walk->observed;
	walk->events = model->events[i];
	walk->censored = model->censored[i];
	if (walk->events > 0)
	{
		double		d = (double) walk->events;
		double		n = (double) walk->at_risk;

		long_sum_add(&walk->hazard, d / n);
		if (walk->events == walk->at_risk)
			walk->ended = true;
		else if (!walk->ended)
		{
			walk_lose(walk, walk->events, walk->at_risk);
			long_sum_add(&walk->variance, d / n / (double) (walk->at_risk - walk->events));
		}
	}
	if (walk->ended)
		walk->survival = walk->rest = 0;
	walk->observed -= walk->events + walk->censored;
	if (model->entered != NULL)
		walk->observed += model->entered[i];
	return true;
}

/* The survival at the current time with its standard error and bounds, of which those are null that are not defined. */
static SurvivalEstimate
walk_estimate(const Walk *walk, double z, SurvivalBounds bounds)
{
	SurvivalEstimate result = {{walk->survival, 0, 1, 1}, {false, false, false, false}};
	double		deviation = sqrt(long_sum(&walk->variance));
	double		log_survival;
	double		reach;

	if (walk->ended)
	{
		result.null[ESTIMATE_STD_ERR] = result.null[ESTIMATE_LOWER] = result.null[ESTIMATE_UPPER] = true;
		return result;
	}
	result.value[ESTIMATE_STD_ERR] = walk->survival * deviation;
	if (deviation == 0)			/* nothing happened yet */
	{
		result.null[ESTIMATE_LOWER] = result.null[ESTIMATE_UPPER] = (bounds == BOUNDS_LOG_LOG);
		return result;
	}
	log_survival = walk->survival > 0.5 ? log1p((walk->survival - 1) + walk->rest) : log(walk->survival);
	switch (bounds)
	{
		case BOUNDS_LOG_LOG:
			reach = z * deviation / -log_survival;
			result.value[ESTIMATE_LOWER] = exp(log_survival * exp(reach));
			result.value[ESTIMATE_UPPER] = exp(log_survival * exp(-reach));
			break;
		case BOUNDS_LOG:
			result.value[ESTIMATE_LOWER] = exp(log_survival - z * deviation);
			result.value[ESTIMATE_UPPER] = Min(exp(log_survival + z * deviation), 1);
			break;
		case BOUNDS_PLAIN:
			reach = z * result.value[ESTIMATE_STD_ERR];
			result.value[ESTIMATE_LOWER] = Max(walk->survival - reach, 0);
			result.value[ESTIMATE_UPPER] = Min(walk->survival + reach, 1);
			break;
	}
	return result;
}

/* The survival at t; null behind the last time, where nobody was seen, unless nobody is left there. */
SurvivalEstimate
survival_estimate_at(const SurvivalModel *model, double t, double confidence, SurvivalBounds bounds)
{
	Walk		walk = walk_begin(model);
	SurvivalEstimate result;

	while (walk.next < model->n_times && model->times[walk.next] <= t)
		walk_step(&walk);
	result = walk_estimate(&walk, normal_deviate(confidence), bounds);
	if (!walk.ended && t > model->times[model->n_times - 1])
		memset(result.null, true, sizeof(result.null));
	return result;
}

/* Where a falling curve reaches a level. */
typedef struct Crossing
{
	double		level;
	double		tolerance;
	double		time;
	bool		level_with;		/* it stands at the level since "time" */
	bool		reached;
} Crossing;

static Crossing
crossing_begin(double level)
{
	return (Crossing) {level, SAME_SHARE * level + SAME_AT_LEAST, 0, false, false};
}

/* The curve has a value from a time on; where it stood at the level until then, the middle of that stretch is taken. */
static void
crossing_step(Crossing *crossing, double value, double time)
{
	if (crossing->reached || value > crossing->level + crossing->tolerance)
		return;
	if (value < crossing->level - crossing->tolerance)
	{
		crossing->time = crossing->level_with ? crossing->time / 2 + time / 2 : time;
		crossing->reached = true;
	}
	else if (!crossing->level_with)
	{
		crossing->time = time;
		crossing->level_with = true;
	}
}

/* A curve that stands at the level until its last time. */
static void
crossing_end(Crossing *crossing, double last_time)
{
	if (crossing->reached || !crossing->level_with)
		return;
	crossing->time = crossing->time / 2 + last_time / 2;
	crossing->reached = true;
}

/* The time by which a share q has had the event; its bounds are where those of the survival reach 1 - q. */
SurvivalEstimate
survival_quantile_estimate(const SurvivalModel *model, double q, double confidence, SurvivalBounds bounds)
{
	Walk		walk = walk_begin(model);
	double		z = normal_deviate(confidence);
	Crossing	crossings[ESTIMATE_FIELDS];
	SurvivalEstimate result;
	int			k;

	for (k = 0; k < ESTIMATE_FIELDS; k++)
		crossings[k] = crossing_begin(1 - q);
	while (!walk.ended && !(crossings[ESTIMATE_VALUE].reached && crossings[ESTIMATE_UPPER].reached) && walk_step(&walk))
	{
		SurvivalEstimate at;

		if (walk.events == 0)
			continue;
		at = walk_estimate(&walk, z, bounds);
		for (k = 0; k < ESTIMATE_FIELDS; k++)
			if (k != ESTIMATE_STD_ERR && !at.null[k])
				crossing_step(&crossings[k], at.value[k], walk.time);
	}
	for (k = 0; k < ESTIMATE_FIELDS; k++)
	{
		crossing_end(&crossings[k], model->times[model->n_times - 1]);
		result.value[k] = crossings[k].time;
		result.null[k] = !crossings[k].reached;
	}
	return result;
}

/* The quantile alone, which needs no logarithms on the way. */
static bool
quantile_of(const SurvivalModel *model, double q, double *time)
{
	Walk		walk = walk_begin(model);
	Crossing	crossing = crossing_begin(1 - q);

	while (!crossing.reached && walk_step(&walk))
		if (walk.events > 0)
			crossing_step(&crossing, walk.survival, walk.time);
	crossing_end(&crossing, model->times[model->n_times - 1]);
	*time = crossing.time;
	return crossing.reached;
}

/* The area under the curve up to tau; raises 22023 where the curve is not known so far. */
static double
area_until(const SurvivalModel *model, double tau)
{
	Walk		walk = walk_begin(model);
	LongSum		area = {0, 0};
	double		last = model->times[model->n_times - 1];
	double		survival = 1;
	double		since = 0;

	while (walk.next < model->n_times && model->times[walk.next] < tau && !walk.ended)
	{
		walk_step(&walk);
		if (walk.events == 0)
			continue;
		long_sum_add(&area, survival * (walk.time - since));
		survival = walk.survival;
		since = walk.time;
	}
	if (tau > last && !walk.ended)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("tau must be at most the last time of the model, %s, not %s", number_shown(last), number_shown(tau)),
				 errhint("The curve is not known behind the last time: give a tau up to %s.", number_shown(last))));
	long_sum_add(&area, survival * (tau - since));
	return long_sum(&area);
}

/*
 * The variance of the area: at each event the area from there to tau, squared,
 * times Greenwood's term.  In parts of tau, so that no square overflows.
 */
static double
area_std_err(const SurvivalModel *model, double tau, double area)
{
	Walk		walk = walk_begin(model);
	LongSum		until = {0, 0};
	LongSum		variance = {0, 0};
	double		survival = 1;
	double		since = 0;
	double		before = 0;

	while (walk.next < model->n_times && model->times[walk.next] < tau)
	{
		double		rest;
		double		sum;

		walk_step(&walk);
		if (walk.events == 0)
			continue;
		if (walk.ended)
			break;				/* there is no area behind it */
		long_sum_add(&until, survival * (walk.time - since));
		rest = (area - long_sum(&until)) / tau;
		sum = long_sum(&walk.variance);
		long_sum_add(&variance, rest * rest * (sum - before));
		before = sum;
		survival = walk.survival;
		since = walk.time;
	}
	return tau * sqrt(long_sum(&variance));
}

/* The mean time until the event, of which what lies behind tau does not count. */
SurvivalEstimate
survival_rmst_estimate(const SurvivalModel *model, double tau, double confidence)
{
	SurvivalEstimate result = {{0}, {false, false, false, false}};
	double		area = area_until(model, tau);
	double		std_err = area_std_err(model, tau, area);
	double		reach = normal_deviate(confidence) * std_err;

	result.value[ESTIMATE_VALUE] = area;
	result.value[ESTIMATE_STD_ERR] = std_err;
	result.value[ESTIMATE_LOWER] = Max(area - reach, 0);
	result.value[ESTIMATE_UPPER] = Min(area + reach, tau);
	return result;
}

/* ---- survival_fit(), merge() ---- */

/* The rows that an aggregate has so far, or none yet. */
static inline SurvivalRows *
state_argument(FunctionCallInfo fcinfo)
{
	return PG_ARGISNULL(0) ? survival_rows(fit_context(fcinfo)) : (SurvivalRows *) PG_GETARG_POINTER(0);
}

/* A time that is given as a number, or as an interval: then in days; one without end is infinite. */
static inline double
time_in_row(FunctionCallInfo fcinfo, int argument, bool intervals)
{
	Interval   *interval;

	if (!intervals)
		return PG_GETARG_FLOAT8(argument);
	interval = PG_GETARG_INTERVAL_P(argument);
#ifdef INTERVAL_NOT_FINITE
	if (INTERVAL_NOT_FINITE(interval))
		return INTERVAL_IS_NOEND(interval) ? get_float8_infinity() : -get_float8_infinity();
#endif
	return (double) interval_span(interval) / USECS_PER_DAY;
}

/* A row of survival_fit(duration, event) */
static pg_attribute_always_inline Datum
fit_row(FunctionCallInfo fcinfo, bool intervals)
{
	SurvivalRows *rows = state_argument(fcinfo);

	if (PG_ARGISNULL(1) || PG_ARGISNULL(2))
		rows->exits->skipped++;
	else
	{
		double		duration = time_in_row(fcinfo, 1, intervals);

		check_duration(duration);
		tally_add_word(rows->exits, survival_word(duration, PG_GETARG_BOOL(2)), 1);
	}
	PG_RETURN_POINTER(rows);
}

/* survival_fit(duration, event) */
Datum
cm_survival_fit_trans(PG_FUNCTION_ARGS)
{
	return fit_row(fcinfo, false);
}

/* survival_fit(duration, event) of an interval */
Datum
cm_survival_fit_interval_trans(PG_FUNCTION_ARGS)
{
	return fit_row(fcinfo, true);
}

/* A row of survival_fit(duration, event, entry [, weight]) */
static pg_attribute_always_inline Datum
fit_row_with_entry(FunctionCallInfo fcinfo, bool intervals)
{
	SurvivalRows *rows = state_argument(fcinfo);
	double		duration;
	double		entry;
	int64		weight = 1;
	int			i;

	for (i = 1; i < PG_NARGS(); i++)
		if (PG_ARGISNULL(i))
		{
			rows->exits->skipped++;
			PG_RETURN_POINTER(rows);
		}
	duration = time_in_row(fcinfo, 1, intervals);
	entry = time_in_row(fcinfo, 3, intervals);
	check_duration(duration);
	check_entry(entry, duration);
	if (PG_NARGS() > 4)
	{
		weight = PG_GETARG_INT64(4);
		check_at_least("weight", weight, 0, "A weight is the number of subjects that a row stands for.");
	}
	if (weight > 0)
		survival_add(rows, duration, PG_GETARG_BOOL(2), entry, weight);
	PG_RETURN_POINTER(rows);
}

/* survival_fit(duration, event, entry [, weight]) */
Datum
cm_survival_fit_entry_trans(PG_FUNCTION_ARGS)
{
	return fit_row_with_entry(fcinfo, false);
}

/* survival_fit(duration, event, entry) of intervals */
Datum
cm_survival_fit_interval_entry_trans(PG_FUNCTION_ARGS)
{
	return fit_row_with_entry(fcinfo, true);
}

/* merge(survival_model); a NULL is no model. */
Datum
cm_survival_merge_trans(PG_FUNCTION_ARGS)
{
	SurvivalRows *rows = state_argument(fcinfo);
	SurvivalModel model;

	if (!PG_ARGISNULL(1))
	{
		model = survival_argument(fcinfo, 1);
		add_model(rows, &model);
	}
	PG_RETURN_POINTER(rows);
}

/* The rows of two states in the first, which is made if there is none. */
Datum
cm_survival_fit_combine(PG_FUNCTION_ARGS)
{
	SurvivalRows *rows = state_argument(fcinfo);

	if (!PG_ARGISNULL(1))
		combine_rows(rows, (SurvivalRows *) PG_GETARG_POINTER(1));
	PG_RETURN_POINTER(rows);
}

/* A state for another process. */
Datum
cm_survival_fit_serial(PG_FUNCTION_ARGS)
{
	StringInfoData buffer;

	pq_begintypsend(&buffer);
	write_rows(&buffer, (SurvivalRows *) PG_GETARG_POINTER(0));
	PG_RETURN_BYTEA_P(pq_endtypsend(&buffer));
}

/* A state from another process. */
Datum
cm_survival_fit_deserial(PG_FUNCTION_ARGS)
{
	StringInfoData buffer = message_of(PG_GETARG_BYTEA_PP(0));
	SurvivalRows *rows = read_rows(&buffer);

	pq_getmsgend(&buffer);
	PG_RETURN_POINTER(rows);
}

/* The model; NULL without rows. */
Datum
cm_survival_fit_final(PG_FUNCTION_ARGS)
{
	SurvivalModel model;

	if (PG_ARGISNULL(0) || !survival_model_of((SurvivalRows *) PG_GETARG_POINTER(0), &model))
		PG_RETURN_NULL();
	PG_RETURN_DATUM(survival_model_datum(fcinfo, &model));
}

/* ---- Accessors ---- */

/* A time to ask a curve for. */
static double
time_argument(FunctionCallInfo fcinfo, int argument)
{
	return float_at_least(fcinfo, argument, "t", 0);
}

static SurvivalBounds
bounds_argument(FunctionCallInfo fcinfo, int argument)
{
	return (SurvivalBounds) choice_argument(fcinfo, argument, "conf_type", bounds_names, lengthof(bounds_names));
}

/* A double, or NULL. */
static Datum
estimate_datum(FunctionCallInfo fcinfo, const SurvivalEstimate *estimate, int field)
{
	if (estimate->null[field])
		PG_RETURN_NULL();
	PG_RETURN_FLOAT8(estimate->value[field]);
}

/* An estimate as the columns value, [std_err,] lower, upper. */
static Datum
estimate_row(FunctionCallInfo fcinfo, const SurvivalEstimate *estimate, bool std_err)
{
	Datum		values[ESTIMATE_FIELDS];
	bool		nulls[ESTIMATE_FIELDS];
	int			n = 0;
	int			k;

	for (k = 0; k < ESTIMATE_FIELDS; k++)
	{
		if (k == ESTIMATE_STD_ERR && !std_err)
			continue;
		values[n] = Float8GetDatum(estimate->value[k]);
		nulls[n++] = estimate->null[k];
	}
	return composite_datum(fcinfo, values, nulls);
}

/* survival_table(model, confidence, conf_type) */
Datum
cm_survival_table(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	SurvivalModel model = survival_argument(fcinfo, 0);
	double		z = normal_deviate(confidence_argument(fcinfo, 1));
	SurvivalBounds bounds = bounds_argument(fcinfo, 2);
	Walk		walk = walk_begin(&model);

	InitMaterializedSRF(fcinfo, MAT_SRF_USE_EXPECTED_DESC);
	while (walk_step(&walk))
	{
		SurvivalEstimate at;
		Datum		values[9];
		bool		nulls[9] = {false};
		int			k;

		if (walk.events == 0 && walk.censored == 0)
			continue;
		at = walk_estimate(&walk, z, bounds);
		values[0] = Float8GetDatum(walk.time);
		values[1] = Int64GetDatum(walk.at_risk);
		values[2] = Int64GetDatum(walk.events);
		values[3] = Int64GetDatum(walk.censored);
		for (k = 0; k < ESTIMATE_FIELDS; k++)
		{
			values[4 + k] = Float8GetDatum(at.value[k]);
			nulls[4 + k] = at.null[k];
		}
		values[8] = Float8GetDatum(long_sum(&walk.hazard));
		tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
	}
	return (Datum) 0;
}

/* survival_at(model, t) */
Datum
cm_survival_at(PG_FUNCTION_ARGS)
{
	SurvivalModel model = survival_argument(fcinfo, 0);
	double		t = time_argument(fcinfo, 1);
	SurvivalEstimate estimate = survival_estimate_at(&model, t, 0.95, BOUNDS_PLAIN);

	return estimate_datum(fcinfo, &estimate, ESTIMATE_VALUE);
}

/* survival_at_ci(model, t, confidence, conf_type) */
Datum
cm_survival_at_ci(PG_FUNCTION_ARGS)
{
	SurvivalModel model = survival_argument(fcinfo, 0);
	double		t = time_argument(fcinfo, 1);
	double		confidence = confidence_argument(fcinfo, 2);
	SurvivalEstimate estimate = survival_estimate_at(&model, t, confidence, bounds_argument(fcinfo, 3));

	return estimate_row(fcinfo, &estimate, true);
}

/* survival_quantile(model, q) */
Datum
cm_survival_quantile(PG_FUNCTION_ARGS)
{
	SurvivalModel model = survival_argument(fcinfo, 0);
	double		time;

	if (!quantile_of(&model, float_between(fcinfo, 1, "q", 0, 1), &time))
		PG_RETURN_NULL();
	PG_RETURN_FLOAT8(time);
}

/* survival_quantile_ci(model, q, confidence, conf_type) */
Datum
cm_survival_quantile_ci(PG_FUNCTION_ARGS)
{
	SurvivalModel model = survival_argument(fcinfo, 0);
	double		q = float_between(fcinfo, 1, "q", 0, 1);
	double		confidence = confidence_argument(fcinfo, 2);
	SurvivalEstimate estimate = survival_quantile_estimate(&model, q, confidence, bounds_argument(fcinfo, 3));

	return estimate_row(fcinfo, &estimate, false);
}

/* survival_rmst(model, tau) */
Datum
cm_survival_rmst(PG_FUNCTION_ARGS)
{
	SurvivalModel model = survival_argument(fcinfo, 0);

	PG_RETURN_FLOAT8(area_until(&model, float_above(fcinfo, 1, "tau", 0)));
}

/* survival_rmst_ci(model, tau, confidence) */
Datum
cm_survival_rmst_ci(PG_FUNCTION_ARGS)
{
	SurvivalModel model = survival_argument(fcinfo, 0);
	double		tau = float_above(fcinfo, 1, "tau", 0);
	SurvivalEstimate estimate = survival_rmst_estimate(&model, tau, confidence_argument(fcinfo, 2));

	return estimate_row(fcinfo, &estimate, true);
}

/* ---- logrank() ---- */

/* No groups yet. */
static LogrankState *
new_logrank(MemoryContext context)
{
	LogrankState *state = MemoryContextAllocZero(context, sizeof(LogrankState));

	state->context = context;
	return state;
}

static inline LogrankState *
logrank_argument(FunctionCallInfo fcinfo)
{
	return PG_ARGISNULL(0) ? new_logrank(fit_context(fcinfo)) : (LogrankState *) PG_GETARG_POINTER(0);
}

static inline bool
group_is(const LogrankGroup *group, const char *name, int length)
{
	return group->length == length && memcmp(group->name, name, length) == 0;
}

/* The rows of a group, which is added if there is none of that name; raises 54000 if there are too many. */
static SurvivalRows *
group_rows(LogrankState *state, const char *name, int length)
{
	LogrankGroup *group = state->last;
	uint32		slot;

	if (group != NULL && group_is(group, name, length))
		return group->rows;
	slot = hash_bytes((const unsigned char *) name, length) % GROUP_SLOTS;
	while (state->slots[slot] != 0 && !group_is(&state->groups[state->slots[slot] - 1], name, length))
		slot = (slot + 1) % GROUP_SLOTS;
	if (state->slots[slot] == 0)
	{
		if (state->n >= MAX_GROUPS)
			ereport(ERROR,
					(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
					 errmsg("logrank compares at most %d groups", MAX_GROUPS),
					 errhint("Put the smaller groups together under one name.")));
		group = &state->groups[state->n++];
		group->name = MemoryContextAlloc(state->context, length + 1);
		memcpy(group->name, name, length);
		group->length = length;
		group->rows = rows_sharing(state->context, &state->bytes);
		state->slots[slot] = state->n;
	}
	state->last = &state->groups[state->slots[slot] - 1];
	return state->last->rows;
}

/* The rows of the group that a text argument names. */
static inline SurvivalRows *
group_argument(FunctionCallInfo fcinfo, LogrankState *state, int argument)
{
	text	   *name = PG_GETARG_TEXT_PP(argument);

	return group_rows(state, VARDATA_ANY(name), VARSIZE_ANY_EXHDR(name));
}

/* A row of logrank(duration, event, grp [, entry]) */
static pg_attribute_always_inline Datum
logrank_row(FunctionCallInfo fcinfo, bool intervals)
{
	LogrankState *state = logrank_argument(fcinfo);
	double		duration;
	double		entry = 0;
	int			i;

	for (i = 1; i < PG_NARGS(); i++)
		if (PG_ARGISNULL(i))
		{
			state->skipped++;
			PG_RETURN_POINTER(state);
		}
	duration = time_in_row(fcinfo, 1, intervals);
	check_duration(duration);
	if (PG_NARGS() > 4)
	{
		entry = time_in_row(fcinfo, 4, intervals);
		check_entry(entry, duration);
	}
	survival_add(group_argument(fcinfo, state, 3), duration, PG_GETARG_BOOL(2), entry, 1);
	PG_RETURN_POINTER(state);
}

/* logrank(duration, event, grp [, entry]) */
Datum
cm_logrank_trans(PG_FUNCTION_ARGS)
{
	return logrank_row(fcinfo, false);
}

/* logrank(duration, event, grp) of intervals */
Datum
cm_logrank_interval_trans(PG_FUNCTION_ARGS)
{
	return logrank_row(fcinfo, true);
}

/* logrank(model, grp) */
Datum
cm_logrank_model_trans(PG_FUNCTION_ARGS)
{
	LogrankState *state = logrank_argument(fcinfo);
	SurvivalModel model;

	if (PG_ARGISNULL(1) || PG_ARGISNULL(2))
	{
		state->skipped++;
		PG_RETURN_POINTER(state);
	}
	model = survival_argument(fcinfo, 1);
	add_model(group_argument(fcinfo, state, 2), &model);
	PG_RETURN_POINTER(state);
}

/* The groups of two states in the first, which is made if there is none. */
Datum
cm_logrank_combine(PG_FUNCTION_ARGS)
{
	LogrankState *state = logrank_argument(fcinfo);
	LogrankState *other = PG_ARGISNULL(1) ? NULL : (LogrankState *) PG_GETARG_POINTER(1);
	int			i;

	if (other == NULL)
		PG_RETURN_POINTER(state);
	for (i = 0; i < other->n; i++)
		combine_rows(group_rows(state, other->groups[i].name, other->groups[i].length), other->groups[i].rows);
	state->skipped += other->skipped;
	PG_RETURN_POINTER(state);
}

/* A state for another process. */
Datum
cm_logrank_serial(PG_FUNCTION_ARGS)
{
	LogrankState *state = (LogrankState *) PG_GETARG_POINTER(0);
	StringInfoData buffer;
	int			i;

	pq_begintypsend(&buffer);
	pq_sendint64(&buffer, state->skipped);
	pq_sendint32(&buffer, state->n);
	for (i = 0; i < state->n; i++)
	{
		pq_sendint32(&buffer, state->groups[i].length);
		pq_sendbytes(&buffer, state->groups[i].name, state->groups[i].length);
		write_rows(&buffer, state->groups[i].rows);
	}
	PG_RETURN_BYTEA_P(pq_endtypsend(&buffer));
}

/* A state from another process. */
Datum
cm_logrank_deserial(PG_FUNCTION_ARGS)
{
	StringInfoData buffer = message_of(PG_GETARG_BYTEA_PP(0));
	LogrankState *state = new_logrank(CurrentMemoryContext);
	int			i;

	state->skipped = pq_getmsgint64(&buffer);
	state->n = pq_getmsgint(&buffer, 4);
	if (state->n < 0 || state->n > MAX_GROUPS)
		elog(ERROR, "unexpected state of an aggregate");
	for (i = 0; i < state->n; i++)
	{
		state->groups[i].length = pq_getmsgint(&buffer, 4);
		state->groups[i].name = unconstify(char *, pq_getmsgbytes(&buffer, state->groups[i].length));
		state->groups[i].rows = read_rows(&buffer);
	}
	pq_getmsgend(&buffer);
	PG_RETURN_POINTER(state);
}

/* Order of groups: by the bytes of their names. */
static int
compare_groups(const void *a, const void *b)
{
	const LogrankGroup *left = *(LogrankGroup *const *) a;
	const LogrankGroup *right = *(LogrankGroup *const *) b;
	int			order = memcmp(left->name, right->name, Min(left->length, right->length));

	return order != 0 ? order : (left->length > right->length) - (left->length < right->length);
}

/* The sums of a log-rank test over k groups. */
typedef struct Logrank
{
	int			k;
	SurvivalModel *models;
	int		   *next;			/* of each group, where it stands in its times */
	int64	   *observed;		/* under observation */
	LongSum    *expected;
	LongSum    *variance;		/* k x k, of which the lower triangle is used */
} Logrank;

/* Add what is expected at one time, with n at risk of whom d have the event. */
static void
logrank_expect(Logrank *test, int64 n, int64 d)
{
	double		all = (double) n;
	double		spread = n > 1 ? (double) d / (double) (n - 1) * (double) (n - d) : 0;
	int			j;
	int			l;

	for (j = 0; j < test->k; j++)
	{
		double		share = (double) test->observed[j] / all;

		if (test->observed[j] == 0)
			continue;
		long_sum_add(&test->expected[j], share * (double) d);
		if (spread == 0)
			continue;
		for (l = 0; l < j; l++)
			if (test->observed[l] > 0)
				long_sum_add(&test->variance[j * test->k + l], -spread * share * ((double) test->observed[l] / all));
		long_sum_add(&test->variance[j * test->k + j], spread * share * ((double) (n - test->observed[j]) / all));
	}
}

/* Go through the times of all groups together. */
static void
logrank_run(Logrank *test)
{
	Size		steps = 0;

	for (;;)
	{
		double		time = DBL_MAX;
		int64		n = 0;
		int64		d = 0;
		bool		any = false;
		int			j;

		if (steps++ % 64 == 0)
			CHECK_FOR_INTERRUPTS();
		for (j = 0; j < test->k; j++)
			if (test->next[j] < test->models[j].n_times)
			{
				any = true;
				time = Min(time, test->models[j].times[test->next[j]]);
			}
		if (!any)
			break;
		for (j = 0; j < test->k; j++)
		{
			const SurvivalModel *model = &test->models[j];
			int			i = test->next[j];

			n += test->observed[j];
			if (i < model->n_times && model->times[i] == time)
				d += model->events[i];
		}
		if (d > 0)
			logrank_expect(test, n, d);
		for (j = 0; j < test->k; j++)
		{
			const SurvivalModel *model = &test->models[j];
			int			i = test->next[j];

			if (i >= model->n_times || model->times[i] != time)
				continue;
			test->observed[j] -= model->events[i] + model->censored[i];
			if (model->entered != NULL)
				test->observed[j] += model->entered[i];
			test->next[j]++;
		}
	}
}

/*
 * The statistic, and its degrees of freedom: the groups whose difference from
 * the expectation does not follow from those of the others.
 */
static int
logrank_statistic(const Logrank *test, double *statistic)
{
	int			k = test->k;
	int		   *kept = palloc(k * sizeof(int));
	double	   *matrix = palloc(k * k * sizeof(double));
	double	   *difference = palloc(k * sizeof(double));
	double	   *solution = palloc(k * sizeof(double));
	int			n = 0;
	int			i;
	int			j;

	for (j = 0; j < k; j++)
		if (long_sum(&test->variance[j * k + j]) > 0)
			kept[n++] = j;
	while (n > 0)
	{
		int			dependent;

		for (i = 0; i < n; i++)
			for (j = 0; j < n; j++)
				matrix[i * n + j] = long_sum(&test->variance[Max(kept[i], kept[j]) * k + Min(kept[i], kept[j])]);
		dependent = cholesky_factor(matrix, n, SINGULAR);
		if (dependent < 0)
			break;
		n--;
		memmove(&kept[dependent], &kept[dependent + 1], (n - dependent) * sizeof(int));
	}
	for (i = 0; i < n; i++)
		difference[i] = solution[i] = (double) test->models[kept[i]].n_events - long_sum(&test->expected[kept[i]]);
	*statistic = 0;
	if (n > 0)
		cholesky_solve(matrix, n, solution);
	for (i = 0; i < n; i++)
		*statistic += difference[i] * solution[i];
	*statistic = Max(*statistic, 0);
	return n;
}

/* The result of a test whose groups are in order. */
static Datum
logrank_result(FunctionCallInfo fcinfo, LogrankState *state, LogrankGroup **groups, Logrank *test)
{
	Datum		values[8];
	bool		nulls[8] = {false};
	Datum	   *names = palloc(test->k * sizeof(Datum));
	int64	   *n = palloc(test->k * sizeof(int64));
	int64	   *observed = palloc(test->k * sizeof(int64));
	double	   *expected = palloc(test->k * sizeof(double));
	int64		skipped = state->skipped;
	double		statistic;
	int			df = logrank_statistic(test, &statistic);
	int			j;

	for (j = 0; j < test->k; j++)
	{
		names[j] = PointerGetDatum(cstring_to_text_with_len(groups[j]->name, groups[j]->length));
		n[j] = test->models[j].n;
		observed[j] = test->models[j].n_events;
		expected[j] = long_sum(&test->expected[j]);
		skipped += Min(test->models[j].n_skipped, PG_INT64_MAX - skipped);
	}
	nulls[0] = nulls[2] = (df == 0);
	values[0] = Float8GetDatum(statistic);
	values[1] = Int32GetDatum(df);
	values[2] = Float8GetDatum(df == 0 ? 0 : chi_squared_upper(statistic, df));
	values[3] = PointerGetDatum(construct_array(names, test->k, TEXTOID, -1, false, TYPALIGN_INT));
	values[4] = int_array(n, test->k);
	values[5] = int_array(observed, test->k);
	values[6] = float_array(expected, test->k);
	values[7] = Int64GetDatum(skipped);
	return composite_datum(fcinfo, values, nulls);
}

/* The test; NULL without rows. */
Datum
cm_logrank_final(PG_FUNCTION_ARGS)
{
	LogrankState *state = PG_ARGISNULL(0) ? NULL : (LogrankState *) PG_GETARG_POINTER(0);
	LogrankGroup *groups[MAX_GROUPS];
	Logrank		test = {0};
	int64		total = 0;
	int			j;

	if (state == NULL || state->n == 0)
		PG_RETURN_NULL();
	for (j = 0; j < state->n; j++)
		groups[j] = &state->groups[j];
	qsort(groups, state->n, sizeof(LogrankGroup *), compare_groups);
	test.k = state->n;
	test.models = palloc(test.k * sizeof(SurvivalModel));
	test.next = palloc0(test.k * sizeof(int));
	test.observed = palloc(test.k * sizeof(int64));
	test.expected = palloc0(test.k * sizeof(LongSum));
	test.variance = palloc0(test.k * test.k * sizeof(LongSum));
	for (j = 0; j < test.k; j++)
	{
		if (!survival_model_of(groups[j]->rows, &test.models[j]))
			elog(ERROR, "a group without rows");
		test.observed[j] = test.models[j].from_start;
		if (pg_add_s64_overflow(total, test.models[j].n, &total))
			ereport(ERROR,
					(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
					 errmsg("the subjects of all groups are more than %lld", (long long) PG_INT64_MAX)));
	}
	logrank_run(&test);
	return logrank_result(fcinfo, state, groups, &test);
}
