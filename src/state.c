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
 * of an aggregation, as in a window frame, and any number of times.  Reports do
 * not need it: scan.c walks over rows and runs as they are.
 */
#include "postgres.h"

#include "utils/fmgrprotos.h"
#include "utils/memutils.h"

#include "scan.h"

#define FLAT_LIMIT			(64 * 1024) /* bytes of a flat working state */
#define FLAT_MERGE_LIMIT	(8 * 1024)	/* the same where small ledgers are merged into it */
#define VALUE_LIMIT			(MaxAllocSize - 64 * 1024)	/* leaves room for a tuple's header */
#define CHUNK_BYTES			8192	/* the largest that the allocator pools */
#define SMALL_RUN			(1024 * 1024)	/* bytes up to which runs are united at once */
#define MANY_RUNS			8

static Size state_flat_size(ExpandedObjectHeader *eohptr);
static void state_flatten_into(ExpandedObjectHeader *eohptr, void *result, Size allocated);

static const ExpandedObjectMethods state_methods = {
	state_flat_size,
	state_flatten_into
};

/* ------------------------------------------------------------------
 * The expanded state
 * ------------------------------------------------------------------
 */

/* An empty expanded state in a context of its own below the parent. */
static LedgerState *
state_create(uint8 flags, const LedgerPeriod *period, MemoryContext parent)
{
	MemoryContext context = AllocSetContextCreate(parent, "subscription ledger",
												  ALLOCSET_DEFAULT_SIZES);
	LedgerState *state = MemoryContextAllocZero(context, sizeof(LedgerState));

	EOH_init_header(&state->hdr, &state_methods, context);
	state->flags = flags & ~LEDGER_CANONICAL;
	state->period = *period;
	state->first_start = PG_INT64_MAX;
	state->rows_context = AllocSetContextCreate(context, "subscription ledger rows",
												ALLOCSET_DEFAULT_SIZES);
	return state;
}

/* The state that an expanded datum is. */
LedgerState *
expanded_state(Datum datum)
{
	LedgerState *state = (LedgerState *) DatumGetEOHP(datum);

	if (state->hdr.eoh_methods != &state_methods)
		elog(ERROR, "expanded object is not a subscription_ledger");
	return state;
}

/* A run of a state as a view; NULL is an empty one. */
LedgerView
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

/* A new chunk for a partition: about half of what it holds, at most a pool block. */
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

/* Room for one more row with that key. */
static inline uint8 *
state_slot(LedgerState *state, uint64 key)
{
	int			partition = key >> 56;
	RowChunk   *chunk = state->chunks[partition];

	if (unlikely(chunk == NULL || chunk->used == chunk->capacity))
		chunk = partition_grow(state, partition);
	state->partition_rows[partition]++;
	state->rows++;
	return chunk->rows + chunk->used++ * row_size(state->flags);
}

/* Add a row, with its times in days where the state holds dates. */
static inline void
state_append(LedgerState *state, const SubscriptionRow *row)
{
	int64		start = row->start * ((state->flags & LEDGER_IN_DAYS) ? USECS_PER_DAY : 1);

	put_row(state_slot(state, row->key[0]), state->flags, row);
	state->first_start = Min(state->first_start, start);
}

/* Make an empty run with room for that many bytes in the context. */
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

/*
 * Put a run on the stack.  Small runs are united with their like at once, so
 * that n of them cost n log n; a few large ones wait until they are needed as
 * one, because a report can walk over several.
 */
static void
state_push_run(LedgerState *state, const LedgerRun *run)
{
	state->runs[state->nruns++] = *run;
	while (state->nruns > 1 &&
		   state->runs[state->nruns - 2].used <= 2 * state->runs[state->nruns - 1].used &&
		   (state->runs[state->nruns - 1].used <= SMALL_RUN || state->nruns > MANY_RUNS))
		state_merge_top(state);
	while (state->nruns > MAX_RUNS / 2)
		state_merge_top(state);
}

/* Put a copy of a view's customers on the stack of runs. */
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

/* Forget the rows, which are in a run now. */
static void
state_drop_rows(LedgerState *state)
{
	MemoryContextReset(state->rows_context);
	memset(state->chunks, 0, sizeof(state->chunks));
	memset(state->partition_rows, 0, sizeof(state->partition_rows));
	state->rows = 0;
}

/*
 * Bring the state into one canonical run (or none).  It may be called while a
 * tuple is formed in a context that cannot free, so it works in its own.
 */
void
state_compact(LedgerState *state)
{
	MemoryContext old = MemoryContextSwitchTo(state->hdr.eoh_context);

	if (state->rows > 0)
	{
		LedgerRun	run;
		Ledger		rows = {0};

		rows.flags = state->flags;
		rows.state = state;		/* without its runs */
		/* memory is only used as far as it is written */
		run_create(&run, state->hdr.eoh_context, state->rows * row_size(state->flags) + 1024);
		rows_to_run(&rows, &run);
		state_drop_rows(state);
		run_trim(&run);
		state_push_run(state, &run);
	}
	while (state->nruns > 1)
		state_merge_top(state);
	MemoryContextSwitchTo(old);
}

/* ------------------------------------------------------------------
 * Flat values
 * ------------------------------------------------------------------
 */

/* The bytes of a view as a flat value; raises 54000 for more than a value can have. */
static Size
view_flat_size(const LedgerView *view)
{
	Size		size = sizeof(LedgerHeader) + (view->end - view->data) + period_size(view->flags);

	if (size > VALUE_LIMIT)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("subscription_ledger needs %zu bytes, more than the %zu that a value can have",
						size, (Size) VALUE_LIMIT),
				 errhint("Build one ledger per segment with GROUP BY and add up the reports.")));
	return size;
}

/* Write a view as a flat value of the size that view_flat_size told. */
static void
view_flatten_into(const LedgerView *view, LedgerHeader *flat, Size size)
{
	uint8	   *p = (uint8 *) flat;

	Assert(ledger_is_canonical(view));
	SET_VARSIZE(flat, size);
	flat->version = LEDGER_VERSION;
	flat->flags = view->flags;
	flat->reserved = 0;
	store_u32(p + offsetof(LedgerHeader, count), view->customers);
	p += sizeof(LedgerHeader);
	if (view->flags & LEDGER_HAS_PERIOD)
	{
		store_period(p, view->flags, &view->period);
		p += period_size(view->flags);
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

/* Expanded object method: the bytes of the canonical value; leaves the state compacted. */
static Size
state_flat_size(ExpandedObjectHeader *eohptr)
{
	LedgerState *state = (LedgerState *) eohptr;
	LedgerView	view;

	state_compact(state);
	view = run_view(state, state->nruns ? &state->runs[0] : NULL);
	return view_flat_size(&view);
}

/* Expanded object method: write the canonical value of a state that state_flat_size compacted. */
static void
state_flatten_into(ExpandedObjectHeader *eohptr, void *result, Size allocated)
{
	LedgerState *state = (LedgerState *) eohptr;
	LedgerView	view = run_view(state, state->nruns ? &state->runs[0] : NULL);

	view_flatten_into(&view, result, allocated);
}

/* Open a flat value whose header is sound; where it is not, raise an error. */
void
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
LedgerView
flat_rows_view(const LedgerHeader *flat)
{
	Ledger		ledger = {0};
	LedgerView	view;
	LedgerRun	run;

	flat_open(flat, &view);
	ledger.flags = view.flags;
	ledger.rows = flat;
	run_create(&run, CurrentMemoryContext, 32 + (Size) flat->count * 2 * CHANGE_MAX_BYTES);
	rows_to_run(&ledger, &run);
	view.flags = (view.flags | LEDGER_CANONICAL) & ~LEDGER_IN_DAYS;
	view.customers = run.customers;
	view.data = run.data;
	view.end = run.data + run.used;
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

/* A flat working state of that many bytes without rows, in the current context. */
static LedgerHeader *
flat_create(uint8 flags, const LedgerPeriod *period, Size bytes)
{
	LedgerHeader *flat = palloc0(bytes);

	SET_VARSIZE(flat, bytes);
	flat->version = LEDGER_VERSION;
	flat->flags = flags;
	if (flags & LEDGER_HAS_PERIOD)
		store_period((uint8 *) flat + sizeof(LedgerHeader), flags, period);
	return flat;
}

/* Add working rows as they lie in another state of the same aggregate. */
static void
state_add_rows(LedgerState *state, const uint8 *rows, Size n)
{
	Size		size = row_size(state->flags);
	Size		i;

	for (i = 0; i < n; i++)
	{
		SubscriptionRow row;

		get_row(rows + i * size, state->flags, &row);
		memcpy(state_slot(state, row.key[0]), rows + i * size, size);
		state->first_start = Min(state->first_start, row.start);
	}
}

/* Add a copy of a flat working state. */
static void
state_add_flat_rows(LedgerState *state, const LedgerHeader *flat, uint8 flags)
{
	if (state->flags == flags)
		state_add_rows(state, (const uint8 *) flat + rows_offset(flags), flat->count);
	else
	{
		LedgerView	view = flat_rows_view(flat);

		state_push_view(state, &view);
	}
}

/* Add a copy of an expanded state. */
static void
state_add_state(LedgerState *state, LedgerState *other)
{
	int			i;

	if (state->flags != other->flags)
		state_compact(other);
	for (i = 0; i < PARTITIONS; i++)
	{
		const RowChunk *chunk = other->chunks[i];

		CHECK_FOR_INTERRUPTS();
		for (; chunk; chunk = chunk->previous)
			state_add_rows(state, chunk->rows, chunk->used);
	}
	for (i = 0; i < other->nruns; i++)
	{
		LedgerView	view = run_view(other, &other->runs[i]);

		state_push_view(state, &view);
	}
}

/* Turn a flat state into an expanded one. */
static LedgerState *
state_promote(const LedgerHeader *flat, const LedgerView *view, MemoryContext aggcontext)
{
	LedgerState *state = state_create(view->flags, &view->period, aggcontext);

	if (view->flags & LEDGER_CANONICAL)
		state_push_view(state, view);
	else
		state_add_flat_rows(state, flat, view->flags);
	return state;
}

/* A period as an error message shows it. */
static char *
period_text(const LedgerPeriod *period, uint8 flags)
{
	PGFunction	out = (flags & LEDGER_INSTANTS) ? timestamptz_out : timestamp_out;

	return psprintf("[%s,%s)",
					DatumGetCString(DirectFunctionCall1(out, TimestampGetDatum(period->from))),
					DatumGetCString(DirectFunctionCall1(out, TimestampGetDatum(period->until))));
}

/* A gross margin as an error message shows it. */
static char *
margin_text(const LedgerPeriod *period)
{
	Datum		margin = NumericGetDatum(int64_div_fast_to_numeric(period->margin, 18));

	return numeric_normalize(DatumGetNumeric(margin));
}

/* Report two rows of a group with different arguments, if they are different. */
static inline void
check_same_period(const LedgerPeriod *a, const LedgerPeriod *b, uint8 flags)
{
	if (unlikely(a->from != b->from || a->until != b->until))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("period must be the same in all rows of a group, not %s and %s",
						period_text(a, flags), period_text(b, flags)),
				 errhint("Group by the period, or use a series function for many periods.")));
	if (unlikely(a->margin != b->margin))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("gross_margin must be the same in all rows of a group, not %s and %s",
						margin_text(a), margin_text(b)),
				 errhint("Group by the margin.")));
	if (unlikely((flags & LEDGER_HAS_POLICY) && memcmp(a->policy, b->policy, sizeof(a->policy)) != 0))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("policy must be the same in all rows of a group"),
				 errhint("Group by the policy.")));
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

		check_same_period(&state->period, period, flags);
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
			LedgerPeriod first;

			load_period((const uint8 *) flat + sizeof(LedgerHeader), flags, &first);
			check_same_period(&first, period, flags);
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

/* The kind of a ledger as an error message shows it. */
static const char *
kind_text(uint8 flags)
{
	return psprintf("%s customers, %s, %s mrr",
					(flags & LEDGER_CUSTOMER_MASK) == LEDGER_CUSTOMER_BIGINT ? "bigint" :
					(flags & LEDGER_CUSTOMER_MASK) == LEDGER_CUSTOMER_UUID ? "uuid" : "text",
					(flags & LEDGER_INSTANTS) ? "instants (timestamptz)" : "local time (date, timestamp)",
					(flags & LEDGER_HAS_MRR) ? "with" : "without");
}

/* Raises 22023 unless both are of one kind, period and gross margin. */
static void
check_same_kind(const LedgerView *a, const LedgerView *b)
{
	if ((a->flags & LEDGER_KIND_MASK) != (b->flags & LEDGER_KIND_MASK))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("subscription ledgers of different kinds cannot be merged"),
				 errdetail("One has %s, the other %s.", kind_text(a->flags), kind_text(b->flags))));
	check_same_period(&a->period, &b->period, a->flags);
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

/* Is the union of two flat states of so many bytes to be flat, too? */
static bool
stays_flat(Size size, Size other)
{
	return size + other <= FLAT_LIMIT && (size <= FLAT_MERGE_LIMIT || other >= size / 8);
}

/*
 * The union of two states.  The first is the aggregate's own and may be changed
 * or replaced; the second is copied.  With the first one 0 the result is a copy
 * of the second.  Where small ledgers are merged into a larger one, the result
 * becomes expanded sooner, because a flat one is written anew each time.
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
		if (other_flat && VARSIZE(other_flat) <= FLAT_LIMIT)
			return PointerGetDatum(other_flat);
		state = state_create(other_view.flags, &other_view.period, aggcontext);
	}
	else
	{
		state = open_for_union(datum, &flat, &view);
		check_same_kind(&view, &other_view);
		if (state == NULL && other_flat &&
			stays_flat(VARSIZE(flat), VARSIZE(other_flat)))
		{
			LedgerView	merged;
			LedgerRun	run;

			if (!(view.flags & LEDGER_CANONICAL))
				view = flat_rows_view(flat);
			if (!(other_view.flags & LEDGER_CANONICAL))
				other_view = flat_rows_view(other_flat);
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
		state_add_state(state, other_state);
	else if (other_view.flags & LEDGER_CANONICAL)
		state_push_view(state, &other_view);
	else
		state_add_flat_rows(state, other_flat, other_view.flags);
	return EOHPGetRWDatum(&state->hdr);
}
