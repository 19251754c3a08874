/*
 * scan.c
 *		Walking over the customers of a ledger in order of their keys.
 *
 * The partitions of a state are ranges of keys, and so are the buckets that a
 * partition is scattered into (it fits the second-level cache); within a bucket
 * of a few rows an insertion sort is enough.
 */
#include "postgres.h"

#include "utils/memutils.h"

#include "scan.h"

#define MAX_BUCKET_BITS		16
#define FEW_ROWS			(FEW_CHANGES / 2)

/* ------------------------------------------------------------------
 * Bringing rows and changes in order
 * ------------------------------------------------------------------
 */

/* Below, at or above 0 as the key of a is less than, equal to or greater than that of b. */
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

/* Bring rows in order of their keys. */
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

/*
 * A few moments in order, each with the number of what happens then.  Numbers
 * are moved instead of changes, which are put together in registers and written
 * once: copying what was just written in parts is what takes the time.
 */
typedef struct Moments
{
	int64		at[FEW_CHANGES];
	int			number[FEW_CHANGES];
	int			n;
} Moments;

/* Put one more moment in its place, behind equal ones; there must be room. */
static inline void
add_moment(Moments *moments, int64 at, int number)
{
	int			i = moments->n++;

	for (; i > 0 && moments->at[i - 1] > at; i--)
	{
		moments->at[i] = moments->at[i - 1];
		moments->number[i] = moments->number[i - 1];
	}
	moments->at[i] = at;
	moments->number[i] = number;
}

/* Append a change unless it is nothing. */
static inline int64
put_sum(LedgerChange *changes, int64 n, int64 at, int64 rows, int128 mrr)
{
	if (rows == 0 && mrr == 0)
		return n;
	changes[n].at = at;
	changes[n].rows = rows;
	changes[n].mrr = mrr;
	return n + 1;
}

/* The changes of a few rows. */
static inline int64
changes_of_few_rows(const SubscriptionRow *rows, int n, LedgerChange *changes)
{
	Moments		moments;
	int64		nchanges = 0;
	int			i;

	moments.n = 0;
	for (i = 0; i < n; i++)
	{
		add_moment(&moments, rows[i].start, 2 * i);
		if (rows[i].end != ROW_RUNNING)
			add_moment(&moments, rows[i].end, 2 * i + 1);
	}
	for (i = 0; i < moments.n;)
	{
		int64		at = moments.at[i];
		int64		change = 0;
		int128		mrr = 0;

		do
		{
			int64		sign = (moments.number[i] & 1) ? -1 : 1;

			change += sign;
			mrr += (int128) (rows[moments.number[i] / 2].mrr * sign);
			i++;
		} while (i < moments.n && moments.at[i] == at);
		nchanges = put_sum(changes, nchanges, at, change, mrr);
	}
	return nchanges;
}

/* Bring a few changes in order and add up those of equal moments. */
static inline int64
unite_few_changes(const LedgerChange *from, int n, LedgerChange *changes)
{
	Moments		moments;
	int64		nchanges = 0;
	int			i;

	moments.n = 0;
	for (i = 0; i < n; i++)
		add_moment(&moments, from[i].at, i);
	for (i = 0; i < n;)
	{
		int64		at = moments.at[i];
		int64		rows = 0;
		int128		mrr = 0;

		do
		{
			rows += from[moments.number[i]].rows;
			mrr += from[moments.number[i]].mrr;
			i++;
		} while (i < n && moments.at[i] == at);
		nchanges = put_sum(changes, nchanges, at, rows, mrr);
	}
	return nchanges;
}

/* ------------------------------------------------------------------
 * Rows
 * ------------------------------------------------------------------
 */

/* Put the rows of a partition into bucket order; their size is constant. */
static pg_attribute_always_inline void
scatter_rows(const RowChunk *chunk, Size size, int shift, uint32 mask,
			 uint32 *next, uint8 *target)
{
	for (; chunk; chunk = chunk->previous)
	{
		uint32		i;

		CHECK_FOR_INTERRUPTS();
		for (i = 0; i < chunk->used; i++)
		{
			const uint8 *row = chunk->rows + i * size;
			uint64		key;

			memcpy(&key, row, 8);
			memcpy(target + (Size) next[(key >> shift) & mask]++ * size, row, size);
		}
	}
}

/* Scatter the stream's current partition. */
static void
open_partition(RowStream *stream)
{
	const LedgerState *state = stream->state;
	const RowChunk *chunks = state->chunks[stream->partition];
	const RowChunk *chunk;
	Size		size = row_size(stream->flags);
	int			bits = 0;
	int			shift;
	uint32		start = 0;
	uint32		bucket;

	while (bits < MAX_BUCKET_BITS && state->partition_rows[stream->partition] >> bits > 2)
		bits++;
	shift = 56 - bits;
	stream->nbuckets = 1U << bits;

	memset(stream->ends, 0, sizeof(uint32) << bits);
	for (chunk = chunks; chunk; chunk = chunk->previous)
	{
		uint32		i;

		for (i = 0; i < chunk->used; i++)
		{
			uint64		key;

			memcpy(&key, chunk->rows + i * size, 8);
			stream->ends[(key >> shift) & (stream->nbuckets - 1)]++;
		}
	}
	for (bucket = 0; bucket < stream->nbuckets; bucket++)
	{
		uint32		count = stream->ends[bucket];

		stream->ends[bucket] = start;
		start += count;
	}
	switch (size)
	{
		case 16:
			scatter_rows(chunks, 16, shift, stream->nbuckets - 1, stream->ends, stream->scattered);
			break;
		case 24:
			scatter_rows(chunks, 24, shift, stream->nbuckets - 1, stream->ends, stream->scattered);
			break;
		case 32:
			scatter_rows(chunks, 32, shift, stream->nbuckets - 1, stream->ends, stream->scattered);
			break;
		default:
			Assert(size == 40);
			scatter_rows(chunks, 40, shift, stream->nbuckets - 1, stream->ends, stream->scattered);
	}
	stream->bucket = 0;
	stream->start = 0;
}

/* Take n rows as the stream's bucket. */
static void
take_rows(RowStream *stream, const uint8 *rows, Size n)
{
	Size		size = row_size(stream->flags);
	Size		i;

	if (unlikely(n > stream->allocated))
	{
		if (stream->rows != stream->few)
			pfree(stream->rows);
		stream->rows = palloc_extended(n * sizeof(SubscriptionRow), MCXT_ALLOC_HUGE);
		stream->allocated = n;
	}
	for (i = 0; i < n; i++)
	{
		get_row(rows + i * size, stream->flags, &stream->rows[i]);
		CHECK_FOR_INTERRUPTS_AT(i);
	}
	order_rows(stream->rows, n);
	stream->n = n;
	stream->next = 0;
}

/* Take the next bucket that has rows; false where there is none. */
static bool
take_bucket(RowStream *stream)
{
	if (stream->state == NULL)
		return false;
	for (;;)
	{
		while (stream->bucket < stream->nbuckets)
		{
			uint32		start = stream->start;
			uint32		end = stream->ends[stream->bucket++];

			stream->start = end;
			if (end > start)
			{
				take_rows(stream, stream->scattered + start * row_size(stream->flags), end - start);
				return true;
			}
		}
		do
		{
			if (++stream->partition >= PARTITIONS)
				return false;
		} while (stream->state->partition_rows[stream->partition] == 0);
		CHECK_FOR_INTERRUPTS();
		open_partition(stream);
	}
}

/* Go to the next customer; false where there is none. */
static inline bool
next_row_customer(RowStream *stream)
{
	const SubscriptionRow *rows;

	if (stream->next >= stream->n && !take_bucket(stream))
		return false;
	rows = stream->rows;
	stream->first = stream->next++;
	while (stream->next < stream->n &&
		   compare_keys(&rows[stream->first], &rows[stream->next]) == 0)
		stream->next++;
	return true;
}

/* Write the changes of the current customer's rows, two a row at the most. */
static inline int64
changes_of_rows(const RowStream *stream, LedgerChange *changes)
{
	int64		n = 0;
	Size		i;

	if (likely(stream->next - stream->first <= FEW_ROWS))
		return changes_of_few_rows(&stream->rows[stream->first], (int) (stream->next - stream->first),
								   changes);
	for (i = stream->first; i < stream->next; i++)
	{
		const SubscriptionRow *row = &stream->rows[i];

		CHECK_FOR_INTERRUPTS_AT(i);

		changes[n].at = row->start;
		changes[n].rows = 1;
		changes[n++].mrr = row->mrr;
		if (row->end != ROW_RUNNING)
		{
			changes[n].at = row->end;
			changes[n].rows = -1;
			changes[n++].mrr = -(int128) row->mrr;
		}
	}
	sort_changes(changes, n);
	return changes_add_up(changes, n);
}

/* Start a stream of a ledger's working rows; raises 54000 where a partition has 2^32 or more. */
static void
open_rows(RowStream *stream, const Ledger *ledger)
{
	stream->state = ledger->state;
	stream->flags = ledger->flags;
	stream->partition = -1;
	stream->bucket = stream->nbuckets = 0;
	stream->scattered = NULL;
	stream->ends = NULL;
	stream->rows = stream->few;
	stream->allocated = lengthof(stream->few);
	stream->n = stream->next = 0;
	if (ledger->rows)
		take_rows(stream, (const uint8 *) ledger->rows + rows_offset(ledger->flags), ledger->rows->count);
	else if (ledger->state)
	{
		uint64		largest = 0;
		int			i;

		for (i = 0; i < PARTITIONS; i++)
			largest = Max(largest, ledger->state->partition_rows[i]);
		if (largest > PG_UINT32_MAX)
			ereport(ERROR,
					(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
					 errmsg("too many rows of too few customers for one subscription_ledger")));
		if (largest > 0)
		{
			stream->scattered = palloc_extended(largest * row_size(ledger->flags), MCXT_ALLOC_HUGE);
			stream->ends = palloc(sizeof(uint32) << MAX_BUCKET_BITS);
		}
	}
}

/* ------------------------------------------------------------------
 * The scan
 * ------------------------------------------------------------------
 */

/* Add a view to the runs of the scan unless it has no customers. */
static void
open_run(LedgerScan *scan, const LedgerView *view)
{
	RunStream  *run = &scan->runs[scan->nruns];

	run->pos = view->data;
	run->end = view->end;
	if (ledger_next_customer(run->end, scan->wide, &run->pos, &run->customer))
		scan->nruns++;
}

/* Start a walk; scratch memory comes from the current context. */
void
ledger_scan_begin(LedgerScan *scan, const Ledger *ledger)
{
	int			i;

	scan->wide = ledger_wide_key(ledger->flags);
	scan->work = 0;
	scan->n = 0;
	scan->nruns = 0;
	scan->buffer = scan->few;
	scan->allocated = lengthof(scan->few);
	open_rows(&scan->rows, ledger);
	scan->has_rows = next_row_customer(&scan->rows);
	if (ledger->view.end > ledger->view.data)
		open_run(scan, &ledger->view);
	for (i = 0; i < ledger->nruns; i++)
	{
		LedgerView	view = run_view(ledger->state, &ledger->state->runs[i]);

		open_run(scan, &view);
	}
}

/* Make room for n changes in the buffer, of which the first "kept" stay. */
static inline void
reserve_changes(LedgerScan *scan, Size n, Size kept)
{
	LedgerChange *grown;

	if (likely(n <= scan->allocated))
		return;
	n += n / 2;
	grown = palloc_extended(n * sizeof(LedgerChange), MCXT_ALLOC_HUGE);
	memcpy(grown, scan->buffer, kept * sizeof(LedgerChange));
	if (scan->buffer != scan->few)
		pfree(scan->buffer);
	scan->buffer = grown;
	scan->allocated = n;
}

/* Append the changes of a run's current customer to the buffer, and move the run on. */
static void
take_run_customer(LedgerScan *scan, int i)
{
	RunStream  *run = &scan->runs[i];
	const uint8 *pos = run->customer.changes;
	LedgerChange *change;

	reserve_changes(scan, scan->n + (run->customer.end - pos) / 3 + 2, scan->n);
	change = &scan->buffer[scan->n];
	change->at = JULIAN_ZERO;
	while (ledger_next_change(&run->customer, &pos, change))
	{
		change[1].at = change->at;
		change++;
		CHECK_FOR_INTERRUPTS_AT(change - scan->buffer);
	}
	scan->n = change - scan->buffer;
	if (!ledger_next_customer(run->end, scan->wide, &run->pos, &run->customer))
		scan->runs[i] = scan->runs[--scan->nruns];
}

/* Are the two keys equal? */
static inline bool
same_key(const uint64 *a, const uint64 *b)
{
	return a[0] == b[0] && a[1] == b[1];
}

/* Go to the next customer; false behind the last one. */
bool
ledger_scan_next(LedgerScan *scan)
{
	const uint64 *key = NULL;
	int			sources = 0;
	int			i;

	/* by the work that the customer before made */
	scan->work += 8 + scan->n;
	if (scan->work >= 0x8000)
	{
		CHECK_FOR_INTERRUPTS();
		scan->work = 0;
	}

	if (scan->has_rows)
		key = scan->rows.rows[scan->rows.first].key;
	for (i = 0; i < scan->nruns; i++)
		if (key == NULL || key_before(scan->runs[i].customer.key, key))
			key = scan->runs[i].customer.key;
	if (key == NULL)
		return false;
	scan->key[0] = key[0];
	scan->key[1] = key[1];

	scan->n = 0;
	if (scan->has_rows && same_key(scan->rows.rows[scan->rows.first].key, scan->key))
	{
		reserve_changes(scan, 2 * (scan->rows.next - scan->rows.first), 0);
		scan->n = changes_of_rows(&scan->rows, scan->buffer);
		scan->has_rows = next_row_customer(&scan->rows);
		sources++;
	}
	for (i = scan->nruns - 1; i >= 0; i--)
		if (same_key(scan->runs[i].customer.key, scan->key))
		{
			take_run_customer(scan, i);
			sources++;
		}
	scan->changes = scan->buffer;
	if (sources > 1)
	{
		if (likely(scan->n <= FEW_CHANGES))
		{
			scan->n = unite_few_changes(scan->buffer, (int) scan->n, scan->united);
			scan->changes = scan->united;
		}
		else
		{
			sort_changes(scan->buffer, scan->n);
			scan->n = changes_add_up(scan->buffer, scan->n);
		}
	}
	return true;
}

/* Give back the scratch memory. */
void
ledger_scan_end(LedgerScan *scan)
{
	if (scan->rows.scattered)
	{
		pfree(scan->rows.scattered);
		pfree(scan->rows.ends);
	}
	if (scan->rows.rows != scan->rows.few)
		pfree(scan->rows.rows);
	if (scan->buffer != scan->few)
		pfree(scan->buffer);
}

/* ------------------------------------------------------------------
 * Ledgers as a whole
 * ------------------------------------------------------------------
 */

/* The ledger that a state or a value is. */
Ledger
ledger_of(Datum datum)
{
	Ledger		ledger = {0};

	if (VARATT_IS_EXTERNAL_EXPANDED(DatumGetPointer(datum)))
	{
		ledger.state = expanded_state(datum);
		ledger.nruns = ledger.state->nruns;
		ledger.flags = ledger.state->flags;
		ledger.period = ledger.state->period;
	}
	else
	{
		const LedgerHeader *flat = (LedgerHeader *) PG_DETOAST_DATUM(datum);
		LedgerView	view;

		flat_open(flat, &view);
		ledger.flags = view.flags;
		ledger.period = view.period;
		if (view.flags & LEDGER_CANONICAL)
			ledger.view = view;
		else
			ledger.rows = flat;
	}
	return ledger;
}

/*
 * A ledger given as an argument; NULL counts as an empty one.  The state of a
 * one-period aggregate is refused.  Where the same ledger may be asked again,
 * its rows are compacted once and for all.
 */
Ledger
ledger_argument(Datum datum, bool isnull, bool again)
{
	Ledger		ledger = {0};

	if (isnull)
		return ledger;
	ledger = ledger_of(datum);
	if (ledger.flags & LEDGER_HAS_PERIOD)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the partial state of a one-period aggregate is no ledger"),
				 errhint("Build ledgers with the aggregate subscription_ledger.")));
	if (ledger.state && again)
	{
		state_compact(ledger.state);
		ledger.nruns = ledger.state->nruns;
	}
	return ledger;
}

/* Does a ledger hold nothing at all? */
bool
ledger_is_empty(const Ledger *ledger)
{
	return ledger->view.end == ledger->view.data &&
		(ledger->rows == NULL || ledger->rows->count == 0) &&
		(ledger->state == NULL || (ledger->state->rows == 0 && ledger->nruns == 0));
}

/* The first moment at which anything starts in a view, or the given one if that is earlier. */
static int64
view_first_start(const LedgerView *view, int64 first)
{
	bool		wide = ledger_wide_key(view->flags);
	const uint8 *pos = view->data;
	LedgerCustomer customer;
	uint32		loops = 0;

	while (ledger_next_customer(view->end, wide, &pos, &customer))
	{
		LedgerChange change = ledger_start_change();
		const uint8 *at = customer.changes;

		if ((++loops & 0xFFFF) == 0)
			CHECK_FOR_INTERRUPTS();
		if (!ledger_next_change(&customer, &at, &change))
			ledger_corrupted();
		first = Min(first, change.at);
	}
	return first;
}

/* The first moment at which anything starts; false for an empty ledger. */
bool
ledger_first_start(const Ledger *ledger, int64 *first)
{
	int			i;

	if (ledger_is_empty(ledger))
		return false;
	*first = PG_INT64_MAX;
	if (ledger->state)
	{
		if (ledger->state->rows > 0)
			*first = ledger->state->first_start;
		for (i = 0; i < ledger->nruns; i++)
		{
			LedgerView	view = run_view(ledger->state, &ledger->state->runs[i]);

			*first = view_first_start(&view, *first);
		}
	}
	else if (ledger->rows)
	{
		const uint8 *rows = (const uint8 *) ledger->rows + rows_offset(ledger->flags);

		for (i = 0; i < (int) ledger->rows->count; i++)
		{
			SubscriptionRow row;

			get_row(rows + i * row_size(ledger->flags), ledger->flags, &row);
			*first = Min(*first, row.start);
		}
	}
	else
		*first = view_first_start(&ledger->view, *first);
	return true;
}

/* Append all customers of a ledger to a run. */
void
rows_to_run(const Ledger *ledger, LedgerRun *run)
{
	LedgerScan	scan;

	ledger_scan_begin(&scan, ledger);
	while (ledger_scan_next(&scan))
		if (scan.n > 0)
			run_add_customer(run, scan.wide, scan.key, scan.changes, scan.n);
	ledger_scan_end(&scan);
}

/* The canonical value of a ledger, in the current context. */
LedgerHeader *
ledger_finish(const Ledger *ledger)
{
	LedgerView	view = ledger->view;

	if (ledger->state)
	{
		state_compact(ledger->state);
		view = run_view(ledger->state, ledger->state->nruns ? &ledger->state->runs[0] : NULL);
	}
	else if (ledger->rows)
		view = flat_rows_view(ledger->rows);
	return ledger_flatten(&view);
}
