/*
 * sweep.h
 *		The one sweep behind every report of movements: what happened to each
 *		customer in each period.  See docs/movements.md and docs/policy.md.
 */
#ifndef CM_SWEEP_H
#define CM_SWEEP_H

#include "history.h"
#include "report.h"

/* What a period did to a customer. */
typedef enum MovementKind
{
	MOVED_NOT,
	MOVED_NEW,
	MOVED_REACTIVATION,
	MOVED_EXPANSION,
	MOVED_CONTRACTION,
	MOVED_CHURNED,
	MOVED_TRANSIENT,			/* came and went within the period, and had been there before */
	MOVED_TRANSIENT_NEW			/* and had not */
} MovementKind;

#define MOVEMENT_KINDS		(MOVED_TRANSIENT_NEW + 1)

/* What happened in one period: customers and MRR by kind of movement, all positive. */
typedef struct Flows
{
	int64		customers[MOVEMENT_KINDS];
	int128		mrr[MOVEMENT_KINDS];
} Flows;

/* How things stand at one moment. */
typedef struct Standing
{
	int64		customers;
	int128		mrr;
} Standing;

/* One customer's movement, for those who ask for more than the sums. */
typedef struct Movement
{
	MovementKind kind;			/* MOVED_NOT: active at opening and closing, with the same MRR */
	uint64		key[2];			/* of the customer; customers come in order of their keys */
	int			first;			/* it belongs to these rows of the series */
	int			last;
	int128		opening;
	int128		closing;
	int64		life_at;		/* first active moment of the life that it is about */
	int64		left_at;		/* churned: when */
	int64		away_from;		/* reactivation: the absence that ended, */
	int64		back_at;
	int128		left_mrr;		/* and the MRR before it */
} Movement;

typedef void (*MovementSink) (void *context, const Movement *movement);

/* The movements of every period of a grid. */
typedef struct MovementSeries
{
	PeriodGrid	grid;
	const ChurnPolicy *policy;
	bool		has_mrr;
	uint64		key[2];			/* of the customer that a sink is told about */
	Flows	   *flows;			/* by period */
	Standing   *standings;		/* at the n + 1 bounds */
} MovementSeries;

extern void series_begin(MovementSeries *series, const ChurnPolicy *policy, bool has_mrr);
extern void series_add(MovementSeries *series, const Ledger *ledger, const Clock *clock,
					   MovementSink sink, void *context);
extern void series_end(MovementSeries *series);
extern bool movement_series(const Ledger *ledger, const ReportRequest *request, MovementSeries *series,
							MovementSink sink, void *context);

/* How things stand at the opening of a row, which may lie some periods back. */
static inline const Standing *
series_opening(const MovementSeries *series, int row)
{
	return &series->standings[Max(row - series->policy->lookback + 1, 0)];
}

/* What the rates of a row are made of: sums, so that those of several rows can be added. */
typedef struct RateParts
{
	int64		lost;			/* customers: numerator and denominator of churn, */
	int64		of;				/* both doubled for the average of opening and closing */
	int128		lost_mrr;		/* contraction and churned */
	int128		net_lost_mrr;	/* less expansion, and what else the policy subtracts */
	int128		opening_mrr;
} RateParts;

extern RateParts rate_parts(const MovementSeries *series, int row);
extern RateParts smoothed_parts(const MovementSeries *series, int row, RateParts *sum);

#endif							/* CM_SWEEP_H */
