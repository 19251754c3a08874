/*
 * history.h
 *		A customer's changes as a policy wants them counted.
 *
 *		History history;
 *
 *		customer_history_begin(&history, &policy, &clock, has_mrr);
 *		... for each customer: customer_history_of(&history, scan.changes, scan.n);
 *		... history.changes[0 .. history.n - 1] ...
 *		customer_history_end(&history);
 *
 * Where the policy leaves the history alone, the changes are the scan's own.
 * Otherwise they are written anew: gaps within the grace are closed, absences
 * below the minimum become stretches at no MRR, moments are moved for the
 * boundary.  Then "rows" is +1 or -1 as the customer becomes active or inactive,
 * and +NEW_LIFE or -NEW_LIFE in a life that began behind the reactivation window.
 * In either case the customer is active while the sum of rows is above zero, if
 * by_rows, else while its MRR is.
 */
#ifndef CM_HISTORY_H
#define CM_HISTORY_H

#include "periods.h"
#include "policy.h"
#include "scan.h"

#define NEW_LIFE		2

/* An interval, and what it can be in microseconds wherever it begins. */
typedef struct TimeSpan
{
	Interval	interval;
	int64		least;
	int64		most;
} TimeSpan;

typedef struct History
{
	/* the current customer */
	const LedgerChange *changes;
	int64		n;

	bool		by_rows;
	bool		lives;			/* changes tell where a new life begins */

	bool		rewrite;
	bool		raw_by_rows;
	bool		at;
	const Clock *clock;
	TimeSpan	grace;
	TimeSpan	minimum_absence;
	TimeSpan	window;
	LedgerChange *buffer;
	Size		allocated;
	LedgerChange few[FEW_CHANGES];
} History;

extern TimeSpan time_span(const Interval *interval, bool instants);
extern int	compare_span(const Clock *clock, int64 from, int64 to, const TimeSpan *span);

extern void customer_history_begin(History *history, const ChurnPolicy *policy, const Clock *clock, bool has_mrr);
extern void customer_history_rewrite(History *history, const LedgerChange *changes, int64 n);
extern void customer_history_end(History *history);

/* Take a customer's changes. */
static inline void
customer_history_of(History *history, const LedgerChange *changes, int64 n)
{
	if (history->rewrite)
		customer_history_rewrite(history, changes, n);
	else
	{
		history->changes = changes;
		history->n = n;
	}
}

/* A customer's standing between two changes. */
typedef struct CustomerState
{
	int64		rows;
	int128		sum;
	int128		mrr;
	bool		active;
} CustomerState;

/* Let a change happen. */
static inline void
apply_change(CustomerState *state, const LedgerChange *change, bool by_rows)
{
	state->rows += change->rows;
	state->sum += change->mrr;
	state->active = by_rows ? state->rows > 0 : state->sum > 0;
	state->mrr = state->sum > 0 ? state->sum : 0;
}

#endif							/* CM_HISTORY_H */
