/*
 * tally.c
 *		A multiset of rows; see tally.h for what it is for.
 *
 * The hash table is one array of slots, filled to a half at the most, with
 * linear probing; it is given up at MOST_HASHED rows, when it no longer fits a
 * processor's cache and sorting is cheaper.
 *
 * Thereafter there are two buffers.  Rows that come with a count of 1 are singles,
 * kept without it; the others are records, with their counts.  To fold is to sort
 * the singles, count the equal ones and merge them with the records.  That is done
 * when the singles fill their buffer and three of four repeat others, as a sample
 * shows, or memory runs out; and at the end, unless all rows are singles and differ.
 */
#include "postgres.h"

#include "libpq/pqformat.h"
#include "miscadmin.h"
#include "port/pg_bitutils.h"
#include "utils/memutils.h"

#include "model.h"
#include "tally.h"

#define FIRST_SLOTS		64
#define MOST_HASHED		32768

/* The least room for singles, a power of 2, and the sizes at which a full buffer is looked at for repeats: 2^17, 2^19... */
#define FIRST_SINGLES	4096
#define LOOKED_AT		UINT64CONST(0xAAAAAAAAAAAA0000)

/* That takes about so many of them. */
#define SAMPLE			4096

/* So few records are sorted by insertion. */
#define FEW				16

/* A part of so few records fits the cache; a larger one is divided into at most 2^PARTS_BITS. */
#define CACHED			65536
#define PARTS_BITS		11

/* Records between two looks for a cancel request. */
#define BLOCK			65536

/* Bytes of a record, which has a count, and of a single. */
static inline Size
record_size(const Tally *tally)
{
	return (tally->nwords + 1) * sizeof(uint64);
}

static inline Size
single_size(const Tally *tally)
{
	return tally->nwords * sizeof(uint64);
}

/* Bytes that a tally takes. */
static inline Size
tally_size(const Tally *tally)
{
	return tally->allocated * record_size(tally) + tally->room * single_size(tally);
}

/* Bytes of the other tallies of its aggregate. */
static inline Size
size_of_others(const Tally *tally)
{
	return tally->shared != NULL ? *tally->shared - tally->bytes : 0;
}

/* Would a tally of so many bytes be too large? */
static inline bool
too_large(const Tally *tally, Size bytes)
{
	return (bytes + size_of_others(tally)) / 1024 > (Size) fit_memory;
}

/* Raises 54000 if a tally of so many bytes would be. */
static inline void
check_size(const Tally *tally, Size bytes)
{
	check_fit_memory(bytes + size_of_others(tally));
}

/* A tally has its size: let the others of its aggregate know. */
static inline void
share_size(Tally *tally)
{
	if (tally->shared == NULL)
		return;
	*tally->shared = size_of_others(tally) + tally_size(tally);
	tally->bytes = tally_size(tally);
}

/* Bytes that folding takes where there is room for so many singles and all of them differ. */
static inline Size
fold_size(const Tally *tally, Size room)
{
	return (tally->allocated + tally->nrecords + room) * record_size(tally) + room * single_size(tally);
}

/* Are two rows of so many words the same? */
static inline bool
same_words(const uint64 *a, const uint64 *b, int nwords)
{
	return a[0] == b[0] && (nwords < 2 || a[1] == b[1]) && (nwords < 3 || a[2] == b[2]);
}

/* ---- The hash table ---- */

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

/* Let a new tally share a number of bytes with the others of its aggregate. */
void
tally_share(Tally *tally, Size *shared)
{
	tally->shared = shared;
	tally->bytes = 0;
	share_size(tally);
}

/* Double the hash table. */
static void
grow_table(Tally *tally)
{
	uint64	   *old = tally->records;
	Size		nold = tally->allocated;
	Size		i;

	check_size(tally, 2 * nold * record_size(tally));
	tally->records = MemoryContextAllocZero(tally->context, 2 * nold * record_size(tally));
	tally->allocated = 2 * nold;
	for (i = 0; i < nold; i++)
	{
		const uint64 *record = old + i * (tally->nwords + 1);

		if (record[tally->nwords] != 0)
			memcpy(find_slot(tally, record), record, record_size(tally));
	}
	pfree(old);
	share_size(tally);
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
	Assert(n == tally->nrecords);
	tally->hashed = false;
	tally->condensed = 0;
}

/* ---- Sorting ---- */

/* Does a record go before another by its words from one on?  Inlined, as the next ones, where the compiler knows the numbers. */
static pg_attribute_always_inline bool
goes_before(const uint64 *a, const uint64 *b, int nwords, int word)
{
	for (; word < nwords - 1; word++)
		if (a[word] != b[word])
			return a[word] < b[word];
	return a[word] < b[word];
}

static pg_attribute_always_inline void
copy_record(uint64 *to, const uint64 *from, Size width)
{
	Size		i;

	for (i = 0; i < width; i++)
		to[i] = from[i];
}

/* Are so many records in order already? */
static bool
in_order(const uint64 *records, Size n, int nwords, int width)
{
	Size		i;

	for (i = 1; i < n; i++)
	{
		if (i % BLOCK == 0)
			CHECK_FOR_INTERRUPTS();
		if (goes_before(records + i * width, records + (i - 1) * width, nwords, 0))
			return false;
	}
	return true;
}

/* Bring a few records in order, from one place to another. */
static pg_attribute_always_inline void
sort_few(uint64 *to, const uint64 *from, Size n, int nwords, int width, int word)
{
	Size		i;

	for (i = 0; i < n; i++)
	{
		const uint64 *record = from + i * width;
		uint64	   *place = to + i * width;

		for (; place > to && goes_before(record, place - width, nwords, word); place -= width)
			copy_record(place, place - width, width);
		copy_record(place, record, width);
	}
}

static void sort_part(uint64 *records, uint64 *spare, Size n, int nwords, int width, int word);

/*
 * Sort records by their words from one on; "spare" is as large.  The range of the
 * word is divided evenly, and the records are divided by it into parts, which are
 * sorted in turn: a few of them by insertion.
 */
static pg_attribute_always_inline void
sort_part_of(uint64 *records, uint64 *spare, Size n, int nwords, int width, int word)
{
	uint64		low = records[word];
	uint64		high = low;
	int			bits = n > CACHED ? PARTS_BITS : Max(pg_leftmost_one_pos64(n) - 1, 1);
	int			shift;
	Size		nparts;
	Size	   *ends;
	Size		sum = 0;
	Size		i;

	for (i = 1; i < n; i++)
	{
		uint64		value = records[i * width + word];

		if (i % BLOCK == 0)
			CHECK_FOR_INTERRUPTS();
		low = Min(low, value);
		high = Max(high, value);
	}
	if (low == high)
	{
		if (word + 1 < nwords)
			sort_part(records, spare, n, nwords, width, word + 1);
		return;
	}
	shift = Max(pg_leftmost_one_pos64(high - low) + 1 - bits, 0);
	nparts = ((high - low) >> shift) + 1;
	ends = palloc0(nparts * sizeof(Size));
	for (i = 0; i < n; i++)
	{
		if (i % BLOCK == 0)
			CHECK_FOR_INTERRUPTS();
		ends[(records[i * width + word] - low) >> shift]++;
	}
	for (i = 0; i < nparts; i++)
	{
		Size		count = ends[i];

		ends[i] = sum;
		sum += count;
	}
	for (i = 0; i < n; i++)
	{
		const uint64 *record = records + i * width;

		if (i % BLOCK == 0)
			CHECK_FOR_INTERRUPTS();
		copy_record(spare + ends[(record[word] - low) >> shift]++ * width, record, width);
	}
	for (i = 0; i < nparts; i++)
	{
		Size		begin = i > 0 ? ends[i - 1] : 0;
		Size		count = ends[i] - begin;
		uint64	   *part = records + begin * width;

		if (count <= FEW)
			sort_few(part, spare + begin * width, count, nwords, width, word);
		else
		{
			memcpy(part, spare + begin * width, count * width * sizeof(uint64));
			sort_part(part, spare + begin * width, count, nwords, width, word);
		}
	}
	pfree(ends);
}

/* The same, compiled for one word without and with a count, which are most, and for the rest. */
static void
sort_part(uint64 *records, uint64 *spare, Size n, int nwords, int width, int word)
{
	CHECK_FOR_INTERRUPTS();
	if (width == 1)
		sort_part_of(records, spare, n, 1, 1, 0);
	else if (nwords == 1)
		sort_part_of(records, spare, n, 1, 2, 0);
	else
		sort_part_of(records, spare, n, nwords, width, word);
}

/* Bring a tally's records or singles in order. */
static void
sort_rows(const Tally *tally, uint64 *rows, Size n, int width)
{
	Size		bytes = n * width * sizeof(uint64);
	uint64	   *spare;

	if (in_order(rows, n, tally->nwords, width))
		return;
	check_size(tally, tally_size(tally) + bytes);
	spare = MemoryContextAllocHuge(tally->context, bytes);
	sort_part(rows, spare, n, tally->nwords, width, 0);
	pfree(spare);
}

/* ---- The buffers ---- */

/* Sort the records and add up the counts of equal ones. */
static void
condense(Tally *tally)
{
	int			nwords = tally->nwords;
	int			width = nwords + 1;
	Size		n = 0;
	Size		i;

	if (tally->condensed == tally->nrecords)
		return;
	sort_rows(tally, tally->records, tally->nrecords, width);
	for (i = 0; i < tally->nrecords; i++)
	{
		const uint64 *record = tally->records + i * width;
		uint64	   *last = tally->records + (n - 1) * width;

		if (i % BLOCK == 0)
			CHECK_FOR_INTERRUPTS();
		if (n > 0 && same_words(last, record, nwords))
			last[nwords] += record[nwords];
		else if (n++ < i)
			memcpy(last + width, record, record_size(tally));
	}
	tally->nrecords = n;
	tally->condensed = n;
}

/* How many of so many sorted rows are distinct.  Inlined, where the compiler knows the number of words. */
static pg_attribute_always_inline Size
count_distinct(const uint64 *rows, Size n, int nwords)
{
	Size		distinct = n > 0;
	Size		begin;
	Size		i;

	for (begin = 1; begin < n; begin += BLOCK)
	{
		CHECK_FOR_INTERRUPTS();
		for (i = begin; i < Min(n, begin + BLOCK); i++)
			distinct += !same_words(rows + i * nwords, rows + (i - 1) * nwords, nwords);
	}
	return distinct;
}

/* Sort the singles; how many of them are distinct. */
static Size
sort_singles(Tally *tally)
{
	sort_rows(tally, tally->singles, tally->nsingles, tally->nwords);
	if (tally->nwords == 1)
		return count_distinct(tally->singles, tally->nsingles, 1);
	return count_distinct(tally->singles, tally->nsingles, tally->nwords);
}

/* Count the sorted singles, of which so many are distinct, and merge them into the records. */
static void
fold(Tally *tally, Size distinct)
{
	int			nwords = tally->nwords;
	const uint64 *single = tally->singles;
	const uint64 *singles_end = single + tally->nsingles * nwords;
	const uint64 *record;
	const uint64 *records_end;
	uint64	   *merged;
	uint64	   *to;
	Size		room;

	condense(tally);
	room = Max(tally->nrecords + distinct, 1);
	check_size(tally, tally_size(tally) + room * record_size(tally));
	merged = to = MemoryContextAllocHuge(tally->context, room * record_size(tally));
	record = tally->records;
	records_end = record + tally->nrecords * (nwords + 1);
	while (single < singles_end || record < records_end)
	{
		if ((to - merged) % (BLOCK * (nwords + 1)) == 0)
			CHECK_FOR_INTERRUPTS();
		if (single == singles_end || (record < records_end && !goes_before(single, record, nwords, 0)))
		{
			copy_record(to, record, nwords + 1);
			record += nwords + 1;
		}
		else
		{
			copy_record(to, single, nwords);
			to[nwords] = 0;
		}
		for (; single < singles_end && same_words(single, to, nwords); single += nwords)
		{
			if (to[nwords] % BLOCK == 0)
				CHECK_FOR_INTERRUPTS();
			to[nwords]++;
		}
		to += nwords + 1;
	}
	pfree(tally->records);
	tally->records = merged;
	tally->allocated = room;
	tally->nrecords = tally->condensed = (to - merged) / (nwords + 1);
	tally->nsingles = 0;
	share_size(tally);
}

/* Do three of four singles repeat others, as far as a sample shows, which is all rows of some hash values? */
static bool
singles_repeat(const Tally *tally)
{
	Tally	   *sample = tally_create(tally->context, tally->nwords);
	uint64		mask = tally->room / SAMPLE - 1;
	bool		repeat;
	Size		i;

	for (i = 0; i < tally->nsingles; i++)
	{
		const uint64 *words = tally->singles + i * tally->nwords;

		if (i % BLOCK == 0)
			CHECK_FOR_INTERRUPTS();
		/* the table has its slots by the lower bits */
		if (((tally_hash(words, tally->nwords) >> 20) & mask) == 0)
			tally_add(sample, words, 1);
	}
	repeat = sample->nrecords + sample->nsingles <= sample->total / 4;
	pfree(sample->records);
	if (sample->singles != NULL)
		pfree(sample->singles);
	pfree(sample);
	return repeat;
}

/* Make room for singles: by folding those that are there, or by doubling their buffer. */
static void
make_singles_room(Tally *tally)
{
	Size		room = Max(2 * tally->room, FIRST_SINGLES);

	if (tally->nsingles > 0 &&
		(too_large(tally, fold_size(tally, room)) || ((tally->room & LOOKED_AT) != 0 && singles_repeat(tally))))
	{
		fold(tally, sort_singles(tally));
		/* so many must come until the next time that they are worth going through the records */
		room = Max(tally->nrecords / 8, FIRST_SINGLES);
		if (tally->room >= room && !too_large(tally, fold_size(tally, tally->room)))
			return;
		pfree(tally->singles);
		tally->singles = NULL;
		tally->room = 0;
		share_size(tally);
		room = pg_nextpower2_64(room);
		check_size(tally, fold_size(tally, room));
	}
	if (tally->singles == NULL)
		tally->singles = MemoryContextAllocHuge(tally->context, room * single_size(tally));
	else
		tally->singles = repalloc_huge(tally->singles, room * single_size(tally));
	tally->room = room;
	share_size(tally);
}

/* Add rows of count 1 to the buffer. */
static pg_attribute_always_inline void
add_singles(Tally *tally, const uint64 *rows, Size n)
{
	while (n > 0)
	{
		Size		part;

		if (tally->nsingles == tally->room)
			make_singles_room(tally);
		part = Min(n, tally->room - tally->nsingles);
		copy_record(tally->singles + tally->nsingles * tally->nwords, rows, part * tally->nwords);
		tally->nsingles += part;
		rows += part * tally->nwords;
		n -= part;
	}
}

/*
 * Make room for records in a full buffer: by condensing it, unless that gained
 * little the last time, and by doubling it where too little room comes of that.
 */
static void
make_records_room(Tally *tally)
{
	Size		bytes = 2 * tally->allocated * record_size(tally);

	/* what came since the last time is most of it, so condensing is paid for by those additions */
	if (tally->condensed < tally->allocated / 2 || too_large(tally, bytes))
		condense(tally);
	if (tally->nrecords <= tally->allocated / 2)
		return;
	check_size(tally, bytes);
	tally->records = repalloc_huge(tally->records, bytes);
	tally->allocated *= 2;
	share_size(tally);
}

/* Add a row to the buffer's records. */
static void
add_record(Tally *tally, const uint64 *words, uint64 count)
{
	uint64	   *record;

	if (tally->nrecords == tally->allocated)
		make_records_room(tally);
	record = tally->records + tally->nrecords * (tally->nwords + 1);
	memcpy(record, words, single_size(tally));
	record[tally->nwords] = count;
	tally->nrecords++;
}

/*
 * Give up the hash table for the buffers.  There is room for all singles before the
 * first is moved: to make it on the way might fold, which changes the records.
 */
static void
give_up_table(Tally *tally)
{
	int			width = tally->nwords + 1;
	Size		nsingles = 0;
	Size		n = 0;
	Size		i;

	table_to_buffer(tally);
	for (i = 0; i < tally->nrecords; i++)
		nsingles += tally->records[i * width + tally->nwords] == 1;
	if (nsingles > 0)
	{
		Size		room = pg_nextpower2_64(Max(nsingles, FIRST_SINGLES));

		check_size(tally, tally_size(tally) + room * single_size(tally));
		tally->singles = MemoryContextAllocHuge(tally->context, room * single_size(tally));
		tally->room = room;
	}
	for (i = 0; i < tally->nrecords; i++)
	{
		const uint64 *record = tally->records + i * width;

		if (record[tally->nwords] == 1)
			add_singles(tally, record, 1);
		else if (n++ < i)
			memcpy(tally->records + (n - 1) * width, record, record_size(tally));
	}
	tally->nrecords = n;
	tally->allocated = Max(n, FIRST_SLOTS);
	tally->records = repalloc(tally->records, tally->allocated * record_size(tally));
	share_size(tally);
}

/* Add to a row in the hash table; false if it is not there and there is no room. */
static bool
add_hashed(Tally *tally, const uint64 *words, uint64 count)
{
	uint64	   *record = find_slot(tally, words);

	if (record[tally->nwords] == 0)
	{
		if (tally->nrecords >= MOST_HASHED)
			return false;
		if (2 * (tally->nrecords + 1) > tally->allocated)
		{
			grow_table(tally);
			record = find_slot(tally, words);
		}
		memcpy(record, words, single_size(tally));
		tally->nrecords++;
	}
	record[tally->nwords] += count;
	return true;
}

/* So many rows more; raises 22003 above 2^63. */
static inline void
count_rows(Tally *tally, uint64 count)
{
	if (count > (uint64) PG_INT64_MAX - tally->total)
		ereport(ERROR,
				(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
				 errmsg("the rows of one aggregate, times their weights, are more than %lld", (long long) PG_INT64_MAX)));
	tally->total += count;
	tally->sorted = false;
}

/* tally_add where the row is not in its first slot. */
void
tally_add_general(Tally *tally, const uint64 *words, uint64 count)
{
	if (count == 0)
		return;
	count_rows(tally, count);
	if (!tally->hashed || !add_hashed(tally, words, count))
	{
		if (tally->hashed)
			give_up_table(tally);
		if (count == 1)
			add_singles(tally, words, 1);
		else
			add_record(tally, words, count);
	}
}

/* ---- A whole tally ---- */

/* Add the rows of another tally of as many words; it stays as it is. */
void
tally_combine(Tally *tally, const Tally *other)
{
	int			nwords = tally->nwords;
	Size		nrecords = other->hashed ? other->allocated : other->nrecords;
	Size		i;

	Assert(nwords == other->nwords);
	for (i = 0; i < nrecords; i++)
	{
		const uint64 *record = other->records + i * (nwords + 1);

		if (i % BLOCK == 0)
			CHECK_FOR_INTERRUPTS();
		tally_add(tally, record, record[nwords]);
	}
	for (i = 0; i < other->nsingles && tally->hashed; i++)
		tally_add(tally, other->singles + i * nwords, 1);
	if (i < other->nsingles)
	{
		count_rows(tally, other->nsingles - i);
		add_singles(tally, other->singles + i * nwords, other->nsingles - i);
	}
	tally_skip(tally, other->skipped);
}

/* Make the rows distinct and bring them in order.  More may be added afterwards. */
void
tally_sort(Tally *tally)
{
	Size		distinct;

	if (tally->sorted)
		return;
	if (tally->hashed)
		table_to_buffer(tally);
	distinct = sort_singles(tally);
	if (tally->nrecords == 0 && distinct == tally->nsingles)
	{
		tally->rows = tally->singles;
		tally->width = tally->nwords;
		tally->n = distinct;
	}
	else
	{
		if (distinct > 0)
			fold(tally, distinct);
		else
			condense(tally);
		tally->rows = tally->records;
		tally->width = tally->nwords + 1;
		tally->n = tally->nrecords;
	}
	tally->sorted = true;
}

/* Write a tally for another process, which will sort it. */
void
tally_write(StringInfo buffer, Tally *tally)
{
	Size		bytes;

	if (tally->hashed)
		table_to_buffer(tally);
	condense(tally);
	tally->sorted = false;
	bytes = tally->nrecords * record_size(tally) + tally->nsingles * single_size(tally);
	if (!AllocSizeIsValid(bytes))
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("a parallel worker holds %zu distinct rows of this aggregate, more than it can hand on",
						tally->nrecords + tally->nsingles),
				 errhint("Set max_parallel_workers_per_gather to 0, or give the aggregate values that are rounded.")));
	pq_sendint64(buffer, tally->nwords);
	pq_sendint64(buffer, tally->skipped);
	pq_sendint64(buffer, tally->nrecords);
	pq_sendint64(buffer, tally->nsingles);
	pq_sendbytes(buffer, (const char *) tally->records, tally->nrecords * record_size(tally));
	pq_sendbytes(buffer, (const char *) tally->singles, tally->nsingles * single_size(tally));
}

/* Read what tally_write wrote, rows of so many words, into the current memory context. */
Tally *
tally_read(StringInfo buffer, int nwords)
{
	MemoryContext context = CurrentMemoryContext;
	Tally	   *tally = MemoryContextAllocZero(context, sizeof(Tally));
	Size		left;
	Size		i;

	tally->context = context;
	tally->nwords = pq_getmsgint64(buffer);
	tally->skipped = pq_getmsgint64(buffer);
	tally->nrecords = pq_getmsgint64(buffer);
	tally->nsingles = pq_getmsgint64(buffer);
	left = buffer->len - buffer->cursor;
	if (tally->nwords != nwords ||
		tally->nrecords > left / record_size(tally) ||
		tally->nsingles > (left - tally->nrecords * record_size(tally)) / single_size(tally))
		elog(ERROR, "unexpected state of an aggregate");
	tally->condensed = tally->nrecords;
	tally->allocated = Max(tally->nrecords, FIRST_SLOTS);
	tally->room = tally->nsingles > 0 ? pg_nextpower2_64(Max(tally->nsingles, FIRST_SINGLES)) : 0;
	check_fit_memory(tally_size(tally));
	tally->records = MemoryContextAllocHuge(context, tally->allocated * record_size(tally));
	pq_copymsgbytes(buffer, (char *) tally->records, tally->nrecords * record_size(tally));
	if (tally->room > 0)
		tally->singles = MemoryContextAllocHuge(context, tally->room * single_size(tally));
	pq_copymsgbytes(buffer, (char *) tally->singles, tally->nsingles * single_size(tally));
	tally->total = tally->nsingles;
	for (i = 0; i < tally->nrecords; i++)
		tally->total += tally->records[i * (tally->nwords + 1) + tally->nwords];
	return tally;
}

/* Add the second state to the first; either may be NULL. */
Datum
tally_state_combine(FunctionCallInfo fcinfo)
{
	MemoryContext context = fit_context(fcinfo);
	const Tally *other;
	Tally	   *tally;

	if (PG_ARGISNULL(1))
	{
		if (PG_ARGISNULL(0))
			PG_RETURN_NULL();
		PG_RETURN_POINTER(PG_GETARG_POINTER(0));
	}
	other = (const Tally *) PG_GETARG_POINTER(1);
	tally = PG_ARGISNULL(0) ? tally_create(context, other->nwords) : (Tally *) PG_GETARG_POINTER(0);
	tally_combine(tally, other);
	PG_RETURN_POINTER(tally);
}

/* The state as bytes. */
Datum
tally_state_serial(FunctionCallInfo fcinfo)
{
	StringInfoData buffer;

	fit_context(fcinfo);
	pq_begintypsend(&buffer);
	tally_write(&buffer, (Tally *) PG_GETARG_POINTER(0));
	PG_RETURN_BYTEA_P(pq_endtypsend(&buffer));
}

/* The state from bytes. */
Datum
tally_state_deserial(FunctionCallInfo fcinfo, int nwords)
{
	StringInfoData buffer = message_of(PG_GETARG_BYTEA_PP(0));
	Tally	   *tally = tally_read(&buffer, nwords);

	fit_context(fcinfo);
	pq_getmsgend(&buffer);
	PG_RETURN_POINTER(tally);
}
