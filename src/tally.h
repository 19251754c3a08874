/*
 * tally.h
 *		A multiset of rows: how often each one came.
 *
 * A row is a few words of 64 bits, such as a duration and whether it ended in
 * churn.  The estimators see distinct rows and their counts, in order of the
 * words, so that their results do not depend on the plan or on the order of the
 * input, and their cost does not depend on the number of customers.
 *
 * As long as there are few distinct rows they are held in a hash table.  Then
 * new ones are kept one by one, without counts, and sorted at the end; where most
 * of them repeat others, or memory is short, they are counted on the way.  A row
 * takes 8 bytes a word, up to twice that as the buffer grows, and 8 a word more to
 * be sorted; a distinct one, once counted, 8 bytes a word and 8 for its count, and
 * twice that while others are added to it.  churnmetrics.fit_memory is the most
 * that one aggregate may take; one with several tallies lets them share a number
 * of bytes.
 *
 *		Tally *tally = tally_create(aggcontext, 1);
 *		... tally_add_word(tally, word, 1); ...
 *		tally_sort(tally);
 *		for (i = 0; i < tally->n; i++)
 *			... tally_words(tally, i)[0], tally_count(tally, i) ...
 */
#ifndef CM_TALLY_H
#define CM_TALLY_H

#include "fmgr.h"
#include "lib/stringinfo.h"
#include "port/pg_bswap.h"

#define TALLY_MAX_WORDS		3

typedef struct Tally
{
	MemoryContext context;
	int			nwords;			/* of a row */
	bool		hashed;			/* records are in a hash table */
	bool		sorted;			/* the three that follow are valid */
	Size		n;				/* distinct rows */
	const uint64 *rows;			/* in order: the records, or the singles where all counts are 1 */
	int			width;			/* words from one of them to the next */
	Size		nrecords;
	Size		allocated;		/* room for so many; slots of the hash table, a power of 2 */
	Size		condensed;		/* so many of the buffer's are distinct and in order */
	uint64	   *records;		/* words and count; an empty slot has count 0 */
	Size		nsingles;
	Size		room;			/* for so many, 0 or a power of 2 */
	uint64	   *singles;		/* words of rows that came once each, or again; none while hashed */
	uint64		total;			/* sum of the counts */
	int64		skipped;		/* rows left out for a NULL: the caller counts them */
	Size	   *shared;			/* bytes of all tallies of the aggregate, or NULL where there is no other */
	Size		bytes;			/* of this one in that number */
} Tally;

extern Tally *tally_create(MemoryContext context, int nwords);
extern void tally_share(Tally *tally, Size *shared);
extern void tally_add_general(Tally *tally, const uint64 *words, uint64 count);
extern void tally_combine(Tally *tally, const Tally *other);
extern void tally_sort(Tally *tally);
extern void tally_write(StringInfo buffer, Tally *tally);
extern Tally *tally_read(StringInfo buffer, int nwords);

/* Combine, serialization and deserialization of an aggregate whose state is a tally and nothing else. */
extern Datum tally_state_combine(FunctionCallInfo fcinfo);
extern Datum tally_state_serial(FunctionCallInfo fcinfo);
extern Datum tally_state_deserial(FunctionCallInfo fcinfo, int nwords);

/* The words of the i-th row of a sorted tally. */
static inline const uint64 *
tally_words(const Tally *tally, Size i)
{
	return tally->rows + i * tally->width;
}

/* The count of the i-th row of a sorted tally. */
static inline uint64
tally_count(const Tally *tally, Size i)
{
	return tally->width > tally->nwords ? tally->rows[i * tally->width + tally->nwords] : 1;
}

/*
 * Where a row's slot is looked for first, before the table's size is applied.
 * The product's high bits are the good ones, so they become the low ones: whole
 * numbers as doubles have nothing but zeros in their lower half.
 */
static inline uint64
tally_hash(const uint64 *words, int nwords)
{
	uint64		h = words[0] * UINT64CONST(0x9E3779B97F4A7C15);
	int			i;

	for (i = 1; i < nwords; i++)
		h = (h ^ (h >> 32) ^ words[i]) * UINT64CONST(0x9E3779B97F4A7C15);
	return pg_bswap64(h);
}

/* Count rows that were left out; as many as a bigint holds are the most. */
static inline void
tally_skip(Tally *tally, int64 rows)
{
	tally->skipped += Min(rows, PG_INT64_MAX - tally->skipped);
}

/* tally_add for a tally of one word. */
static inline void
tally_add_word(Tally *tally, uint64 word, uint64 count)
{
	if (likely(tally->hashed))
	{
		uint64	   *slot = tally->records + 2 * (tally_hash(&word, 1) & (tally->allocated - 1));

		if (slot[1] != 0 && slot[0] == word && likely(count <= (uint64) PG_INT64_MAX - tally->total))
		{
			slot[1] += count;
			tally->total += count;
			return;
		}
	}
	tally_add_general(tally, &word, count);
}

/* Add a row of as many words as the tally has "count" times; raises 54000 above fit_memory, and 22003 above 2^63 rows. */
static inline void
tally_add(Tally *tally, const uint64 *words, uint64 count)
{
	if (likely(tally->hashed))
	{
		int			nwords = tally->nwords;
		uint64	   *slot = tally->records + (tally_hash(words, nwords) & (tally->allocated - 1)) * (nwords + 1);

		if (slot[nwords] != 0 && slot[0] == words[0] &&
			(nwords < 2 || slot[1] == words[1]) && (nwords < 3 || slot[2] == words[2]) &&
			likely(count <= (uint64) PG_INT64_MAX - tally->total))
		{
			slot[nwords] += count;
			tally->total += count;
			return;
		}
	}
	tally_add_general(tally, words, count);
}

/* A double as a word that sorts as the double does (-0 as 0), and back; not for NaN. */
static inline uint64
word_of_double(double value)
{
	uint64		bits;

	value += 0.0;				/* -0 becomes 0 */
	memcpy(&bits, &value, sizeof(bits));
	return (bits >> 63) ? ~bits : bits | (UINT64CONST(1) << 63);
}

static inline double
double_of_word(uint64 word)
{
	uint64		bits = (word >> 63) ? word & ~(UINT64CONST(1) << 63) : ~word;
	double		value;

	memcpy(&value, &bits, sizeof(value));
	return value;
}

#endif							/* CM_TALLY_H */
