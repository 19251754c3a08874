/*
 * scores.c
 *		How good a score is: AUC, Brier's score, lift.  See docs/scores.md.
 *
 * auc and lift_table count rows by score and label in a tally, and walk through it
 * in order of the score: so neither the plan nor the order of the rows matters, and
 * a row whose score came before with its label takes no memory.  brier keeps a sum.
 */
#include "postgres.h"

#include <math.h>

#include "access/htup_details.h"
#include "libpq/pqformat.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/lsyscache.h"
#include "utils/typcache.h"

#include "checks.h"
#include "compat.h"
#include "model.h"
#include "numerics.h"
#include "scores.h"
#include "tally.h"

#define MOST_BUCKETS	1000
#define USUAL_BUCKETS	10

/* lift_bucket */
enum
{
	LIFT_BUCKET,
	LIFT_N,
	LIFT_EVENTS,
	LIFT_SCORE_MAX,
	LIFT_SCORE_MIN,
	LIFT_MEAN_SCORE,
	LIFT_RATE,
	LIFT_LIFT,
	LIFT_CUMULATIVE_N,
	LIFT_CUMULATIVE_EVENTS,
	LIFT_CUMULATIVE_SHARE,
	LIFT_CUMULATIVE_LIFT,
	LIFT_FIELDS
};

/* Scores and what happened: words score, label. */
typedef struct Scores
{
	Tally	   *tally;
	int64		buckets;		/* of lift_table; 0 for auc */
} Scores;

/* The rows of one score. */
typedef struct ScoreGroup
{
	double		score;
	int64		n;
	int64		events;
} ScoreGroup;

/* A bucket of a lift table. */
typedef struct LiftBucket
{
	int64		n;
	double		events;
	double		low;
	double		high;
	LongSum		scores;
} LiftBucket;

/* Buckets that are being filled, from the highest score down. */
typedef struct LiftTable
{
	LiftBucket *buckets;
	int			nbuckets;
	int			at;				/* the bucket that the next row goes to, or the full one before it */
	int64		dealt;			/* rows in buckets */
	int64		total;			/* rows */
	double		events;			/* among those in buckets */
} LiftTable;

/* Brier's score. */
typedef struct BrierState
{
	LongSum		squares;
	int64		n;
} BrierState;

PG_FUNCTION_INFO_V1(cm_auc_trans);
PG_FUNCTION_INFO_V1(cm_auc_final);
PG_FUNCTION_INFO_V1(cm_lift_table_trans);
PG_FUNCTION_INFO_V1(cm_lift_table_buckets_trans);
PG_FUNCTION_INFO_V1(cm_lift_table_final);
PG_FUNCTION_INFO_V1(cm_scores_combine);
PG_FUNCTION_INFO_V1(cm_scores_serial);
PG_FUNCTION_INFO_V1(cm_scores_deserial);
PG_FUNCTION_INFO_V1(cm_brier_trans);
PG_FUNCTION_INFO_V1(cm_brier_combine);
PG_FUNCTION_INFO_V1(cm_brier_serial);
PG_FUNCTION_INFO_V1(cm_brier_deserial);
PG_FUNCTION_INFO_V1(cm_brier_final);

/* ---- rows of auc and lift_table ---- */

/* Scores without any. */
static Scores *
make_scores(MemoryContext context, int64 buckets)
{
	Scores	   *scores = MemoryContextAlloc(context, sizeof(Scores));

	scores->tally = tally_create(context, 2);
	scores->buckets = buckets;
	return scores;
}

/* Raises 22023 unless the rows are for so many buckets. */
static void
check_same_buckets(const Scores *scores, int64 buckets)
{
	if (scores->buckets != buckets)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("buckets must be the same in all rows of a group")));
}

/* One row of score and label; a NULL is left out. */
static Datum
scores_trans(FunctionCallInfo fcinfo, int64 buckets)
{
	MemoryContext context = fit_context(fcinfo);
	Scores	   *scores = PG_ARGISNULL(0) ? make_scores(context, buckets) : (Scores *) PG_GETARG_POINTER(0);

	check_same_buckets(scores, buckets);
	if (!PG_ARGISNULL(1) && !PG_ARGISNULL(2))
	{
		uint64		words[TALLY_MAX_WORDS] = {0};	/* two are used */

		words[0] = word_of_double(float_argument(fcinfo, 1, "score"));
		words[1] = PG_GETARG_BOOL(2);
		tally_add(scores->tally, words, 1);
	}
	PG_RETURN_POINTER(scores);
}

/* auc(score, label) */
Datum
cm_auc_trans(PG_FUNCTION_ARGS)
{
	return scores_trans(fcinfo, 0);
}

/* lift_table(score, label) */
Datum
cm_lift_table_trans(PG_FUNCTION_ARGS)
{
	return scores_trans(fcinfo, USUAL_BUCKETS);
}

/* lift_table(score, label, buckets) */
Datum
cm_lift_table_buckets_trans(PG_FUNCTION_ARGS)
{
	int32		buckets;

	check_not_null("buckets", PG_ARGISNULL(3));
	buckets = PG_GETARG_INT32(3);
	if (buckets < 1 || buckets > MOST_BUCKETS)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("buckets must be between 1 and %d, not %d", MOST_BUCKETS, buckets)));
	return scores_trans(fcinfo, buckets);
}

/* Add the second state's rows to the first. */
Datum
cm_scores_combine(PG_FUNCTION_ARGS)
{
	MemoryContext context = fit_context(fcinfo);
	Scores	   *scores;
	Scores	   *other;

	if (PG_ARGISNULL(1))
	{
		if (PG_ARGISNULL(0))
			PG_RETURN_NULL();
		PG_RETURN_POINTER(PG_GETARG_POINTER(0));
	}
	other = (Scores *) PG_GETARG_POINTER(1);
	scores = PG_ARGISNULL(0) ? make_scores(context, other->buckets) : (Scores *) PG_GETARG_POINTER(0);
	check_same_buckets(scores, other->buckets);
	tally_combine(scores->tally, other->tally);
	PG_RETURN_POINTER(scores);
}

/* A state as bytes. */
Datum
cm_scores_serial(PG_FUNCTION_ARGS)
{
	Scores	   *scores = (Scores *) PG_GETARG_POINTER(0);
	StringInfoData buffer;

	fit_context(fcinfo);
	pq_begintypsend(&buffer);
	pq_sendint64(&buffer, scores->buckets);
	tally_write(&buffer, scores->tally);
	PG_RETURN_BYTEA_P(pq_endtypsend(&buffer));
}

/* A state from bytes. */
Datum
cm_scores_deserial(PG_FUNCTION_ARGS)
{
	StringInfoData buffer = message_of(PG_GETARG_BYTEA_PP(0));
	Scores	   *scores = palloc(sizeof(Scores));

	fit_context(fcinfo);
	scores->buckets = pq_getmsgint64(&buffer);
	scores->tally = tally_read(&buffer, 2);
	PG_RETURN_POINTER(scores);
}

/* The group that ends (going down) or begins (going up) at record *i of a sorted tally; *i moves past it. */
static ScoreGroup
next_group(const Tally *tally, int64 *i, int direction)
{
	uint64		word = tally_words(tally, *i)[0];
	ScoreGroup	group = {double_of_word(word), 0, 0};

	CHECK_FOR_INTERRUPTS();
	for (; *i >= 0 && *i < (int64) tally->n && tally_words(tally, *i)[0] == word; *i += direction)
	{
		group.n += tally_count(tally, *i);
		if (tally_words(tally, *i)[1])
			group.events += tally_count(tally, *i);
	}
	return group;
}

/* ---- auc ---- */

/* auc(score, label): of all pairs of an event and another row, the share in which the event has the higher score; ties count half. */
Datum
cm_auc_final(PG_FUNCTION_ARGS)
{
	Scores	   *scores = PG_ARGISNULL(0) ? NULL : (Scores *) PG_GETARG_POINTER(0);
	AucSum		sum = {0};
	int64		i = 0;

	fit_context(fcinfo);
	if (scores == NULL)
		PG_RETURN_NULL();
	tally_sort(scores->tally);
	while (i < (int64) scores->tally->n)
	{
		ScoreGroup	group = next_group(scores->tally, &i, 1);

		auc_add(&sum, (double) group.events, (double) (group.n - group.events));
	}
	if (sum.events == 0 || sum.others == 0)
		PG_RETURN_NULL();
	PG_RETURN_FLOAT8(auc_of(&sum));
}

/* ---- lift_table ---- */

/* Deal a group out to the buckets that it reaches, its events in proportion. */
static void
deal_group(LiftTable *table, const ScoreGroup *group)
{
	int64		left = group->n;

	while (left > 0)
	{
		LiftBucket *bucket = &table->buckets[table->at];
		bool		last = table->at == table->nbuckets - 1;
		int64		end = last ? table->total : table->total * (table->at + 1) / table->nbuckets;
		int64		take = Min(left, end - table->dealt);

		if (take == 0)
		{
			table->at++;
			continue;
		}
		if (bucket->n == 0)
			bucket->high = group->score;
		bucket->low = group->score;
		bucket->n += take;
		bucket->events += take == group->n ? (double) group->events : (double) group->events * ((double) take / (double) group->n);
		long_sum_add(&bucket->scores, group->score * (double) take);
		table->dealt += take;
		left -= take;
	}
	table->events += (double) group->events;
}

/* A row of the table: the bucket's own fields, and those of all rows down to it, "events" among "n". */
static Datum
lift_datum(TupleDesc tupdesc, const LiftTable *table, int number, int64 n, double events)
{
	const LiftBucket *bucket = &table->buckets[number];
	double		mean = long_sum(&bucket->scores) / (double) bucket->n;
	double		rate = bucket->events / (double) bucket->n;
	double		rate_of_all = table->events / (double) table->total;
	Datum		values[LIFT_FIELDS];
	bool		nulls[LIFT_FIELDS] = {false};

	if (isnan(mean) || isinf(mean))
		ereport(ERROR,
				(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
				 errmsg("the sum of the scores of a bucket is out of range for type double precision")));
	values[LIFT_BUCKET] = Int32GetDatum(number + 1);
	values[LIFT_N] = Int64GetDatum(bucket->n);
	values[LIFT_EVENTS] = Float8GetDatum(bucket->events);
	values[LIFT_SCORE_MAX] = Float8GetDatum(bucket->high);
	values[LIFT_SCORE_MIN] = Float8GetDatum(bucket->low);
	values[LIFT_MEAN_SCORE] = Float8GetDatum(mean);
	values[LIFT_RATE] = Float8GetDatum(rate);
	values[LIFT_LIFT] = Float8GetDatum(rate / rate_of_all);
	values[LIFT_CUMULATIVE_N] = Int64GetDatum(n);
	values[LIFT_CUMULATIVE_EVENTS] = Float8GetDatum(events);
	values[LIFT_CUMULATIVE_SHARE] = Float8GetDatum(events / table->events);
	values[LIFT_CUMULATIVE_LIFT] = Float8GetDatum(events / (double) n / rate_of_all);
	nulls[LIFT_LIFT] = nulls[LIFT_CUMULATIVE_SHARE] = nulls[LIFT_CUMULATIVE_LIFT] = table->events == 0;
	return heap_copy_tuple_as_datum(heap_form_tuple(tupdesc, values, nulls), tupdesc);
}

/* The array of lift_bucket that the running function returns, of the buckets that are not empty. */
static Datum
lift_array(FunctionCallInfo fcinfo, const LiftTable *table)
{
	Oid			type = get_element_type(get_fn_expr_rettype(fcinfo->flinfo));
	TupleDesc	tupdesc = lookup_rowtype_tupdesc(type, -1);
	Datum	   *rows = palloc(table->nbuckets * sizeof(Datum));
	int64		n = 0;
	LongSum		events = {0};
	int			nrows = 0;
	int			i;

	for (i = 0; i < table->nbuckets; i++)
	{
		if (table->buckets[i].n == 0)
			continue;
		n += table->buckets[i].n;
		long_sum_add(&events, table->buckets[i].events);
		rows[nrows++] = lift_datum(tupdesc, table, i, n, Min(long_sum(&events), table->events));
	}
	ReleaseTupleDesc(tupdesc);
	return PointerGetDatum(construct_array(rows, nrows, type, -1, false, TYPALIGN_DOUBLE));
}

/* lift_table: the rows in order of their score, the highest first, in buckets of equal size. */
Datum
cm_lift_table_final(PG_FUNCTION_ARGS)
{
	Scores	   *scores = PG_ARGISNULL(0) ? NULL : (Scores *) PG_GETARG_POINTER(0);
	LiftTable	table = {0};
	int64		i;

	fit_context(fcinfo);
	if (scores == NULL || scores->tally->total == 0)
		PG_RETURN_NULL();
	tally_sort(scores->tally);
	table.nbuckets = (int) scores->buckets;
	table.buckets = palloc0(table.nbuckets * sizeof(LiftBucket));
	table.total = (int64) scores->tally->total;
	for (i = (int64) scores->tally->n - 1; i >= 0;)
	{
		ScoreGroup	group = next_group(scores->tally, &i, -1);

		deal_group(&table, &group);
	}
	return lift_array(fcinfo, &table);
}

/* ---- brier ---- */

/* brier(score, label): one row; a NULL is left out. */
Datum
cm_brier_trans(PG_FUNCTION_ARGS)
{
	MemoryContext context = fit_context(fcinfo);
	BrierState *state = PG_ARGISNULL(0) ? NULL : (BrierState *) PG_GETARG_POINTER(0);
	double		score;

	if (PG_ARGISNULL(1) || PG_ARGISNULL(2))
	{
		if (state == NULL)
			PG_RETURN_NULL();
		PG_RETURN_POINTER(state);
	}
	if (state == NULL)
		state = MemoryContextAllocZero(context, sizeof(BrierState));
	score = PG_GETARG_FLOAT8(1);
	if (!(score >= 0 && score <= 1))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("score must be between 0 and 1, not %s", number_shown(score)),
				 errhint("Brier's score is for probabilities; auc and lift_table take any score.")));
	if (PG_GETARG_BOOL(2))
		score = 1 - score;
	long_sum_add(&state->squares, score * score);
	state->n++;
	PG_RETURN_POINTER(state);
}

/* Add the second state to the first. */
Datum
cm_brier_combine(PG_FUNCTION_ARGS)
{
	MemoryContext context = fit_context(fcinfo);
	BrierState *state = PG_ARGISNULL(0) ? NULL : (BrierState *) PG_GETARG_POINTER(0);
	BrierState *other = PG_ARGISNULL(1) ? NULL : (BrierState *) PG_GETARG_POINTER(1);

	if (other != NULL)
	{
		if (state == NULL)
			state = MemoryContextAllocZero(context, sizeof(BrierState));
		long_sum_add(&state->squares, other->squares.sum);
		long_sum_add(&state->squares, other->squares.rest);
		state->n += other->n;
	}
	if (state == NULL)
		PG_RETURN_NULL();
	PG_RETURN_POINTER(state);
}

/* A state as bytes. */
Datum
cm_brier_serial(PG_FUNCTION_ARGS)
{
	BrierState *state = (BrierState *) PG_GETARG_POINTER(0);
	StringInfoData buffer;

	fit_context(fcinfo);
	pq_begintypsend(&buffer);
	pq_sendfloat8(&buffer, state->squares.sum);
	pq_sendfloat8(&buffer, state->squares.rest);
	pq_sendint64(&buffer, state->n);
	PG_RETURN_BYTEA_P(pq_endtypsend(&buffer));
}

/* A state from bytes. */
Datum
cm_brier_deserial(PG_FUNCTION_ARGS)
{
	StringInfoData buffer = message_of(PG_GETARG_BYTEA_PP(0));
	BrierState *state = palloc0(sizeof(BrierState));

	fit_context(fcinfo);
	state->squares.sum = pq_getmsgfloat8(&buffer);
	state->squares.rest = pq_getmsgfloat8(&buffer);
	state->n = pq_getmsgint64(&buffer);
	PG_RETURN_POINTER(state);
}

/* brier(score, label): the mean of (score - label) squared, with labels of 0 and 1. */
Datum
cm_brier_final(PG_FUNCTION_ARGS)
{
	BrierState *state = PG_ARGISNULL(0) ? NULL : (BrierState *) PG_GETARG_POINTER(0);

	fit_context(fcinfo);
	if (state == NULL)
		PG_RETURN_NULL();
	PG_RETURN_FLOAT8(long_sum(&state->squares) / (double) state->n);
}
