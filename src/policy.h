/*
 * policy.h
 *		How to count where products differ; see docs/policy.md.
 */
#ifndef CM_POLICY_H
#define CM_POLICY_H

#include "fmgr.h"
#include "utils/timestamp.h"

#include "ledger.h"

typedef enum Denominator
{
	DENOMINATOR_OPENING,
	DENOMINATOR_OPENING_PLUS_NEW,
	DENOMINATOR_AVERAGE
} Denominator;

/* A checked churn_policy; all zero but for the two counts is the standard. */
typedef struct ChurnPolicy
{
	bool		at;				/* boundary */
	bool		events;			/* basis */
	Denominator denominator;
	bool		count_transient;
	bool		count_free;
	bool		reactivation_offsets;
	bool		has_window;		/* reactivation_window is not null */
	Interval	grace;
	Interval	reactivation_window;
	Interval	minimum_absence;
	int32		lookback;
	int32		smoothing;
} ChurnPolicy;

extern void policy_argument(FunctionCallInfo fcinfo, int argument, ChurnPolicy *policy);
extern void policy_from_datum(Datum datum, ChurnPolicy *policy);
extern bool policy_is_standard(const ChurnPolicy *policy);
extern void policy_for_one_period(const ChurnPolicy *policy);
extern void policy_store(const ChurnPolicy *policy, uint64 *words);
extern bool policy_load(const uint64 *words, ChurnPolicy *policy);

/* Is an interval nothing at all? */
static inline bool
interval_is_zero(const Interval *interval)
{
	return interval->month == 0 && interval->day == 0 && interval->time == 0;
}

/* Does the policy change when a customer is active, not only how that is counted? */
static inline bool
policy_changes_history(const ChurnPolicy *policy)
{
	return policy->at || policy->has_window ||
		!interval_is_zero(&policy->grace) || !interval_is_zero(&policy->minimum_absence);
}

/* Do the numerators of churn hold those who come and go within a period? */
static inline bool
policy_counts_transient(const ChurnPolicy *policy)
{
	return policy->count_transient || policy->denominator == DENOMINATOR_OPENING_PLUS_NEW;
}

#endif							/* CM_POLICY_H */
