/*
 * tally.c
 *		A multiset of rows; see tally.h for what it is for.
 *
 * The hash table is one array of slots, filled to a half at the most, with
 * linear probing; it is given up at MOST_HASHED rows, when it no longer fits a
 * processor's cache and sorting is cheaper.  The buffer is sorted by the radix
 * of 11 bits, lowest digit first, skipping digits that are the same everywhere.
 */
#include "postgres.h"

#include "libpq/pqformat.h"
#include "miscadmin.h"
#include "utils/memutils.h"

#include "model.h"
#include "tally.h"

#define FIRST_SLOTS		64
#define MOST_HASHED		32768

#define DIGIT_BITS		11
#define DIGITS			6		/* of a word */
#define DIGIT_VALUES	(1 << DIGIT_BITS)

/* Below this many records a comparison sort is faster. */
#define RADIX_FROM		2048

/* Records between two looks for a cancel request. */
#define BLOCK			65536

/* Bytes of a record. */
static inline Size
record_size(const Tally *tally)
{
	return (tally->nwords + 1) * sizeof(uint64);
}

/* Are two rows of so many words the same? */
static inline bool
same_words(const uint64 *a, const uint64 *b, int nwords)
{
	return a[0] == b[0] && (nwords < 2 || a[1] == b[1]) && (nwords < 3 || a[2] == b[2]);
}

/* The slot of a row in the hash table: its own, or the empty one where it belongs. */
static uint64 *
find_slot(Tally *tally, const uint64 *words)
{
	Size		mask = tally->allocated - 1;
	Size		i = tally_hash(words, tally->nwords) & mask;

	for (;;)
	{
		uint64	   *slot = tally->records + i * (tally->nwords + 1);

		if (slot[tally->nwords] == 0 || same_words(slot, words, tally->nwords))
			return slot;
		i = (i + 1) & mask;
	}
}

/* An empty tally of rows of so many words. */
Tally *
tally_create(MemoryContext context, int nwords)
{
	Tally	   *tally = MemoryContextAllocZero(context, sizeof(Tally));

	Assert(nwords >= 1 && nwords <= TALLY_MAX_WORDS);
	tally->context = context;
	tally->nwords = nwords;
	tally->hashed = true;
	tally->allocated = FIRST_SLOTS;
	tally->records = MemoryContextAllocZero(context, FIRST_SLOTS * record_size(tally));
	return tally;
}

/* Double the hash table. */
static void
grow_table(Tally *tally)
{
	uint64	   *old = tally->records;
	Size		nold = tally->allocated;
	Size		i;

	check_fit_memory(2 * nold * record_size(tally));
	tally->records = MemoryContextAllocZero(tally->context, 2 * nold * record_size(tally));
	tally->allocated = 2 * nold;
	for (i = 0; i < nold; i++)
	{
		const uint64 *record = old + i * (tally->nwords + 1);

		if (record[tally->nwords] != 0)
			memcpy(find_slot(tally, record), record, record_size(tally));
	}
	pfree(old);
}

/* Turn the hash table into a buffer of its records. */
static void
table_to_buffer(Tally *tally)
{
	int			width = tally->nwords + 1;
	Size		n = 0;
	Size		i;

	for (i = 0; i < tally->allocated; i++)
	{
		if (tally->records[i * width + tally->nwords] == 0)
			continue;
		if (n < i)
			memcpy(tally->records + n * width, tally->records + i * width, record_size(tally));
		n++;
	}
	Assert(n == tally->n);
	tally->hashed = false;
	tally->condensed = 0;
}

/* Order of two records of one to three words. */
static int
compare_records(const void *a, const void *b, void *nwords)
{
	const uint64 *left = a;
	const uint64 *right = b;
	int			i;

	for (i = 0; i < *(int *) nwords; i++)
		if (left[i] != right[i])
			return left[i] < right[i] ? -1 : 1;
	return 0;
}

/*
 * Sort a buffer's records by one word, stably; "spare" is as large.  The sorted
 * ones lie in the one that is returned.  Inlined, so that the compiler knows the
 * width where the caller does: records of one word are most of them.
 */
static pg_attribute_always_inline uint64 *
radix_sort_word(uint64 *records, uint64 *spare, Size n, int width, int word, Size *counts)
{
	int			digit;
	Size		i;

	memset(counts, 0, DIGITS * DIGIT_VALUES * sizeof(Size));
	for (i = 0; i < n; i++)
	{
		uint64		value = records[i * width + word];

		if (i % BLOCK == 0)
			CHECK_FOR_INTERRUPTS();
		for (digit = 0; digit < DIGITS; digit++)
		{
			counts[digit * DIGIT_VALUES + (value & (DIGIT_VALUES - 1))]++;
			value >>= DIGIT_BITS;
		}
	}
	for (digit = 0; digit < DIGITS; digit++)
	{
		Size	   *ends = counts + digit * DIGIT_VALUES;
		int			shift = digit * DIGIT_BITS;
		Size		sum = 0;
		uint64	   *sorted = spare;

		if (ends[(records[word] >> shift) & (DIGIT_VALUES - 1)] == n)
			continue;
		for (i = 0; i < DIGIT_VALUES; i++)
		{
			Size		count = ends[i];

			ends[i] = sum;
			sum += count;
		}
		for (i = 0; i < n; i++)
		{
			const uint64 *from = records + i * width;
			uint64	   *to = sorted + ends[(from[word] >> shift) & (DIGIT_VALUES - 1)]++ * width;
			int			j;

			if (i % BLOCK == 0)
				CHECK_FOR_INTERRUPTS();
			for (j = 0; j < width; j++)
				to[j] = from[j];
		}
		spare = records;
		records = sorted;
	}
	return records;
}

/* Order of two records; inlined, as the next. */
static pg_attribute_always_inline bool
goes_before(const uint64 *a, const uint64 *b, int width)
{
	int			i;

	for (i = 0; i < width - 1; i++)
		if (a[i] != b[i])
			return a[i] < b[i];
	return false;
}

/* Are so many records in order already? */
static pg_attribute_always_inline bool
in_order(const uint64 *records, Size n, int width)
{
	Size		i;

	for (i = 1; i < n; i++)
		if (goes_before(records + i * width, records + (i - 1) * width, width))
			return false;
	return true;
}

/* Bring n records in order; they then lie in "records" or in "spare", which is returned. */
static pg_attribute_always_inline uint64 *
sort_part(uint64 *records, uint64 *spare, Size n, int width)
{
	int			nwords = width - 1;
	uint64	   *sorted = records;
	Size	   *counts;
	int			word;

	if (n < RADIX_FROM)
	{
		qsort_arg(records, n, width * sizeof(uint64), compare_records, &nwords);
		return records;
	}
	counts = palloc(DIGITS * DIGIT_VALUES * sizeof(Size));
	for (word = nwords - 1; word >= 0; word--)
		sorted = radix_sort_word(sorted, sorted == records ? spare : records, n, width, word, counts);
	pfree(counts);
	return sorted;
}

/* Merge sorted records into sorted ones that lie in front of the room for them, from the last on. */
static pg_attribute_always_inline void
merge_parts(uint64 *records, Size n, const uint64 *others, Size nothers, int width)
{
	Size		to = n + nothers;

	while (nothers > 0)
	{
		const uint64 *from = others + (nothers - 1) * width;
		int			j;

		if (to % BLOCK == 0)
			CHECK_FOR_INTERRUPTS();
		if (n > 0 && goes_before(from, records + (n - 1) * width, width))
			from = records + --n * width;
		else
			nothers--;
		to--;
		for (j = 0; j < width; j++)
			records[to * width + j] = from[j];
	}
}

/* Bring a buffer's records in order, of which the first "condensed" are already. */
static pg_attribute_always_inline void
sort_records_of(Tally *tally, int width)
{
	Size		front = tally->condensed;
	Size		n = tally->n - front;
	uint64	   *added = tally->records + front * width;
	Size		bytes = n * width * sizeof(uint64);
	uint64	   *spare;
	uint64	   *sorted;

	if (in_order(tally->records + (front ? front - 1 : 0) * width, n + (front ? 1 : 0), width))
		return;
	check_fit_memory(tally->allocated * record_size(tally) + bytes);
	spare = MemoryContextAllocHuge(tally->context, bytes);
	sorted = sort_part(added, spare, n, width);
	if (front == 0)
	{
		if (sorted == spare)
			memcpy(tally->records, spare, bytes);
	}
	else
	{
		if (sorted != spare)
			memcpy(spare, sorted, bytes);
		merge_parts(tally->records, front, spare, n, width);
	}
	pfree(spare);
}

/* The same, compiled for records of one word, which are most of them, and for the rest. */
static void
sort_records(Tally *tally)
{
	if (tally->nwords == 1)
		sort_records_of(tally, 2);
	else
		sort_records_of(tally, tally->nwords + 1);
}

/* Sort a buffer and add up the counts of equal rows. */
static void
condense(Tally *tally)
{
	int			nwords = tally->nwords;
	int			width = nwords + 1;
	Size		n = 0;
	Size		i;

	sort_records(tally);
	for (i = 0; i < tally->n; i++)
	{
		const uint64 *record = tally->records + i * width;
		uint64	   *last = tally->records + (n - 1) * width;

		if (n > 0 && same_words(last, record, nwords))
			last[nwords] += record[nwords];
		else if (n++ < i)
			memcpy(last + width, record, record_size(tally));
	}
	tally->n = n;
	tally->condensed = n;
}

/*
 * Make room in a full buffer: by condensing it, unless that gained little the
 * last time, and by doubling it where too little room comes of that.
 */
static void
make_room(Tally *tally)
{
	Size		bytes = 2 * tally->allocated * record_size(tally);

	/* what came since the last time is most of it, so condensing is paid for by those additions */
	if (tally->condensed < tally->allocated / 2 || bytes > (Size) fit_memory * 1024)
		condense(tally);
	if (tally->n <= tally->allocated / 2)
		return;
	check_fit_memory(bytes);
	tally->records = repalloc_huge(tally->records, bytes);
	tally->allocated *= 2;
}

/* tally_add where the row is not in its first slot. */
void
tally_add_general(Tally *tally, const uint64 *words, uint64 count)
{
	uint64	   *record;

	if (count == 0)
		return;
	if (count > (uint64) PG_INT64_MAX - tally->total)
		ereport(ERROR,
				(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
				 errmsg("the rows of one aggregate, times their weights, are more than %lld", (long long) PG_INT64_MAX)));
	if (tally->hashed)
	{
		record = find_slot(tally, words);
		if (record[tally->nwords] == 0)
		{
			if (tally->n >= MOST_HASHED)
				table_to_buffer(tally);
			else if (2 * (tally->n + 1) > tally->allocated)
			{
				grow_table(tally);
				record = find_slot(tally, words);
			}
		}
	}
	if (!tally->hashed)
	{
		if (tally->n == tally->allocated)
			make_room(tally);
		record = tally->records + tally->n * (tally->nwords + 1);
	}
	if (!tally->hashed || record[tally->nwords] == 0)
	{
		memcpy(record, words, tally->nwords * sizeof(uint64));
		record[tally->nwords] = count;
		tally->n++;
	}
	else
		record[tally->nwords] += count;
	tally->total += count;
	tally->sorted = false;
}

/* Add the rows of another tally of as many words; it stays as it is. */
void
tally_combine(Tally *tally, const Tally *other)
{
	Size		records = other->hashed ? other->allocated : other->n;
	Size		i;

	Assert(tally->nwords == other->nwords);
	for (i = 0; i < records; i++)
	{
		if (i % BLOCK == 0)
			CHECK_FOR_INTERRUPTS();
		tally_add(tally, tally_words(other, i), tally_count(other, i));
	}
	tally->skipped += other->skipped;
}

/* Make the records distinct and bring them in order.  Rows may be added afterwards. */
void
tally_sort(Tally *tally)
{
	if (tally->sorted)
		return;
	if (tally->hashed)
		table_to_buffer(tally);
	condense(tally);
	tally->sorted = true;
}

/* Write a tally for another process. */
void
tally_write(StringInfo buffer, Tally *tally)
{
	Size		bytes;

	tally_sort(tally);
	bytes = tally->n * record_size(tally);
	if (!AllocSizeIsValid(bytes))
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("a parallel worker holds %zu distinct rows of this aggregate, more than it can hand on", tally->n),
				 errhint("Set max_parallel_workers_per_gather to 0, or give the aggregate values that are rounded.")));
	pq_sendint64(buffer, tally->nwords);
	pq_sendint64(buffer, tally->skipped);
	pq_sendint64(buffer, tally->n);
	pq_sendbytes(buffer, (const char *) tally->records, (int) bytes);
}

/* Read what tally_write wrote. */
Tally *
tally_read(StringInfo buffer, MemoryContext context)
{
	Tally	   *tally = MemoryContextAllocZero(context, sizeof(Tally));
	Size		i;

	tally->context = context;
	tally->nwords = pq_getmsgint64(buffer);
	tally->skipped = pq_getmsgint64(buffer);
	tally->n = pq_getmsgint64(buffer);
	if (tally->nwords < 1 || tally->nwords > TALLY_MAX_WORDS ||
		tally->n > (Size) (buffer->len - buffer->cursor) / record_size(tally))
		elog(ERROR, "unexpected state of an aggregate");
	tally->sorted = true;
	tally->allocated = Max(tally->n, FIRST_SLOTS);
	tally->condensed = tally->n;
	check_fit_memory(tally->allocated * record_size(tally));
	tally->records = MemoryContextAllocHuge(context, tally->allocated * record_size(tally));
	pq_copymsgbytes(buffer, (char *) tally->records, tally->n * record_size(tally));
	for (i = 0; i < tally->n; i++)
		tally->total += tally_count(tally, i);
	return tally;
}
