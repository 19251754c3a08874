/*
 * oneperiod.c
 *		The rarely taken paths of oneperiod.h: an error, and a policy that is new.
 */
#include "postgres.h"

#include "utils/fmgroids.h"

#include "oneperiod.h"

/* Raises 22023 with the period that is not allowed. */
void
period_error(Datum period)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("period must be a range [a,b) of two finite bounds, not %s",
					OidOutputFunctionCall(F_RANGE_OUT, period)),
			 errhint("For a month: '[2024-06-01,2024-07-01)'.")));
}

/*
 * The policy argument, checked, also in the form that the state keeps; the
 * call's own copy of the last one is at hand.
 */
const PolicyCache *
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
