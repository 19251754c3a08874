/*
 * survival.h
 *		Kaplan-Meier over rows of durations, for the aggregates of survival.c and
 *		for whoever else has such rows.
 *
 *		SurvivalRows *rows = survival_rows(context);
 *		... survival_add(rows, duration, event, entry, 1); ...
 *		if (survival_model_of(rows, &model))
 *			estimate = survival_quantile_estimate(&model, 0.5, 0.95, BOUNDS_LOG_LOG);
 */
#ifndef CM_SURVIVAL_H
#define CM_SURVIVAL_H

#include "tally.h"

/*
 * The rows: what a curve needs of them is how many end at a time, with the event
 * or without, and how many come under observation at a time, so these are counted
 * apart, in tallies of one word.  A word has the bits of a time, which is not
 * negative, moved up by one over its sign; the lowest bit of an end is 1 for an
 * event.  Rows that were skipped are counted in the tally of the ends.
 */
typedef struct SurvivalRows
{
	Tally	   *exits;
	Tally	   *entries;		/* NULL while nobody comes late */
	Size	   *bytes;			/* of both, and of other rows of the aggregate */
	Size		own;			/* what "bytes" points to where there are no others */
} SurvivalRows;

/* Counts by time: a value of survival_model, and the same in memory. */
typedef struct SurvivalModel
{
	int			n_times;
	const double *times;		/* ascending, 0 or more; something happens at each */
	const int64 *entered;		/* come under observation after that time, or NULL where nobody comes late */
	const int64 *events;
	const int64 *censored;
	int64		n;				/* subjects */
	int64		n_events;
	int64		n_skipped;
	int64		from_start;		/* subjects under observation from the beginning */
	char	   *value;			/* what survival_model_datum makes a value of, if survival_model_of made the model */
	Size		size;			/* of that, in bytes */
} SurvivalModel;

/* How the bounds of a survival are made. */
typedef enum SurvivalBounds
{
	BOUNDS_LOG_LOG,
	BOUNDS_LOG,
	BOUNDS_PLAIN
} SurvivalBounds;

/* An estimate and how sure it is; what is not defined is null. */
enum
{
	ESTIMATE_VALUE,
	ESTIMATE_STD_ERR,
	ESTIMATE_LOWER,
	ESTIMATE_UPPER,
	ESTIMATE_FIELDS
};

typedef struct SurvivalEstimate
{
	double		value[ESTIMATE_FIELDS];
	bool		null[ESTIMATE_FIELDS];
} SurvivalEstimate;

extern SurvivalRows *survival_rows(MemoryContext context);
extern void survival_add_entry(SurvivalRows *rows, double entry, int64 weight);
extern bool survival_model_of(SurvivalRows *rows, SurvivalModel *model);
extern Datum survival_model_datum(FunctionCallInfo fcinfo, const SurvivalModel *model);
extern SurvivalEstimate survival_estimate_at(const SurvivalModel *model, double t, double confidence, SurvivalBounds bounds);
extern SurvivalEstimate survival_quantile_estimate(const SurvivalModel *model, double q, double confidence, SurvivalBounds bounds);
extern SurvivalEstimate survival_rmst_estimate(const SurvivalModel *model, double tau, double confidence);

/* The word of a time that is finite and not negative; -0 is 0. */
static inline uint64
survival_word(double time, bool event)
{
	uint64		bits;

	time += 0.0;
	memcpy(&bits, &time, sizeof(bits));
	return bits << 1 | event;
}

/* Add "weight" subjects: 0 <= entry < duration, or both 0, and weight >= 0. */
static inline void
survival_add(SurvivalRows *rows, double duration, bool event, double entry, int64 weight)
{
	tally_add_word(rows->exits, survival_word(duration, event), weight);
	if (entry > 0)
		survival_add_entry(rows, entry, weight);
}

#endif							/* CM_SURVIVAL_H */
