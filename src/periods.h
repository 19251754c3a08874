/*
 * periods.h
 *		The grid of periods that a series is reported on.  See docs/periods.md.
 */
#ifndef CM_PERIODS_H
#define CM_PERIODS_H

#include "fmgr.h"
#include "utils/date.h"
#include "utils/timestamp.h"

/* What a caller asks for, before a ledger is at hand. */
typedef struct PeriodRequest
{
	int32		months;			/* length of a period: months or days, the other 0 */
	int32		days;
	DateADT		origin;			/* the grid passes through here */
	bool		has_since;
	bool		has_until;
	DateADT		since;
	DateADT		until;			/* exclusive */
	text	   *time_zone;		/* NULL: the session's */

	/* what a policy asks for */
	bool		at;				/* periods are (a, b]: moments come a microsecond earlier */
	int			earlier;		/* so many periods before the first one shown; that one is whole */
	Interval	settle[2];		/* a period is complete when so much more time has passed */
} PeriodRequest;

/* How moments and days belong together: local time, or instants in a zone.  All zero also serves for UTC. */
typedef struct Clock
{
	bool		instants;
	pg_tz	   *rules;			/* of the zone */
	text	   *abbreviation;	/* where it has none: a fixed offset, or one that changed with time */
} Clock;

/*
 * Periods 0 .. n-1, adjacent.  A moment's period is found by a table of equal
 * slots, each with the period at its beginning, and a step or two from there;
 * so the number of periods costs nothing per breakpoint.
 */
typedef struct PeriodGrid
{
	int			n;
	DateADT    *dates;			/* n + 1 bounds, as cut by since and until */
	int64	   *moments;		/* the same as timestamps */
	DateADT    *grid_dates;		/* n beginnings, uncut */
	bool	   *complete;
	int			shown;			/* first period to be shown */
	int64		last_uncut;		/* end of the last period, uncut, as timestamp */

	int			shift;			/* a slot is 2^shift microseconds */
	int64		nslots;
	int32	   *slots;
} PeriodGrid;

#define PERIOD_BEFORE		(-1)

extern DateADT finite_date(DateADT date, const char *argument);
extern PeriodRequest period_request(FunctionCallInfo fcinfo, int every, int since, int origin);
extern Clock period_clock(const PeriodRequest *request, bool instants);
extern int64 clock_add(const Clock *clock, int64 moment, const Interval *interval);
extern DateADT clock_date(const Clock *clock, int64 moment);
extern int64 clock_midnight(const Clock *clock, DateADT date);
extern void period_between(int64 from, int64 until, PeriodGrid *grid);
extern bool periods_make(const PeriodRequest *request, bool instants, bool has_rows,
						 int64 first_start, bool whole_history, PeriodGrid *grid);

/* The period of a moment: PERIOD_BEFORE, 0 .. n-1, or n for later ones. */
static inline int
period_of(const PeriodGrid *grid, int64 moment)
{
	int			period;

	if (moment < grid->moments[0])
		return PERIOD_BEFORE;
	if (moment >= grid->moments[grid->n])
		return grid->n;
	period = grid->slots[((uint64) moment - (uint64) grid->moments[0]) >> grid->shift];
	while (moment >= grid->moments[period + 1])
		period++;
	return period;
}

#endif							/* CM_PERIODS_H */
