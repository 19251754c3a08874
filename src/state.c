/*
 * state.c
 *		The aggregate state: a ledger while rows are still arriving.
 *
 * The state is the type itself, so that partial states travel between
 * processes and servers like any value.  It has three forms:
 *
 * flat, working	LedgerHeader, [LedgerPeriod], rows in order of arrival, slack
 *					inside VARSIZE.  Grows by doubling from 64 bytes; no memory
 *					context of its own, so that millions of groups stay cheap.
 * flat, canonical	what ledger.h describes: finished ledgers, and states that
 *					only ever united such.
 * expanded			once a flat state would pass FLAT_LIMIT: an expanded object
 *					that is a child of the aggregate's context.  Rows go into one
 *					of 256 partitions by the top bits of the key, canonical
 *					ledgers onto a stack of runs.
 *
 * A working row costs 24 bytes with bigint customers and dates: 8 for the key,
 * 4 + 4 for the days, 8 for the mrr (timestamps add 8, uuid and text customers
 * add 8).  Because the partitions are ranges of keys, compacting them one by
 * one yields an ordered run: scatter a partition into small buckets (it fits
 * the second-level cache), order each bucket, write the customers.  Runs are
 * united pairwise, each with one of similar size, so n small ledgers cost
 * n log n and two large ones one pass.
 *
 * Compacting changes the form, never the content: it may happen in the middle
 * of an aggregation, as in a window frame, and any number of times.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "port/pg_bitutils.h"
#include "utils/memutils.h"

#include "state.h"
#include "canonical.h"

#define FLAT_LIMIT			(64 * 1024) /* bytes of a flat working state */
#define FLAT_UNION_LIMIT	(8 * 1024)	/* bytes of a flat union: each costs a copy */
#define PARTITIONS			256
#define CHUNK_BYTES			8192	/* the largest that the allocator pools */
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
	RowChunk   *chunks[PARTITIONS];
	uint64		partition_rows[PARTITIONS];
	int			nruns;
	LedgerRun	runs[MAX_RUNS]; /* each less than half as large as the one before */
} LedgerState;

static Size state_flat_size(ExpandedObjectHeader *eohptr);
static void state_flatten_into(ExpandedObjectHeader *eohptr, void *result, Size allocated);

static const ExpandedObjectMethods state_methods = {
	state_flat_size,
	state_flatten_into
};

/* ------------------------------------------------------------------
 * Working rows
 * ------------------------------------------------------------------
 */

static inline Size
row_size(uint8 flags)
{
	return (ledger_wide_key(flags) ? 16 : 8) + ((flags & LEDGER_IN_DAYS) ? 8 : 16) +
		((flags & LEDGER_HAS_MRR) ? 8 : 0);
}

static inline Size
rows_offset(uint8 flags)
{
	return MAXALIGN(sizeof(LedgerHeader)) + ((flags & LEDGER_HAS_PERIOD) ? sizeof(LedgerPeriod) : 0);
}

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

/* ------------------------------------------------------------------
 * From rows to canonical blocks
 * ------------------------------------------------------------------
 */

static inline int
compare_keys(const SubscriptionRow *a, const SubscriptionRow *b)
{
	if (a->key[0] != b->key[0])
		return a->key[0] < b->key[0] ? -1 : 1;
	if (a->key[1] != b->key[1])
		return a->key[1] < b->key[1] ? -1 : 1;
	return 0;
}

#define ST_SORT sort_rows_by_key
#define ST_ELEMENT_TYPE SubscriptionRow
#define ST_COMPARE(a, b) compare_keys(a, b)
#define ST_SCOPE static
#define ST_CHECK_FOR_INTERRUPTS
#define ST_DECLARE
#define ST_DEFINE
#include "lib/sort_template.h"

#define ST_SORT sort_changes
#define ST_ELEMENT_TYPE LedgerChange
#define ST_COMPARE(a, b) ((a)->at < (b)->at ? -1 : (a)->at > (b)->at)
#define ST_SCOPE static
#define ST_CHECK_FOR_INTERRUPTS
#define ST_DECLARE
#define ST_DEFINE
#include "lib/sort_template.h"

static inline void
order_changes(LedgerChange *changes, int64 n)
{
	int64		i;

	if (n > 32)
	{
		sort_changes(changes, n);
		return;
	}
	for (i = 1; i < n; i++)
	{
		LedgerChange change = changes[i];
		int64		j = i;

		for (; j > 0 && changes[j - 1].at > change.at; j--)
			changes[j] = changes[j - 1];
		changes[j] = change;
	}
}

static inline void
order_rows(SubscriptionRow *rows, Size n)
{
	Size		i;

	if (n > 24)
	{
		sort_rows_by_key(rows, n);
		return;
	}
	for (i = 1; i < n; i++)
	{
		SubscriptionRow row;
		Size		j = i;

		if (compare_keys(&rows[i - 1], &rows[i]) <= 0)
			continue;
		row = rows[i];
		for (; j > 0 && compare_keys(&rows[j - 1], &row) > 0; j--)
			rows[j] = rows[j - 1];
		rows[j] = row;
	}
}

/* Append one customer, given all its rows. */
static void
customer_to_run(const SubscriptionRow *rows, Size n, uint8 flags, LedgerRun *run)
{
	LedgerChange few[64];
	LedgerChange *changes = few;
	int64		nchanges = 0;
	Size		i;

	if (2 * n > lengthof(few))
		changes = palloc_extended(2 * n * sizeof(LedgerChange), MCXT_ALLOC_HUGE);
	for (i = 0; i < n; i++)
	{
		changes[nchanges].at = rows[i].start;
		changes[nchanges].rows = 1;
		changes[nchanges++].mrr = rows[i].mrr;
		if (rows[i].end != ROW_RUNNING)
		{
			changes[nchanges].at = rows[i].end;
			changes[nchanges].rows = -1;
			changes[nchanges++].mrr = -(int128) rows[i].mrr;
		}
	}
	if (n > 1)
	{
		order_changes(changes, nchanges);
		nchanges = changes_add_up(changes, nchanges);
	}
	if (nchanges > 0)
		run_add_customer(run, ledger_wide_key(flags), rows[0].key, changes, nchanges);
	if (changes != few)
		pfree(changes);
}

/* Append the customers of these rows in order of their keys; reorders the rows. */
static void
rows_to_run(SubscriptionRow *rows, Size n, uint8 flags, LedgerRun *run)
{
	Size		first = 0;
	Size		i;

	order_rows(rows, n);
	for (i = 1; i <= n; i++)
		if (i == n || compare_keys(&rows[first], &rows[i]) != 0)
		{
			customer_to_run(rows + first, i - first, flags, run);
			first = i;
		}
}

/* ------------------------------------------------------------------
 * The expanded state
 * ------------------------------------------------------------------
 */

static LedgerState *
state_create(uint8 flags, const LedgerPeriod *period, MemoryContext parent)
{
	MemoryContext context = AllocSetContextCreate(parent, "subscription ledger",
												  ALLOCSET_DEFAULT_SIZES);
	LedgerState *state = MemoryContextAllocZero(context, sizeof(LedgerState));

	EOH_init_header(&state->hdr, &state_methods, context);
	state->flags = flags & ~LEDGER_CANONICAL;
	state->period = *period;
	state->rows_context = AllocSetContextCreate(context, "subscription ledger rows",
												ALLOCSET_DEFAULT_SIZES);
	return state;
}

static LedgerState *
expanded_state(Datum datum)
{
	LedgerState *state = (LedgerState *) DatumGetEOHP(datum);

	if (state->hdr.eoh_methods != &state_methods)
		elog(ERROR, "expanded object is not a subscription_ledger");
	return state;
}

static LedgerView
run_view(const LedgerState *state, const LedgerRun *run)
{
	LedgerView	view;

	view.flags = state->flags | LEDGER_CANONICAL;
	view.flags &= ~LEDGER_IN_DAYS;
	view.period = state->period;
	view.customers = run ? run->customers : 0;
	view.data = run ? run->data : NULL;
	view.end = run ? run->data + run->used : NULL;
	return view;
}

/* A new chunk for a partition, an eighth of what it holds or one pool block. */
static RowChunk *
partition_grow(LedgerState *state, int partition)
{
	Size		size = row_size(state->flags);
	Size		bytes = CHUNK_BYTES;
	RowChunk   *chunk;

	while (bytes > 512 && bytes > state->partition_rows[partition] * size / 2)
		bytes /= 2;
	chunk = MemoryContextAlloc(state->rows_context, bytes);
	chunk->previous = state->chunks[partition];
	chunk->used = 0;
	chunk->capacity = (bytes - offsetof(RowChunk, rows)) / size;
	state->chunks[partition] = chunk;
	return chunk;
}

static inline void
state_append(LedgerState *state, const SubscriptionRow *row)
{
	int			partition = row->key[0] >> 56;
	RowChunk   *chunk = state->chunks[partition];

	if (unlikely(chunk == NULL || chunk->used == chunk->capacity))
		chunk = partition_grow(state, partition);
	put_row(chunk->rows + chunk->used * row_size(state->flags), state->flags, row);
	chunk->used++;
	state->partition_rows[partition]++;
	state->rows++;
}

/* Copy a working row of constant size. */
static pg_attribute_always_inline void
scatter_rows(const RowChunk *chunk, Size size, int shift, uint32 mask,
			 uint32 *next, uint8 *target)
{
	for (; chunk; chunk = chunk->previous)
	{
		uint32		i;

		for (i = 0; i < chunk->used; i++)
		{
			const uint8 *row = chunk->rows + i * size;
			uint64		key;

			memcpy(&key, row, 8);
			memcpy(target + next[(key >> shift) & mask]++ * size, row, size);
		}
	}
}

/* Working memory of a compaction. */
typedef struct Scratch
{
	uint8	   *rows;			/* a partition in bucket order */
	uint32	   *ends;			/* where each bucket ends */
	SubscriptionRow *bucket;
	Size		bucket_size;
} Scratch;

/* Append the customers of one partition; its rows are not needed any more. */
static void
partition_to_run(LedgerState *state, int partition, Scratch *scratch, LedgerRun *run)
{
	uint8		flags = state->flags;
	Size		size = row_size(flags);
	uint64		n = state->partition_rows[partition];
	const RowChunk *chunk;
	int			bits = 0;
	int			shift;
	uint32		mask;
	uint32		start = 0;
	uint32		bucket;

	while (bits < 16 && n >> bits > 2)
		bits++;
	shift = 56 - bits;
	mask = (1U << bits) - 1;

	memset(scratch->ends, 0, sizeof(uint32) << bits);
	for (chunk = state->chunks[partition]; chunk; chunk = chunk->previous)
	{
		uint32		i;

		for (i = 0; i < chunk->used; i++)
		{
			uint64		key;

			memcpy(&key, chunk->rows + i * size, 8);
			scratch->ends[(key >> shift) & mask]++;
		}
	}
	for (bucket = 0; bucket <= mask; bucket++)
	{
		uint32		count = scratch->ends[bucket];

		scratch->ends[bucket] = start;
		start += count;
	}
	chunk = state->chunks[partition];
	switch (size)
	{
		case 16:
			scatter_rows(chunk, 16, shift, mask, scratch->ends, scratch->rows);
			break;
		case 24:
			scatter_rows(chunk, 24, shift, mask, scratch->ends, scratch->rows);
			break;
		case 32:
			scatter_rows(chunk, 32, shift, mask, scratch->ends, scratch->rows);
			break;
		default:
			Assert(size == 40);
			scatter_rows(chunk, 40, shift, mask, scratch->ends, scratch->rows);
	}

	start = 0;
	for (bucket = 0; bucket <= mask; bucket++)
	{
		uint32		end = scratch->ends[bucket];
		uint32		i;

		if (start == end)
			continue;
		if (unlikely(end - start > scratch->bucket_size))
		{
			CHECK_FOR_INTERRUPTS();
			pfree(scratch->bucket);
			scratch->bucket_size = end - start;
			scratch->bucket = palloc_extended(scratch->bucket_size * sizeof(SubscriptionRow),
											  MCXT_ALLOC_HUGE);
		}
		for (i = start; i < end; i++)
			get_row(scratch->rows + i * size, flags, &scratch->bucket[i - start]);
		rows_to_run(scratch->bucket, end - start, flags, run);
		start = end;
	}
}

static void
run_create(LedgerRun *run, MemoryContext context, Size bytes)
{
	run->used = 0;
	run->customers = 0;
	run->allocated = bytes;
	run->data = MemoryContextAllocHuge(context, bytes);
}

/* Give back what a finished run does not use. */
static void
run_trim(LedgerRun *run)
{
	run->allocated = Max(run->used, 64);
	run->data = repalloc_huge(run->data, run->allocated);
}

/* Unite the two topmost runs. */
static void
state_merge_top(LedgerState *state)
{
	LedgerRun  *a = &state->runs[state->nruns - 2];
	LedgerRun  *b = &state->runs[state->nruns - 1];
	LedgerView	view_a = run_view(state, a);
	LedgerView	view_b = run_view(state, b);
	LedgerRun	merged;

	run_create(&merged, state->hdr.eoh_context, a->used + b->used + 64);
	run_merge(&merged, &view_a, &view_b);
	pfree(a->data);
	pfree(b->data);
	run_trim(&merged);
	*a = merged;
	state->nruns--;
}

static void
state_push_run(LedgerState *state, const LedgerRun *run)
{
	state->runs[state->nruns++] = *run;
	while (state->nruns > 1 &&
		   state->runs[state->nruns - 2].used <= 2 * state->runs[state->nruns - 1].used)
		state_merge_top(state);
	Assert(state->nruns < MAX_RUNS);
}

static void
state_push_view(LedgerState *state, const LedgerView *view)
{
	LedgerRun	run;

	if (view->customers == 0)
		return;
	run_create(&run, state->hdr.eoh_context, Max(view->end - view->data, 64));
	memcpy(run.data, view->data, view->end - view->data);
	run.used = view->end - view->data;
	run.customers = view->customers;
	state_push_run(state, &run);
}

/* Bring the state into one canonical run (or none). */
static void
state_compact(LedgerState *state)
{
	if (state->rows > 0)
	{
		Scratch		scratch;
		LedgerRun	run;
		uint64		largest = 0;
		int			i;

		for (i = 0; i < PARTITIONS; i++)
			largest = Max(largest, state->partition_rows[i]);
		if (largest > PG_UINT32_MAX)
			ereport(ERROR,
					(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
					 errmsg("too many rows of too few customers for one subscription_ledger")));
		scratch.rows = palloc_extended(largest * row_size(state->flags), MCXT_ALLOC_HUGE);
		scratch.ends = palloc(sizeof(uint32) << 16);
		scratch.bucket_size = 64;
		scratch.bucket = palloc(scratch.bucket_size * sizeof(SubscriptionRow));
		/* memory is only used as far as it is written */
		run_create(&run, state->hdr.eoh_context, state->rows * row_size(state->flags) + 1024);
		for (i = 0; i < PARTITIONS; i++)
		{
			CHECK_FOR_INTERRUPTS();
			if (state->partition_rows[i] > 0)
				partition_to_run(state, i, &scratch, &run);
		}
		pfree(scratch.rows);
		pfree(scratch.ends);
		pfree(scratch.bucket);

		MemoryContextReset(state->rows_context);
		memset(state->chunks, 0, sizeof(state->chunks));
		memset(state->partition_rows, 0, sizeof(state->partition_rows));
		state->rows = 0;
		run_trim(&run);
		state_push_run(state, &run);
	}
	while (state->nruns > 1)
		state_merge_top(state);
}

/* ------------------------------------------------------------------
 * Flat values
 * ------------------------------------------------------------------
 */

static Size
view_flat_size(const LedgerView *view)
{
	Size		size = sizeof(LedgerHeader) + (view->end - view->data) +
		((view->flags & LEDGER_HAS_PERIOD) ? sizeof(LedgerPeriod) : 0);

	if (size > MaxAllocSize)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("subscription_ledger needs %zu bytes, more than the %zu that a value can have",
						size, (Size) MaxAllocSize),
				 errhint("Build one ledger per segment with GROUP BY and add up the reports.")));
	return size;
}

static void
view_flatten_into(const LedgerView *view, LedgerHeader *flat, Size size)
{
	uint8	   *p = (uint8 *) flat;

	SET_VARSIZE(flat, size);
	flat->version = LEDGER_VERSION;
	flat->flags = view->flags;
	flat->reserved = 0;
	store_u32(p + offsetof(LedgerHeader, count), view->customers);
	p += sizeof(LedgerHeader);
	if (view->flags & LEDGER_HAS_PERIOD)
	{
		store_u64(p, (uint64) view->period.from);
		store_u64(p + 8, (uint64) view->period.until);
		store_u64(p + 16, (uint64) view->period.margin);
		p += sizeof(LedgerPeriod);
	}
	memcpy(p, view->data, view->end - view->data);
}

/* The canonical value of a view, in the current context. */
LedgerHeader *
ledger_flatten(const LedgerView *view)
{
	Size		size = view_flat_size(view);
	LedgerHeader *flat = palloc(size);

	view_flatten_into(view, flat, size);
	return flat;
}

static Size
state_flat_size(ExpandedObjectHeader *eohptr)
{
	LedgerState *state = (LedgerState *) eohptr;
	LedgerView	view;

	state_compact(state);
	view = run_view(state, state->nruns ? &state->runs[0] : NULL);
	return view_flat_size(&view);
}

static void
state_flatten_into(ExpandedObjectHeader *eohptr, void *result, Size allocated)
{
	LedgerState *state = (LedgerState *) eohptr;
	LedgerView	view = run_view(state, state->nruns ? &state->runs[0] : NULL);

	view_flatten_into(&view, result, allocated);
}

/* Open a flat value whose header is sound; where it is not, raise an error. */
static void
flat_open(const LedgerHeader *flat, LedgerView *view)
{
	if (ledger_open_header((const uint8 *) flat + VARHDRSZ, VARSIZE(flat) - VARHDRSZ, view) != NULL)
		ledger_corrupted();
	if (!(view->flags & LEDGER_CANONICAL) &&
		(VARSIZE(flat) < rows_offset(view->flags) ||
		 (VARSIZE(flat) - rows_offset(view->flags)) / row_size(view->flags) < flat->count))
		ledger_corrupted();
}

/* The rows of a flat working state as canonical blocks in the current context. */
static void
flat_rows_to_view(const LedgerHeader *flat, LedgerView *view)
{
	uint8		flags = view->flags;
	const uint8 *rows = (const uint8 *) flat + rows_offset(flags);
	SubscriptionRow few[16];
	SubscriptionRow *unpacked = few;
	LedgerRun	run;
	uint32		i;

	if (flat->count > lengthof(few))
		unpacked = palloc_extended(flat->count * sizeof(SubscriptionRow), MCXT_ALLOC_HUGE);
	for (i = 0; i < flat->count; i++)
		get_row(rows + i * row_size(flags), flags, &unpacked[i]);
	run_create(&run, CurrentMemoryContext, 64 + flat->count * 32);
	rows_to_run(unpacked, flat->count, flags, &run);
	if (unpacked != few)
		pfree(unpacked);
	view->flags = (flags | LEDGER_CANONICAL) & ~LEDGER_IN_DAYS;
	view->customers = run.customers;
	view->data = run.data;
	view->end = run.data + run.used;
}

/*
 * A canonical view of any state or value: NULL is not among them.  An expanded
 * one is compacted in place, which does not change what it holds.
 */
LedgerView
ledger_state(Datum datum)
{
	LedgerView	view;
	LedgerHeader *flat;

	if (VARATT_IS_EXTERNAL_EXPANDED(DatumGetPointer(datum)))
	{
		LedgerState *state = expanded_state(datum);

		state_compact(state);
		return run_view(state, state->nruns ? &state->runs[0] : NULL);
	}
	flat = (LedgerHeader *) PG_DETOAST_DATUM(datum);
	flat_open(flat, &view);
	if (!(view.flags & LEDGER_CANONICAL))
		flat_rows_to_view(flat, &view);
	return view;
}

/* ------------------------------------------------------------------
 * Adding to a state
 * ------------------------------------------------------------------
 */

/* The context that a state lives in; an error outside of an aggregate. */
MemoryContext
aggregate_context(FunctionCallInfo fcinfo)
{
	MemoryContext aggcontext;

	if (!AggCheckCallContext(fcinfo, &aggcontext))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("support function of an aggregate called outside of one")));
	return aggcontext;
}

static LedgerHeader *
flat_create(uint8 flags, const LedgerPeriod *period, Size bytes)
{
	LedgerHeader *flat = palloc0(bytes);

	SET_VARSIZE(flat, bytes);
	flat->version = LEDGER_VERSION;
	flat->flags = flags;
	if (flags & LEDGER_HAS_PERIOD)
	{
		uint8	   *p = (uint8 *) flat + sizeof(LedgerHeader);

		store_u64(p, (uint64) period->from);
		store_u64(p + 8, (uint64) period->until);
		store_u64(p + 16, (uint64) period->margin);
	}
	return flat;
}

/* Turn a flat state into an expanded one. */
static LedgerState *
state_promote(const LedgerHeader *flat, const LedgerView *view, MemoryContext aggcontext)
{
	LedgerState *state = state_create(view->flags, &view->period, aggcontext);

	if (view->flags & LEDGER_CANONICAL)
		state_push_view(state, view);
	else
	{
		const uint8 *rows = (const uint8 *) flat + rows_offset(view->flags);
		Size		size = row_size(view->flags);
		uint32		i;

		for (i = 0; i < flat->count; i++)
		{
			SubscriptionRow row;

			get_row(rows + i * size, view->flags, &row);
			if (view->flags & LEDGER_IN_DAYS)
			{
				row.start /= USECS_PER_DAY;
				if (row.end != ROW_RUNNING)
					row.end /= USECS_PER_DAY;
			}
			state_append(state, &row);
		}
	}
	return state;
}

static void
period_changed(void)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("period and gross_margin must be the same in all rows of a group"),
			 errhint("Group by the period, or use a series function for many periods.")));
}

/*
 * Transition: add a row to a state, in place where there is room.  With row NULL
 * the state comes to be, but holds no row.
 */
Datum
state_add_row(Datum datum, bool isnull, uint8 flags, const LedgerPeriod *period,
			  const SubscriptionRow *row, MemoryContext aggcontext)
{
	Size		size = row_size(flags);
	Size		offset = rows_offset(flags);
	LedgerHeader *flat;
	Size		bytes;

	if (isnull)
	{
		bytes = 64;
		while (bytes < offset + size)
			bytes *= 2;
		flat = flat_create(flags, period, bytes);
	}
	else if (VARATT_IS_EXTERNAL_EXPANDED(DatumGetPointer(datum)))
	{
		LedgerState *state = expanded_state(datum);

		if ((flags & LEDGER_HAS_PERIOD) &&
			memcmp(&state->period, period, sizeof(LedgerPeriod)) != 0)
			period_changed();
		if (row)
			state_append(state, row);
		return datum;
	}
	else
	{
		flat = (LedgerHeader *) DatumGetPointer(datum);
		if (unlikely(flat->flags != flags))
			elog(ERROR, "aggregate state does not fit its transition function");
		if (flags & LEDGER_HAS_PERIOD)
		{
			const uint8 *p = (const uint8 *) flat + sizeof(LedgerHeader);

			if (load_u64(p) != (uint64) period->from || load_u64(p + 8) != (uint64) period->until ||
				load_u64(p + 16) != (uint64) period->margin)
				period_changed();
		}
		bytes = VARSIZE(flat);
		if (row && offset + (flat->count + 1) * size > bytes)
		{
			LedgerHeader *grown;

			if (2 * bytes > FLAT_LIMIT)
			{
				LedgerView	view;
				LedgerState *state;

				flat_open(flat, &view);
				state = state_promote(flat, &view, aggcontext);
				state_append(state, row);
				return EOHPGetRWDatum(&state->hdr);
			}
			grown = palloc0(2 * bytes);
			memcpy(grown, flat, offset + flat->count * size);
			SET_VARSIZE(grown, 2 * bytes);
			flat = grown;
		}
	}
	if (row)
		put_row((uint8 *) flat + offset + flat->count++ * size, flags, row);
	return PointerGetDatum(flat);
}

static const char *
kind_text(uint8 flags)
{
	return psprintf("%s customers, %s, %s mrr",
					(flags & LEDGER_CUSTOMER_MASK) == LEDGER_CUSTOMER_BIGINT ? "bigint" :
					(flags & LEDGER_CUSTOMER_MASK) == LEDGER_CUSTOMER_UUID ? "uuid" : "text",
					(flags & LEDGER_INSTANTS) ? "instants (timestamptz)" : "local time (date, timestamp)",
					(flags & LEDGER_HAS_MRR) ? "with" : "without");
}

static void
check_same_kind(const LedgerView *a, const LedgerView *b)
{
	if ((a->flags & LEDGER_KIND_MASK) != (b->flags & LEDGER_KIND_MASK))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("subscription ledgers of different kinds cannot be merged"),
				 errdetail("One has %s, the other %s.", kind_text(a->flags), kind_text(b->flags))));
	if (memcmp(&a->period, &b->period, sizeof(LedgerPeriod)) != 0)
		period_changed();
}

/* Open either argument of a union without changing its form. */
static LedgerState *
open_for_union(Datum datum, LedgerHeader **flat, LedgerView *view)
{
	if (VARATT_IS_EXTERNAL_EXPANDED(DatumGetPointer(datum)))
	{
		LedgerState *state = expanded_state(datum);

		*flat = NULL;
		*view = run_view(state, NULL);
		return state;
	}
	*flat = (LedgerHeader *) PG_DETOAST_DATUM(datum);
	flat_open(*flat, view);
	return NULL;
}

/*
 * The union of two states.  The first is the aggregate's own and may be changed
 * or replaced; the second is copied.  With the first one 0 the result is a copy
 * of the second.
 */
Datum
state_unite(Datum datum, Datum other, MemoryContext aggcontext)
{
	LedgerHeader *flat;
	LedgerHeader *other_flat;
	LedgerView	view;
	LedgerView	other_view;
	LedgerState *state;
	LedgerState *other_state = open_for_union(other, &other_flat, &other_view);

	if (datum == (Datum) 0)
	{
		if (other_flat && VARSIZE(other_flat) <= FLAT_UNION_LIMIT)
			return PointerGetDatum(other_flat);
		state = state_create(other_view.flags, &other_view.period, aggcontext);
	}
	else
	{
		state = open_for_union(datum, &flat, &view);
		check_same_kind(&view, &other_view);
		if (state == NULL && other_flat &&
			VARSIZE(flat) + VARSIZE(other_flat) <= FLAT_UNION_LIMIT)
		{
			LedgerView	merged;
			LedgerRun	run;

			if (!(view.flags & LEDGER_CANONICAL))
				flat_rows_to_view(flat, &view);
			if (!(other_view.flags & LEDGER_CANONICAL))
				flat_rows_to_view(other_flat, &other_view);
			merged = view;
			run_create(&run, CurrentMemoryContext,
					   (view.end - view.data) + (other_view.end - other_view.data) + 64);
			run_merge(&run, &view, &other_view);
			merged.customers = run.customers;
			merged.data = run.data;
			merged.end = run.data + run.used;
			return PointerGetDatum(ledger_flatten(&merged));
		}
		if (state == NULL)
			state = state_promote(flat, &view, aggcontext);
	}

	if (other_state)
	{
		state_compact(other_state);
		other_view = run_view(other_state, other_state->nruns ? &other_state->runs[0] : NULL);
	}
	else if (!(other_view.flags & LEDGER_CANONICAL))
		flat_rows_to_view(other_flat, &other_view);
	state_push_view(state, &other_view);
	return EOHPGetRWDatum(&state->hdr);
}
