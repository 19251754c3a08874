/*
 * oneperiod.h
 *		The arguments that an aggregate over one period takes behind those of its
 *		rows: the period, and a policy.  Inlined into the transition functions, as
 *		rows.h is.
 */
#ifndef CM_ONEPERIOD_H
#define CM_ONEPERIOD_H

#include "access/htup_details.h"
#include "utils/fmgroids.h"
#include "utils/rangetypes.h"

#include "policy.h"
#include "rows.h"

/* Raises 22023 with the period that is not allowed. */
static inline void
period_error(Datum period)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("period must be a range [a,b) of two finite bounds, not %s",
					OidOutputFunctionCall(F_RANGE_OUT, period)),
			 errhint("For a month: '[2024-06-01,2024-07-01)'.")));
}

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

/* The policy of the rows before, so that it is read once. */
typedef struct PolicyCache
{
	HeapTupleHeader datum;
	ChurnPolicy policy;
	bool		is_standard;
	uint64		words[POLICY_WORDS];
} PolicyCache;

/*
 * The policy argument, checked, also in the form that the state keeps; the
 * call's own copy of the last one is at hand.
 */
static inline const PolicyCache *
policy_of_row(FunctionCallInfo fcinfo, int argument, void (*check) (const ChurnPolicy *))
{
	PolicyCache *cache = fcinfo->flinfo->fn_extra;
	HeapTupleHeader datum = PG_ARGISNULL(argument) ? NULL : DatumGetHeapTupleHeader(PG_GETARG_DATUM(argument));
	ChurnPolicy policy;
	MemoryContext old;

	if (cache && (datum == NULL) == (cache->datum == NULL) &&
		(datum == NULL ||
		 (HeapTupleHeaderGetDatumLength(datum) == HeapTupleHeaderGetDatumLength(cache->datum) &&
		  memcmp(datum, cache->datum, HeapTupleHeaderGetDatumLength(datum)) == 0)))
		return cache;

	policy_argument(fcinfo, argument, &policy);
	check(&policy);
	old = MemoryContextSwitchTo(fcinfo->flinfo->fn_mcxt);
	if (cache == NULL)
		fcinfo->flinfo->fn_extra = cache = palloc0(sizeof(PolicyCache));
	if (cache->datum)
		pfree(cache->datum);
	cache->datum = NULL;
	cache->policy = policy;
	cache->is_standard = policy_is_standard(&policy);
	policy_store(&policy, cache->words);
	if (datum)
	{
		cache->datum = palloc(HeapTupleHeaderGetDatumLength(datum));
		memcpy(cache->datum, datum, HeapTupleHeaderGetDatumLength(datum));
	}
	MemoryContextSwitchTo(old);
	return cache;
}

#endif							/* CM_ONEPERIOD_H */
