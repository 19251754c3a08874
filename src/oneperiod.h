/*
 * oneperiod.h
 *		The arguments that an aggregate over one period takes behind those of its
 *		rows: the period, and a policy.  Inlined into the transition functions, as
 *		rows.h is.
 */
#ifndef CM_ONEPERIOD_H
#define CM_ONEPERIOD_H

#include "access/htup_details.h"
#include "utils/rangetypes.h"

#include "policy.h"
#include "rows.h"

/* The policy of the rows before, so that it is read once. */
typedef struct PolicyCache
{
	HeapTupleHeader datum;
	ChurnPolicy policy;
	bool		is_standard;
	uint64		words[POLICY_WORDS];
} PolicyCache;

/* oneperiod.c */
pg_noreturn extern void period_error(Datum period);
extern const PolicyCache *policy_of_row(FunctionCallInfo fcinfo, int argument, void (*check) (const ChurnPolicy *));

/*
 * Read the bounds of a range of fixed-width elements.  The bytes are read as
 * rangetypes.h lays them out, because the range functions look up catalogs.
 */
static inline void
period_bounds(Datum datum, RowTime time, LedgerPeriod *period)
{
	const DateADT date_limit = TIMESTAMP_END_JULIAN - POSTGRES_EPOCH_JDATE;
	RangeType  *range = DatumGetRangeTypeP(datum);
	const char *bounds = (const char *) (range + 1);
	char		flags = *((const char *) range + VARSIZE(range) - 1);

	if (flags != RANGE_LB_INC)
		period_error(datum);	/* empty, unbounded, or other brackets */
	if (time == ROW_DATE)
	{
		DateADT		dates[2];

		memcpy(dates, bounds, sizeof(dates));
		if (DATE_NOT_FINITE(dates[0]) || dates[0] >= date_limit ||
			DATE_NOT_FINITE(dates[1]) || dates[1] >= date_limit)
			period_error(datum);
		period->from = dates[0] * USECS_PER_DAY;
		period->until = dates[1] * USECS_PER_DAY;
	}
	else
	{
		memcpy(&period->from, bounds, sizeof(int64));
		memcpy(&period->until, bounds + sizeof(int64), sizeof(int64));
		if (TIMESTAMP_NOT_FINITE(period->from) || TIMESTAMP_NOT_FINITE(period->until))
			period_error(datum);
	}
}

#endif							/* CM_ONEPERIOD_H */
