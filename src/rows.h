/*
 * rows.h
 *		Subscription rows as arguments of an aggregate: checked, with money in
 *		millionths and the customer as a key.  See docs/ledger.md, "Subscription rows".
 *
 * Everything here is inlined into the transition functions, one instance per
 * customer type and time type.  Nothing depends on a setting, a catalog or a
 * collation: on a distributed plan those are not the client's.
 */
#ifndef CM_ROWS_H
#define CM_ROWS_H

#include "fmgr.h"
#include "utils/date.h"
#include "utils/timestamp.h"
#include "utils/uuid.h"

#include "ledger.h"

/* One subscription row as the ledger takes it; times in days for dates. */
typedef struct SubscriptionRow
{
	uint64		key[2];
	int64		start;
	int64		end;			/* ROW_RUNNING where it still runs */
	int64		mrr;			/* millionths */
} SubscriptionRow;

#define ROW_RUNNING			PG_INT64_MAX

typedef enum RowTime
{
	ROW_DATE,
	ROW_TIMESTAMP,
	ROW_TIMESTAMPTZ
} RowTime;

/* rows.c */
pg_noreturn extern void row_null_argument(const char *argument);
pg_noreturn extern void row_infinite_start(bool negative);
pg_noreturn extern void row_infinite_end(void);
pg_noreturn extern void row_date_out_of_range(const char *argument, DateADT date);
pg_noreturn extern void row_ends_before_start(int64 start, int64 end, RowTime time);
extern void text_key(const char *bytes, Size length, uint64 *key);

/* A customer of an array, to be found by its key. */
typedef struct KeyedCustomer
{
	uint64		key[2];
	int			index;			/* in the array */
} KeyedCustomer;

extern KeyedCustomer *customers_by_key(Datum array, Datum **values, int *n);

/* The finaliser of MurmurHash3: a bijection of 64 bits that mixes them well. */
static inline uint64
mix64(uint64 h)
{
	h ^= h >> 33;
	h *= UINT64CONST(0xff51afd7ed558ccd);
	h ^= h >> 33;
	h *= UINT64CONST(0xc4ceb9fe1a85ec53);
	h ^= h >> 33;
	return h;
}

/* A uuid's key: three Feistel rounds, a bijection of 128 bits. */
static inline void
uuid_key(const unsigned char *bytes, uint64 *key)
{
	uint64		a = load_u64(bytes);
	uint64		b = load_u64(bytes + 8);

	a ^= mix64(b + UINT64CONST(0x9e3779b97f4a7c15));
	b ^= mix64(a + UINT64CONST(0xbf58476d1ce4e5b9));
	a ^= mix64(b + UINT64CONST(0x94d049bb133111eb));
	key[0] = a;
	key[1] = b;
}

/* Read started_at and ended_at into the row; what is no stretch of time is an error. */
static pg_attribute_always_inline void
row_times(FunctionCallInfo fcinfo, RowTime time, SubscriptionRow *row)
{
	bool		running = PG_ARGISNULL(3);

	if (time == ROW_DATE)
	{
		DateADT		start = PG_GETARG_DATEADT(2);
		DateADT		end = running ? 0 : PG_GETARG_DATEADT(3);

		if (unlikely(DATE_NOT_FINITE(start)))
			row_infinite_start(DATE_IS_NOBEGIN(start));
		if (unlikely(start >= TIMESTAMP_END_JULIAN - POSTGRES_EPOCH_JDATE))
			row_date_out_of_range("started_at", start);
		if (!running && unlikely(end >= TIMESTAMP_END_JULIAN - POSTGRES_EPOCH_JDATE))
		{
			if (!DATE_IS_NOEND(end))
				row_date_out_of_range("ended_at", end);
			running = true;
		}
		if (!running && unlikely(DATE_IS_NOBEGIN(end)))
			row_infinite_end();
		row->start = start;
		row->end = running ? ROW_RUNNING : end;
	}
	else
	{
		Timestamp	start = PG_GETARG_TIMESTAMP(2);

		if (unlikely(TIMESTAMP_NOT_FINITE(start)))
			row_infinite_start(TIMESTAMP_IS_NOBEGIN(start));
		row->start = start;
		row->end = running ? ROW_RUNNING : PG_GETARG_TIMESTAMP(3);	/* infinity is ROW_RUNNING */
		if (unlikely(TIMESTAMP_IS_NOBEGIN(row->end)))
			row_infinite_end();
	}
	if (unlikely(row->end < row->start))
		row_ends_before_start(row->start, row->end, time);
}

/*
 * Read the arguments (customer, started_at, ended_at [, mrr]) from the second
 * on.  Returns false for a row to be ignored as padding; an empty stretch has
 * start = end.  What the contract forbids is an error that states the value.
 */
static pg_attribute_always_inline bool
row_from_arguments(FunctionCallInfo fcinfo, uint8 customer, RowTime time,
				   bool has_mrr, SubscriptionRow *row)
{
	if (unlikely(PG_ARGISNULL(1) || PG_ARGISNULL(2)))
	{
		if (PG_ARGISNULL(1) && PG_ARGISNULL(2))
			return false;
		row_null_argument(PG_ARGISNULL(1) ? "customer" : "started_at");
	}
	row_times(fcinfo, time, row);
	row->mrr = 0;
	if (has_mrr)
	{
		if (unlikely(PG_ARGISNULL(4)))
			row_null_argument("mrr");
		row->mrr = mrr_from_numeric(PG_GETARG_DATUM(4));
	}

	row->key[1] = 0;
	if (customer == LEDGER_CUSTOMER_BIGINT)
		row->key[0] = mix64((uint64) PG_GETARG_INT64(1));
	else if (customer == LEDGER_CUSTOMER_UUID)
		uuid_key(PG_GETARG_UUID_P(1)->data, row->key);
	else
	{
		text	   *name = PG_GETARG_TEXT_PP(1);

		text_key(VARDATA_ANY(name), VARSIZE_ANY_EXHDR(name), row->key);
	}
	return true;
}

#endif							/* CM_ROWS_H */
