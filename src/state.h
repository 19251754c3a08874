/*
 * state.h
 *		The aggregate state of ledgers: how rows and runs lie in it.  See state.c.
 */
#ifndef CM_STATE_H
#define CM_STATE_H

#include "canonical.h"
#include "rows.h"

#define PARTITIONS			256
#define MAX_RUNS			64

typedef struct RowChunk
{
	struct RowChunk *previous;
	uint32		used;
	uint32		capacity;
	uint8		rows[FLEXIBLE_ARRAY_MEMBER];
} RowChunk;

typedef struct LedgerState
{
	ExpandedObjectHeader hdr;
	uint8		flags;			/* of the working rows, without LEDGER_CANONICAL */
	LedgerPeriod period;
	MemoryContext rows_context; /* holds the chunks */
	uint64		rows;			/* in all chunks */
	int64		first_start;	/* of them, as a timestamp */
	RowChunk   *chunks[PARTITIONS];
	uint64		partition_rows[PARTITIONS];
	int			nruns;
	LedgerRun	runs[MAX_RUNS];
} LedgerState;

extern Datum state_add_row(Datum state, bool isnull, uint8 flags, const LedgerPeriod *period,
						   const SubscriptionRow *row, MemoryContext aggcontext);
extern Datum state_unite(Datum state, Datum other, MemoryContext aggcontext);
extern void state_compact(LedgerState *state);
extern LedgerState *expanded_state(Datum datum);
extern LedgerView run_view(const LedgerState *state, const LedgerRun *run);
extern void flat_open(const LedgerHeader *flat, LedgerView *view);
extern LedgerView flat_rows_view(const LedgerHeader *flat);
extern LedgerHeader *ledger_flatten(const LedgerView *view);
extern MemoryContext aggregate_context(FunctionCallInfo fcinfo);

/*
 * Working rows: key, start, end, [mrr], as wide as their kind needs.
 */
static inline Size
row_size(uint8 flags)
{
	return (ledger_wide_key(flags) ? 16 : 8) + ((flags & LEDGER_IN_DAYS) ? 8 : 16) +
		((flags & LEDGER_HAS_MRR) ? 8 : 0);
}

/* Where the rows of a flat working state begin, in bytes from its start. */
static inline Size
rows_offset(uint8 flags)
{
	return MAXALIGN(sizeof(LedgerHeader)) + period_size(flags);
}

/* Write a working row; its times are in days where the flags say dates. */
static inline void
put_row(uint8 *p, uint8 flags, const SubscriptionRow *row)
{
	memcpy(p, row->key, 8);
	p += 8;
	if (ledger_wide_key(flags))
	{
		memcpy(p, &row->key[1], 8);
		p += 8;
	}
	if (flags & LEDGER_IN_DAYS)
	{
		int32		days[2];

		days[0] = (int32) row->start;
		days[1] = row->end == ROW_RUNNING ? PG_INT32_MAX : (int32) row->end;
		memcpy(p, days, 8);
		p += 8;
	}
	else
	{
		memcpy(p, &row->start, 8);
		memcpy(p + 8, &row->end, 8);
		p += 16;
	}
	if (flags & LEDGER_HAS_MRR)
		memcpy(p, &row->mrr, 8);
}

/* Read a working row; its times come as timestamps. */
static inline void
get_row(const uint8 *p, uint8 flags, SubscriptionRow *row)
{
	memcpy(row->key, p, 8);
	p += 8;
	row->key[1] = 0;
	if (ledger_wide_key(flags))
	{
		memcpy(&row->key[1], p, 8);
		p += 8;
	}
	if (flags & LEDGER_IN_DAYS)
	{
		int32		days[2];

		memcpy(days, p, 8);
		row->start = days[0] * USECS_PER_DAY;
		row->end = days[1] == PG_INT32_MAX ? ROW_RUNNING : days[1] * USECS_PER_DAY;
		p += 8;
	}
	else
	{
		memcpy(&row->start, p, 8);
		memcpy(&row->end, p + 8, 8);
		p += 16;
	}
	row->mrr = 0;
	if (flags & LEDGER_HAS_MRR)
		memcpy(&row->mrr, p, 8);
}

#endif							/* CM_STATE_H */
