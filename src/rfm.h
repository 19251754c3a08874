/*
 * rfm.h
 *		The purchases of a customer in four numbers, as rfm makes them and the models
 *		of purchases read them, and the unit of time that goes with them.  See
 *		docs/rfm.md.
 */
#ifndef CM_RFM_H
#define CM_RFM_H

#include "fmgr.h"
#include "lib/stringinfo.h"
#include "utils/timestamp.h"

/* A month is a twelfth of 365.25 days. */
#define USECS_PER_MONTH		INT64CONST(2629800000000)

/* An rfm_summary. */
typedef struct Summary
{
	bool		known;			/* x, t_x and t are not NULL */
	int64		x;				/* purchases after the first */
	double		t_x;			/* from the first to the last */
	double		t;				/* from the first to today */
	bool		has_mean;
	double		mean_value;		/* of the purchases after the first; not yet checked */
	Interval	unit;
} Summary;

/* How long an interval is; months are a twelfth of 365.25 days. */
static inline int128
interval_span(const Interval *interval)
{
	return (int128) interval->month * USECS_PER_MONTH + (int128) interval->day * USECS_PER_DAY + interval->time;
}

extern char *interval_shown(const Interval *interval);
extern bool interval_endless(const Interval *interval);
extern bool is_unit(const Interval *interval);
extern void check_unit(const Interval *unit);
extern void unite_units(Interval *unit, const Interval *other);
extern Summary summary_argument(FunctionCallInfo fcinfo, int argument);

/* What the models of purchases say and read alike. */
extern double finite_result(double value, const char *what);

#endif							/* CM_RFM_H */
